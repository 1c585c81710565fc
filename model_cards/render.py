"""From a checkpoint's config, its metrics and its training record to the README.md that the Hub shows.

Notes:
* A card is a function of its arguments. What was not given is not there: a missing metric reads "not measured", a
  missing setting "not recorded"; nothing is guessed, nothing is rounded up.
* The YAML block goes through huggingface_hub's own card classes, so that the Hub's loader reads it back; the Markdown
  below it is Jinja, with every foreign text (titles, patterns, machine names) made harmless for a table cell.
* Numbers keep four significant digits in the text and all of them in the YAML.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import (
    DatasetCardData,
    EvalResult,
    EvalResultEntry,
    ModelCardData,
    SpaceCardData,
    eval_result_entries_to_yaml,
)
from jinja2 import Environment, FileSystemLoader, StrictUndefined

NOT_MEASURED = "not measured"
NOT_RECORDED = "not recorded"
TITLES = {"logllm": "LogLLM", "logllama": "LogLLaMA"}
DATASET_TITLE = "Windows of system logs"
PAIRS_TITLE = "Pairs of a passed and a failed build log, with labelled lines"
PAPERS = {"logllm": "2411.08561", "logllama": "2503.14849"}  # arXiv

# metric in the results: its id in the model index, its heading
METRICS = {
    "precision": ("precision", "Precision"),
    "recall": ("recall", "Recall"),
    "f1": ("f1", "F1"),
    "auroc": ("roc_auc", "AUROC"),
    "pr_auc": ("pr_auc", "PR-AUC"),
}
COUNTS = {"tp": "TP", "fp": "FP", "fn": "FN", "tn": "TN"}
COSTS = {"threshold": "Threshold", "windows": "Windows", "seconds": "Seconds"}

# Of a sub-configuration, what says how large the network is; the rest is in config.json beside the card.
SIZES = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "intermediate_size",
    "vocab_size",
    "max_position_embeddings",
)
# Of config.json, what concerns this family (in this order, where present).
SETTINGS = {
    "logllm": (
        "threshold",
        "pooling",
        "max_messages",
        "max_message_tokens",
        "long_windows",
        "base_encoder",
        "base_encoder_revision",
        "base_decoder",
        "base_decoder_revision",
        "adapter_subfolder",
    ),
    "logllama": (
        "threshold",
        "score_by",
        "count_weight",
        "num_count_vectors",
        "num_candidates",
        "candidate_share",
        "predict_end",
        "unseen_score",
        "context_keys",
        *SIZES[1:],
    ),
}


def render_model_card(
    config: Mapping[str, Any],
    metrics: Mapping[str, Any],
    training: Mapping[str, Any],
    benchmark: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The model card of a checkpoint, as Markdown with its YAML block.

    Args:
        config: The checkpoint's config.json. `model_type` must be "logllm" or "logllama"; of the rest, what is there
            is shown (threshold, prompt, base models, `log_system`, sizes).
        metrics: Name of the split -> `precision recall f1 tp fp fn tn auroc pr_auc threshold windows seconds`, each of
            them optional (None and not-a-number count as absent), and `baselines`: name -> the same. May be empty.
        training: The record of the run, each key optional: `dataset`, `dataset_config` (or `config`),
            `split_checksum`, `seed`, `preset`, `stages` (a list of dicts, one row each), `seconds`, `versions` (or
            `library_versions`; name -> version), `machine`, `recipe`, `commit`, `filled_in` (settings where the paper
            is silent: texts, or name -> value), `base_models` (ids, or name -> id; by default those that the config
            names), `reliability` (rows of `promised`, `observed`, `windows`), `model_name`, `license`. Other plain values are shown as they are.
        benchmark: What such models reach over several seeds, a row a log: `system`, `seeds`, `f1` with `f1_low` and
            `f1_high`, `pr_auc`, `auroc`, and `best_baseline` with `best_baseline_f1`.

    Raises:
        ValueError: `model_type` is of neither family.
    """
    family = config.get("model_type")
    if family not in TITLES:
        raise ValueError(
            f"A model card needs a config whose model_type is one of {', '.join(TITLES)}; found {family!r}. "
            "Pass the config.json of a checkpoint of this package."
        )
    measured = {split: values for split, values in metrics.items() if isinstance(values, Mapping)}
    record = dict(training)
    versions = record.pop("versions", None) or record.pop("library_versions", None) or {}
    stages = record.pop("stages", None) or []
    filled_in = record.pop("filled_in", None) or []
    reliability = record.pop("reliability", None) or []
    dataset = _public_name(record.get("dataset"))
    if dataset:
        record["dataset"] = dataset
    dataset_config = str(record.get("dataset_config") or record.get("config") or "")
    name = str(record.pop("model_name", None) or "-".join(part for part in (family, dataset_config) if part))
    bases = record.pop("base_models", None) or [config.get("base_encoder"), config.get("base_decoder")]
    # Of a folder of somebody's machine only the last part is told, and `base_model`, which the Hub links, leaves it out.
    bases = [_public_name(base) for base in (bases.values() if isinstance(bases, Mapping) else bases) if base]
    linked = [base for base in bases if _is_repo_id(base)]
    card_data = ModelCardData(
        license=record.get("license") or ("other" if bases else "apache-2.0"),
        library_name="transformers",
        # The Hub knows no task of this kind. Under "text-classification" it would print a snippet that feeds plain text.
        pipeline_tag="other",
        inference=False,
        tags=["log-anomaly-detection", "anomaly-detection", "logs", "custom_code", family, f"arxiv:{PAPERS[family]}"],
        base_model=linked or None,
        datasets=[dataset] if _is_repo_id(dataset) else None,
        metrics=_metric_ids(measured) or None,
        model_name=name,
        eval_results=_eval_results(measured, dataset, dataset_config) or None,
    )
    return _render(
        f"{family}.md.jinja",
        card_data=card_data.to_yaml(),
        name=name,
        title=TITLES[family],
        paper=PAPERS[family],
        year=f"20{PAPERS[family][:2]}",  # an arXiv number begins with year and month
        config=config,
        system=config.get("log_system") or {},
        settings={
            key: _public_name(config[key]) if key in ("base_encoder", "base_decoder") and config[key] else config[key]
            for key in SETTINGS[family]
            if key in config
        },
        parts={
            part: {key: values[key] for key in SIZES if key in values}
            for part in ("encoder_config", "decoder_config")
            if isinstance(values := config.get(part), Mapping)
        },
        bases=bases,
        results={split: _result_rows(values) for split, values in measured.items()},
        result_columns=list(COUNTS.values()),
        record={key: value for key, value in record.items() if _is_plain(value)},
        stages=stages,
        stage_columns=_columns(stages),
        versions=versions,
        filled_in=filled_in,
        reliability=reliability,
        benchmark=benchmark,
    )


