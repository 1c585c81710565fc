"""Recipes of LogLLM's training: what they change, and how they refuse."""

import pytest

from logllm.trainers import LogLLMRecipe
from logllm.trainers.logllm_config import OFFICIAL_CODE_STAGES, PAPER_STAGES
from logllm.trainers.logllm_recipe import merged_recipe


def test_the_papers_stages_are_the_papers():
    assert [(s.trainable, s.learning_rate, s.epochs, s.max_samples) for s in PAPER_STAGES] == [
        (("decoder",), 5e-4, 1, 1000),
        (("encoder", "projector"), 5e-5, 2, None),
        (("encoder", "projector", "decoder"), 5e-5, 2, None),
    ]
    assert [(s.trainable, s.learning_rate, s.min_samples) for s in OFFICIAL_CODE_STAGES][1:] == [
        (("projector",), 5e-4, 50_000),
        (("encoder", "projector"), 5e-5, 50_000),
        (("encoder", "projector", "decoder"), 5e-5, 50_000),
    ]
    paper = LogLLMRecipe.of({"preset": "paper"})
    assert paper.row().load_in_4bit and paper.row().lora and paper.batch == 16 and paper.minority_share == 0.3


def test_stages_are_left_out_and_changed():
    recipe = LogLLMRecipe.of(
        {"preset": "paper", "without": ["answer template"], "last_epochs": 5, "schedule": "published"}
    )
    stages = recipe.stage_rows()
    assert [(s.name, s.epochs, s.schedule) for s in stages] == [
        ("embedder", 2, "published"),
        ("all", 5, "published"),
    ]
    limited = LogLLMRecipe.of({"preset": "paper", "stages": "official", "max_samples": 100}).stage_rows()
    assert all(s.max_samples == 100 and s.min_samples is None for s in limited)


def test_a_recipe_says_what_it_changes():
    values = {"preset": "laptop", "noise": 0.2, "without": ["embedder"]}
    recipe = LogLLMRecipe.of(values)
    assert recipe.to_dict() == values and LogLLMRecipe.of(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"clipping": -1}, "clipping must be at least 0, found -1"),
        ({"long_windows": "drop"}, "long_windows must be overlap or cut, found 'drop'"),
        ({"encoder_kind": "words"}, "encoder_kind must be one of text, embedding, found 'words'"),
        ({"preset": "paper", "encoder_kind": "embedding"}, "encoder_kind: embedding needs load_in_4bit: false"),
        ({"minority_shar": 0.3}, "minority_share"),
        ({"epoch": 3}, "last_epochs"),
        ({"preset": "huge"}, "tiny, laptop, small, paper"),
        ({"stages": "four"}, "paper, official, scratch, frozen_encoder"),
        ({"without": ["everything"]}, "answer template, embedder, all"),
        ({"without": ["answer template", "embedder", "all"]}, "at least one stage"),
        ({"load_in_4bit": True}, "load_in_4bit: true needs lora: true"),
        ({"noise": 0.3}, "noise: 0.3 and stages: scratch"),
        ({"mix": 0.3}, "mix: 0.3 and stages: scratch"),
        ({"word_dropout": 0.2}, "word_dropout: 0.2 and variants: 0"),
        ({"random_encoder": True}, "keep one of the two"),
        ({"micro_batch": 5}, "batch: 16 and micro_batch: 5"),
        ({"patience": "four"}, "patience must be of kind int"),
        ({"lora": 1}, "lora must be of kind bool"),
        ({"repeats": 1.5}, "repeats must be from 0"),
        ({"nearest_wording": -1.0}, "nearest_wording must be from 0 (off) to 1"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(settings, said):
    with pytest.raises(ValueError) as refused:
        LogLLMRecipe.of(settings)
    assert said in str(refused.value)


def test_two_sources_must_agree(tmp_path):
    file = tmp_path / "recipe.yaml"
    file.write_text("preset: laptop\nlast_epochs: 2\n")
    recipe = LogLLMRecipe.from_yaml(file)
    assert merged_recipe(recipe, {"preset": None}) == recipe == merged_recipe(recipe, {"preset": "laptop"})
    with pytest.raises(ValueError, match="preset: laptop in the recipe and tiny beside it"):
        merged_recipe(recipe, {"preset": "tiny"})
    file.write_text("- a\n- b\n")
    with pytest.raises(ValueError, match="one mapping of settings, found list"):
        LogLLMRecipe.from_yaml(file)


def test_the_published_optimiser_reaches_the_trainer():
    row = LogLLMRecipe(preset="paper").row()
    assert (row.weight_decay, row.clipping, row.long_windows) == (0.01, 0.0, "overlap")
    row = LogLLMRecipe.of({"preset": "tiny", "weight_decay": 0.1, "clipping": 0}).row()
    assert (row.weight_decay, row.clipping) == (0.1, 0)


@pytest.mark.parametrize(
    ("settings", "wanted"), [({"preset": "paper"}, (0.01, 0.0)), ({"preset": "paper", "clipping": 1.0}, (0.01, 1.0))]
)
def test_decay_and_clipping_arrive_in_every_stages_arguments(settings, wanted, tmp_path, monkeypatch):
    from datasets import Dataset
    from tiny_logllm import build

    from logllm.trainers import logllm_stages

    seen = []

    def run_stage(trainer, name, *_):
        trainer.create_optimizer()
        decays = {group["weight_decay"] for group in trainer.optimizer.param_groups}
        seen.append((name, trainer.args.weight_decay, trainer.args.max_grad_norm, decays))
        return {}, []

    monkeypatch.setattr(logllm_stages, "_run_stage", run_stage)
    lines, labels = [["open file", "close file"], ["fatal: disk"]] * 3, [0, 1] * 3
    model, processor = build(windows=lines)
    data = Dataset.from_dict({"lines": lines, "label": labels})
    logllm_stages.train_logllm(model, processor, data, LogLLMRecipe.of(settings), tmp_path, progress=False)
    assert len(seen) == 3
    for name, decay, clipping, groups in seen:
        assert (decay, clipping) == wanted and groups <= {0.0, 0.01} and 0.01 in groups, name
