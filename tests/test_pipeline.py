import pytest
import torch
from tiny_logllm import WINDOWS, build
from transformers import pipeline

from logllm.hf_datasets import mine_templates
from logllm.hf_datasets.drain import DrainSettings
from logllm.modeling_logllm import add_pipeline
from logllm.trainers import assemble_logllama

TASK = "log-anomaly-detection"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder of each family."""
    folder = tmp_path_factory.mktemp("pipeline")
    model, taken = build()
    model.save_pretrained(folder / "logllm")
    taken.save_pretrained(folder / "logllm")
    table = mine_templates([m for w in WINDOWS for m in w], DrainSettings())
    torch.manual_seed(0)
    model, taken = assemble_logllama("tiny", table, predict_end=True, score_by="likelihood")
    model.save_pretrained(folder / "logllama")
    taken.save_pretrained(folder / "logllama")
    add_pipeline(folder / "logllama")
    return folder


@pytest.mark.parametrize("family", ["logllm", "logllama"])
def test_windows_in_label_score_threshold_and_lines_out(checkpoints, family):
    pipe = pipeline(TASK, model=str(checkpoints / family), trust_remote_code=True, device="cpu")
    scores = pipe.model.score(WINDOWS, pipe.processor)
    limit = sorted(scores)[1]
    one = pipe({"lines": WINDOWS[1]}, threshold=scores[1] - 1)
    assert one["label"] == "anomalous" and one["score"] == pytest.approx(scores[1])
    assert [row["text"] for row in one["evidence"]] == WINDOWS[1] and [row["line"] for row in one["evidence"]] == [
        0,
        1,
        2,
    ]
    assert all(isinstance(row["score"], float) for row in one["evidence"])
    items = [{"lines": window} for window in WINDOWS]
    many = pipe(items, batch_size=2, threshold=limit)
    assert [row["score"] for row in many] == pytest.approx(scores)
    assert [row["label"] for row in many] == ["anomalous" if score > limit else "normal" for score in scores]
    assert ["evidence" in row for row in many] == [score > limit for score in scores]
    assert all("evidence" in row for row in pipe(items, evidence="all"))
    assert not any("evidence" in row for row in pipe(items, evidence="none"))
    assert [row["score"] for row in pipe(item for item in items)] == pytest.approx(scores)
    assert pipe([]) == []


def test_the_gradient_is_a_method_too(checkpoints):
    pipe = pipeline(TASK, model=str(checkpoints / "logllm"), trust_remote_code=True, evidence="all")
    left_out, gradient = (
        [row["score"] for row in pipe({"lines": WINDOWS[1]}, **k)["evidence"]] for k in ({}, {"method": "gradient"})
    )
    assert len(left_out) == len(gradient) == 3 and left_out != gradient


def test_what_is_no_item_says_so(checkpoints):
    pipe = pipeline(TASK, model=str(checkpoints / "logllm"), trust_remote_code=True)
    for item in ("a line", ["a line", "another"], [{"text": "x"}], [["a", "list"]]):
        with pytest.raises(ValueError, match="an item must be a dict"):
            pipe(item)
    with pytest.raises(ValueError, match="at least one message"):
        pipe({"lines": []})
    with pytest.raises(ValueError, match="evidence must be one of"):
        pipe({"lines": ["a"]}, evidence="some")
    with pytest.raises(ValueError, match="arguments must be among"):
        pipe({"lines": ["a"]}, top_k=3)