def render_eval_results(
    metrics: Mapping[str, Any], training: Mapping[str, Any], date: str | None = None
) -> dict[str, str]:
    """The files of `.eval_results/` in a model repository: name -> YAML, from the arguments of `render_model_card`.

    A task is a configuration of the dataset (its `eval.yaml` names them) and its value the F1 on the test split. Without a
    dataset on the Hub or an F1 there is none.

    Args:
        metrics: as `render_model_card` takes them.
        training: as `render_model_card` takes them; `dataset_revision` is the commit of the dataset.
        date: when it was measured (ISO 8601).
    """
    dataset, task = str(training.get("dataset") or ""), str(training.get("dataset_config") or "")
    measured = metrics.get("test")
    measured = measured if isinstance(measured, Mapping) else {}
    found = _present(measured.get("f1"))
    if found is None or not task or not _is_repo_id(dataset):
        return {}
    entry = EvalResultEntry(
        dataset_id=dataset,
        task_id=task,
        value=float(found),
        dataset_revision=training.get("dataset_revision"),
        date=date,
        source_url=f"https://huggingface.co/datasets/{dataset}",
        source_name="logllm evaluate",
        notes=f"F1 of anomalous windows on the test split, threshold {_number(measured.get('threshold'), NOT_RECORDED)}",
    )
    return {f".eval_results/{task}.yaml": yaml.safe_dump(eval_result_entries_to_yaml([entry]), sort_keys=False)}


