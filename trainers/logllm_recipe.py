"""What a run of LogLLM departs from its preset in: one flat YAML mapping, every key of it a field below.

A key that is not given means "as the preset says", so a recipe is as short as what it changes; two
settings that cannot both hold are refused by name, and an unknown key is answered with the nearest ones there are.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from .assemble import preset_named
from .logllm_config import BATCH, DTYPES, PRESETS, STAGE_TABLES, LogLLMPreset, Stage

# Fields of the preset's row that a recipe may overrule.
OF_THE_PRESET = (
    "encoder",
    "decoder",
    "random_encoder",
    "random_decoder",
    "decoder_layers",
    "dropout",
    "pooling",
    "mask",
    "stages",
    "lora",
    "load_in_4bit",
    "dtype",
    "repeats",
    "micro_batch",
    "gradient_checkpointing",
    "bf16",
    "noise",
    "mix",
    "word_dropout",
    "variants",
    "reorder",
    "validations",
    "patience",
    "prompt_suffix",
    "weight_decay",
    "clipping",
    "long_windows",
    "nearest_wording",
    "encoder_kind",
)
ENCODER_KINDS = ("text", "embedding")


@dataclass(frozen=True)
class LogLLMRecipe:
    """Settings of a run of LogLLM; None = as the preset says (`LogLLMPreset` documents those fields).

    Args:
        preset: row of `PRESETS`.
        without: names of stages to leave out (the paper's ablation).
        last_epochs: epochs of the last stage.
        schedule: of every stage, in place of the table's.
        learning_rate_factor: multiplies every stage's rate.
        max_samples: samples an epoch at most, in every stage.
        minority_share: beta; 0 = no oversampling.
        batch: windows a step, over all processes.
        false_alarm_rate: set the threshold by this share of normal validation windows instead of by the best F1.
    """

    preset: str = "tiny"
    encoder: str | None = None
    decoder: str | None = None
    random_encoder: bool | None = None
    random_decoder: bool | None = None
    decoder_layers: int | None = None
    dropout: float | None = None
    pooling: str | None = None
    mask: bool | None = None
    stages: str | None = None
    lora: bool | None = None
    load_in_4bit: bool | None = None
    dtype: str | None = None
    repeats: float | None = None
    micro_batch: int | None = None
    gradient_checkpointing: bool | None = None
    bf16: bool | None = None
    noise: float | None = None
    mix: float | None = None
    word_dropout: float | None = None
    variants: int | None = None
    reorder: float | None = None
    validations: int | None = None
    patience: int | None = None
    prompt_suffix: str | None = None
    weight_decay: float | None = None
    clipping: float | None = None
    long_windows: str | None = None
    nearest_wording: float | None = None
    encoder_kind: str | None = None
    without: tuple[str, ...] = ()
    last_epochs: float | None = None
    schedule: str | None = None
    learning_rate_factor: float = 1.0
    max_samples: int | None = None
    minority_share: float = 0.3
    batch: int = BATCH
    false_alarm_rate: float | None = None

    def __post_init__(self):
        object.__setattr__(self, "without", tuple(self.without))
        self.row()
        self.stage_rows()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "LogLLMRecipe":
        """Make a recipe of plain values.

        Raises:
            ValueError: an unknown key, a value of the wrong kind, or two settings that clash.
        """
        kinds = {one.name: str(one.type) for one in fields(cls)}
        for key, value in settings.items():
            if key not in kinds:
                near = get_close_matches(str(key), kinds, n=3, cutoff=0.4) or sorted(kinds)
                raise ValueError(f"a recipe's key must be one of its settings, found {key!r}: {_did_you_mean(near)}")
            _check_kind(key, value, kinds[key])
        return cls(**settings)

    @classmethod
    def from_yaml(cls, file: str | Path) -> "LogLLMRecipe":
        """Read a recipe of training; raises as `of`, and OSError."""
        settings = yaml.safe_load(Path(file).read_text("utf-8")) or {}
        if not isinstance(settings, dict):
            raise ValueError(f"a recipe must be one mapping of settings, found {type(settings).__name__} in {file}")
        return cls.of(settings)

    def row(self) -> LogLLMPreset:
        """Return the preset's row with this recipe's settings in it."""
        preset: LogLLMPreset = preset_named(PRESETS, self.preset)
        row = replace(
            preset, **{name: getattr(self, name) for name in OF_THE_PRESET if getattr(self, name) is not None}
        )
        if row.load_in_4bit and not row.lora:
            raise ValueError(
                "load_in_4bit: true needs lora: true, found lora: false: 4-bit weights cannot be trained; keep lora for "
                "a large model, or set load_in_4bit: false"
            )
        if row.dtype not in DTYPES:
            raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, found {row.dtype!r}")
        for name in ("random_decoder", "decoder_layers"):
            if getattr(row, name) and row.decoder is None:
                raise ValueError(
                    f"{name} needs a decoder to take the shape of, found none in preset {self.preset!r}, whose decoder "
                    "starts from nothing anyway: name a decoder, or leave it out"
                )
        if row.random_decoder and row.lora:
            raise ValueError(
                "random_decoder: true needs lora: false, found lora: true: an adapter on random weights leaves them as they "
                "are; train them whole"
            )
        if row.random_encoder and row.encoder is None:
            raise ValueError(
                f"random_encoder: true needs an encoder to take the shape of, found none in preset {self.preset!r}, whose "
                "encoder starts from nothing anyway: keep one of the two"
            )
        for name in ("weight_decay", "clipping"):
            if getattr(row, name) < 0:
                raise ValueError(f"{name} must be at least 0, found {getattr(row, name)}")
        if row.long_windows not in ("overlap", "cut"):
            raise ValueError(f"long_windows must be overlap or cut, found {row.long_windows!r}")
        if row.encoder_kind not in ENCODER_KINDS:
            raise ValueError(f"encoder_kind must be one of {', '.join(ENCODER_KINDS)}, found {row.encoder_kind!r}")
        if row.encoder_kind == "embedding" and row.load_in_4bit:
            raise ValueError(
                "encoder_kind: embedding needs load_in_4bit: false, found true: there is no base to name for such an encoder, so "
                "the checkpoint is saved whole, and 4-bit weights are not; set load_in_4bit: false"
            )
        if not 0 <= row.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, found {row.dropout}")
        if not 0 <= row.nearest_wording <= 1:
            raise ValueError(f"nearest_wording must be from 0 (off) to 1, found {row.nearest_wording}")
        if not 0 <= row.repeats <= 1:
            raise ValueError(
                f"repeats must be from 0 (each distinct window once) to 1 (as often as it occurs), found {row.repeats}"
            )
        if bool(row.word_dropout) != bool(row.variants):
            raise ValueError(
                f"word_dropout and variants work together, found word_dropout: {row.word_dropout} and variants: "
                f"{row.variants}: set both (such as 0.2 and 16), or both to 0"
            )
        if row.micro_batch > self.batch or self.batch % row.micro_batch:
            raise ValueError(
                f"batch must be a multiple of micro_batch, found batch: {self.batch} and micro_batch: {row.micro_batch}: "
                f"keep the batch and set micro_batch to a divisor of it"
            )
        return row

    def stage_rows(self) -> tuple[Stage, ...]:
        """Return the stages to run, with this recipe's settings in them."""
        row = self.row()
        table: tuple[Stage, ...] = preset_named_stages(row.stages)
        names = [stage.name for stage in table]
        for name in self.without:
            if name not in names:
                raise ValueError(
                    f"without must name stages of the table {row.stages!r} ({', '.join(names)}), found {name!r}"
                )
        kept = [stage for stage in table if stage.name not in self.without]
        if not kept:
            raise ValueError(f"at least one stage must remain, found all of {', '.join(names)} in without: keep one")
        changed = []
        for stage in kept:
            for name in ("noise", "mix"):
                if getattr(row, name) and "encoder" in stage.trainable:
                    raise ValueError(
                        f"{name} needs a frozen encoder, found {name}: {getattr(row, name)} and stages: "
                        f"{row.stages}, of which {stage.name!r} trains the encoder: keep {name} with stages: "
                        f"frozen_encoder, or set {name}: 0"
                    )
            limit = min((n for n in (stage.max_samples, self.max_samples) if n is not None), default=None)
            changed.append(
                replace(
                    stage,
                    learning_rate=stage.learning_rate * self.learning_rate_factor,
                    schedule=self.schedule or stage.schedule,
                    max_samples=limit,
                    min_samples=None if limit is not None else stage.min_samples,
                )
            )
        if self.last_epochs is not None:
            changed[-1] = replace(changed[-1], epochs=self.last_epochs)
        return tuple(changed)

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, as plain values."""
        plain = LogLLMRecipe()
        values = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}
        return {k: v for k, v in values.items() if k == "preset" or getattr(self, k) != getattr(plain, k)}


def preset_named_stages(name: str) -> tuple[Stage, ...]:
    """Return a stage table, or name those there are."""
    if name not in STAGE_TABLES:
        raise ValueError(f"stages must be one of {', '.join(STAGE_TABLES)}, found {name!r}")
    return STAGE_TABLES[name]


def merged_recipe(recipe: LogLLMRecipe | None, given: Mapping[str, Any]) -> LogLLMRecipe:
    """Join a recipe with settings given beside it (the command line); what both give must agree.

    Raises:
        ValueError: both give a setting, with other values.
    """
    given = {key: value for key, value in given.items() if value is not None}
    if recipe is None:
        return LogLLMRecipe.of(given)
    said = recipe.to_dict()
    for key, value in given.items():
        if key in said and said[key] != value:
            raise ValueError(
                f"{key} must be given once, found {key}: {said[key]} in the recipe and {value} beside it: keep the recipe's "
                "and leave the option out, or take the line out of the recipe"
            )
    return LogLLMRecipe.of(said | given)


def _check_kind(key: str, value: Any, kind: str) -> None:
    allowed: tuple[type, ...] = ()
    for name, types in (
        ("str", (str,)),
        ("bool", (bool,)),
        ("int", (int,)),
        ("float", (int, float)),
        ("tuple", (list, tuple)),
    ):
        if name in kind:
            allowed += types
    if value is None and "None" in kind:
        return
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        wanted = " or ".join(one.__name__ for one in dict.fromkeys(allowed))
        raise ValueError(f"{key} must be of kind {wanted}, found {value!r}")


def _did_you_mean(names: list[str]) -> str:
    return f"did you mean {' or '.join(names)}?" if len(names) < 4 else f"there are {', '.join(names)}"