def render_space_card(benchmark: Mapping[str, Sequence[Mapping[str, Any]]], **front: Any) -> str:
    """The card of a Space that serves these models, as Markdown with the header that the Hub reads.

    Args:
        benchmark: Name of a method -> its rows, as `render_model_card` takes them.
        front: What the header says besides what it must: `title`, `sdk_version`, `python_version`, `models`, `datasets`
            and the like; an absent one is left out.
    """
    header = {
        "title": "LogLLM: which line is odd?",
        "sdk": "gradio",
        "app_file": "app.py",
        "license": "apache-2.0",
        "colorFrom": "gray",
        "colorTo": "red",
        "pinned": False,
        "short_description": "Paste a log, see which line does not fit and why",
        "tags": ["log-anomaly-detection", "anomaly-detection", "logs"],
        **front,
    }
    card_data = SpaceCardData(**{key: value for key, value in header.items() if value is not None})
    return _render("space.md.jinja", card_data=card_data.to_yaml(), title=header["title"], benchmark=benchmark)


def render_dataset_card(statistics: Sequence[Mapping[str, Any]]) -> str:
    """The card of a built dataset, as Markdown whose YAML block keeps the `configs:` that `load_dataset` needs.

    Args:
        statistics: The `statistics.json` of every configuration in the folder, as `build` returns it.

    Raises:
        ValueError: No configuration was given.
    """
    if not statistics:
        raise ValueError(
            "A dataset card needs the statistics of at least one configuration; found none. Build one first."
        )
    configurations = [_configuration(one) for one in statistics]
    windows = sum(split.get("windows") or 0 for one in configurations for split in one["splits"].values())
    simulated = all(one["simulated"] for one in configurations)
    tags = ["log-anomaly-detection", "anomaly-detection", "logs", *(one["name"] for one in configurations)]
    if any(one["simulated"] for one in configurations):
        tags += ["simulated", "synthetic"]
    title = f"{DATASET_TITLE} (simulated)" if simulated else DATASET_TITLE
    card_data = DatasetCardData(
        **_licence([one["licence"] for one in configurations if not one["simulated"]]),
        language=["en"],
        pretty_name=title,
        task_categories=["text-classification"],
        size_categories=_size_category(windows),
        tags=tags,
        configs=[
            {
                "config_name": one["name"],
                **({"default": True} if i == 0 else {}),
                # An empty split has no file: `load_dataset` cannot read one.
                "data_files": [
                    {"split": name, "path": f"{one['name']}/{name}-*.parquet"}
                    for name, split in one["splits"].items()
                    if split.get("windows")
                ],
            }
            for i, one in enumerate(configurations)
        ],
    )
    return _render(
        "dataset.md.jinja",
        card_data=card_data.to_yaml(),
        title=title,
        paper=PAPERS["logllm"],
        configurations=configurations,
    )


def render_pairs_card(statistics: Mapping[str, Any]) -> str:
    """The card of a dataset of labelled pairs of build logs, from the statistics that its builder returned."""
    pairs = statistics["pairs"]
    lines = sum(split["lines"] for split in statistics["splits"].values())
    name = statistics["name"]
    card_data = DatasetCardData(
        license="apache-2.0",
        language=["en"],
        pretty_name=PAIRS_TITLE,
        task_categories=["token-classification", "text-classification"],
        size_categories=_size_category(lines),
        tags=["logs", "log-analysis", "build-logs", "continuous-integration", "log-difference"],
        configs=[
            {
                "config_name": name,
                "default": True,
                "description": f"sha256 of the rows: {', '.join(one['checksum'] for one in statistics['splits'].values())}",
                "data_files": [
                    {"split": split, "path": f"{name}/{split}-*.parquet"} for split in statistics["splits"]
                ],
            }
        ],
    )
    return _render(
        "pairs.md.jinja",
        card_data=card_data.to_yaml(),
        title=PAIRS_TITLE,
        pairs=pairs,
        splits=statistics["splits"],
        twice=sum(one["annotators"] > 1 for one in pairs),
        agreement=statistics.get("agreement"),
    )


def write_card(text: str, folder: str | Path) -> Path:
    """Write a rendered card to `folder/README.md` (the folder is made) and return the path."""
    path = Path(folder) / "README.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=False,  # Markdown, not HTML: `cell` and `code` below make foreign text harmless
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"cell": _cell, "code": _code, "number": _number, "words": _words}
    environment.globals |= {"NOT_MEASURED": NOT_MEASURED, "NOT_RECORDED": NOT_RECORDED, "METRICS": METRICS}
    text = environment.get_template(template).render(**values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _configuration(statistics: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration as the template reads it: every key there, what was not recorded None or empty."""
    system = statistics.get("system") or {}
    splits = statistics.get("splits") or {}
    split = statistics.get("split") or NOT_RECORDED
    lines, templates = statistics.get("lines") or {}, statistics.get("templates") or {}
    return {
        "name": str(statistics["name"]),
        "title": statistics.get("title") or statistics["name"],
        "sources": statistics.get("sources") or [],
        # A window of a simulated line is no evidence of a real system, so one simulated file is enough.
        "simulated": any(source.get("simulated") for source in statistics.get("sources") or ()),
        "lines": {key: lines.get(key) for key in ("read", "parsed", "unparsed")},
        "splits": splits,
        "split": split,
        "shuffled": split == "paper" and system.get("paper_split") == "sessions",
        **{key: statistics.get(key) for key in ("train_share", "validation_share", "seed", "labels")},
        "templates": {key: templates.get(key) for key in ("count", "messages", "mined_on")},
        "window": system.get("window") or {"kind": NOT_RECORDED, "size": None, "step": None},
        "drain": system.get("drain"),
        "source": system.get("source") or {"url": ""},
        "licence": system.get("licence") or "",
        "citation": system.get("citation") or "",
        "paper": _beside_paper(system.get("paper"), splits, lines.get("parsed")),
    }


# Licences that the Hub's list does not have: how the text of a row begins, a name and where the text stands.
LICENCES = (
    ("Loghub", "loghub", "https://github.com/logpai/loghub/blob/master/LICENSE"),
    ("USENIX Computer Failure Data Repository", "usenix-cfdr", "https://www.usenix.org/cfdr"),
)


def _licence(texts: Sequence[str]) -> dict[str, Any]:
    """The licence of a dataset as the front matter names it; what the simulator wrote is this package's."""
    if not texts:
        return {"license": "apache-2.0"}
    known = {(name, link) for text in texts for start, name, link in LICENCES if text.startswith(start)}
    if len(known) == 1 and all(texts):
        ((name, link),) = known
        return {"license": "other", "license_name": name, "license_link": link}
    if known:
        return {"license": "other", "license_name": "several", "license_link": "README.md"}
    return {"license": "unknown"}


def _beside_paper(
    paper: Mapping[str, int] | None, splits: Mapping[str, Mapping[str, Any]], messages: int | None
) -> list[dict[str, Any]]:
    """Rows of the paper's table beside this build's counts; empty where the paper does not treat the system."""
    if not paper:
        return []

    def total(key: str, *names: str) -> int:
        return sum(splits[name].get(key) or 0 for name in names if name in splits)

    train = ("train", "validation")
    here = {
        "messages": messages,
        "sequences": total("windows", *train, "test"),
        "train_sequences": total("windows", *train),
        "train_anomalies": total("anomalous", *train),
        "test_sequences": total("windows", "test"),
        "test_anomalies": total("anomalous", "test"),
    }
    return [{"name": _words(key), "paper": paper.get(key), "here": value} for key, value in here.items()]


def _size_category(count: int) -> str:
    """The Hub's bracket for a number of rows."""
    bounds = ((10**3, "1K"), (10**4, "10K"), (10**5, "100K"), (10**6, "1M"), (10**7, "10M"), (10**8, "100M"))
    lower = None
    for bound, name in bounds:
        if count < bound:
            return f"{lower}<n<{name}" if lower else f"n<{name}"
        lower = name
    return f"n>{lower}"


def _result_rows(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The model's own row, then its baselines in the order given; absent numbers are None."""
    rows = {"this model": values, **(values.get("baselines") or {})}
    headings = {**{key: title for key, (_, title) in METRICS.items()}, **COUNTS, **COSTS}
    return [
        {"name": name, **{title: _present(row.get(key)) for key, title in headings.items()}}
        for name, row in rows.items()
    ]


def _eval_results(measured: Mapping[str, Any], dataset: str, dataset_config: str) -> list[EvalResult]:
    return [
        EvalResult(
            task_type="log-anomaly-detection",
            task_name="Log anomaly detection",
            dataset_type=dataset if _is_repo_id(dataset) else "logs",
            dataset_name=" ".join(part for part in (dataset, dataset_config) if part) or NOT_RECORDED,
            dataset_config=dataset_config or None,
            dataset_split=split,
            metric_type=metric,
            metric_name=title,
            metric_value=float(values[key]),
        )
        for split, values in measured.items()
        for key, (metric, title) in METRICS.items()
        if _present(values.get(key)) is not None
    ]


def _metric_ids(measured: Mapping[str, Any]) -> list[str]:
    return [
        metric
        for key, (metric, _) in METRICS.items()
        if any(_present(values.get(key)) is not None for values in measured.values())
    ]


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Every key of the rows that holds a plain value, in order of first appearance."""
    return list(dict.fromkeys(key for row in rows for key, value in row.items() if _is_plain(value)))


def _present(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _is_plain(value: Any) -> bool:
    """Whether a value fits a table cell: a scalar, or a short list of scalars."""
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, (str, int, float, bool)) for item in value)
    return value is not None and isinstance(value, (str, int, float, bool))


def _is_repo_id(text: str) -> bool:
    """Whether this can be a dataset on the Hub (`owner/name`), not a folder on somebody's disk."""
    return text.count("/") == 1 and not text.startswith((".", "/", "~")) and not text.endswith("/")


def _public_name(value: Any) -> str:
    """A repository id as it is, of a folder on somebody's disk only the last part."""
    text = str(value or "")
    return text if _is_repo_id(text) else Path(text).name


def _number(value: Any, absent: str = NOT_MEASURED) -> str:
    """Four significant digits, integers whole; text for what is absent."""
    if _present(value) is None:
        return absent
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return _cell(value)
    if isinstance(value, int) or (math.isfinite(value) and abs(value) >= 1e4):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def _cell(value: Any) -> str:
    """Any value as text that stays inside its table cell and is no markup."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_cell(item) for item in value)
    if isinstance(value, (int, float)):
        return _number(value)
    text = " ".join(str(value).split())
    for sign, harmless in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "\\|"), ("`", "\\`"), ("[", "\\[")):
        text = text.replace(sign, harmless)
    return text


def _code(value: Any) -> str:
    """A text as a Markdown code span, exact to the blank (as a JSON string where it holds line breaks)."""
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False)
    fence = "`"
    while fence in text:
        fence += "`"
    inner = f" {text} " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else text
    return f"{fence}{inner}{fence}".replace("|", "\\|")


def _words(name: Any) -> str:
    """`snake_case` as words for a heading."""
    return _cell(str(name).replace("_", " "))
