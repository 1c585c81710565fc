"""Both processors and everything else that takes windows refuse what they would misread or ignore."""

import pytest
from tiny_logllama import MESSAGES, small
from tiny_logllm import WINDOWS, build, processor
from transformers import pipeline

from logllm import LogAnomalyDetector
from logllm.errors import LogllmError
from logllm.hf_datasets import get_system


@pytest.fixture(params=["logllm", "logllama"])
def taken(request, monkeypatch):
    return processor() if request.param == "logllm" else small(monkeypatch)[1]


REFUSED = {
    "numpy": ({"return_tensors": "np"}, "return_tensors must be None or 'pt', found 'np'"),
    "truncation": ({"truncation": True}, "found truncation=True: leave it out"),
    "length": ({"max_length": 5}, "found max_length=5: leave it out"),
    "padding": ({"padding": "max_length"}, "padding must be True or 'longest', found 'max_length'"),
    "text": ({"text": "hello"}, "found text='hello'"),
    "images": ({"images": [1]}, r"found images=\[1\]"),
}


@pytest.mark.parametrize(("options", "said"), REFUSED.values(), ids=REFUSED)
def test_an_option_that_would_be_ignored_is_refused(taken, options, said):
    with pytest.raises(ValueError, match=said):
        taken([["a message"]], **options)


def test_what_says_the_usual_is_taken(taken):
    plain = taken([["a message"], ["one", "two"]])
    told = taken([["a message"], ["one", "two"]], return_tensors="pt", padding=True)
    assert {name: tensor.tolist() for name, tensor in plain.items()} == {
        name: tensor.tolist() for name, tensor in told.items()
    }


@pytest.mark.parametrize("windows", ["a message", None, {"lines": ["a"]}, b"bytes"])
def test_what_is_no_list_of_windows_is_refused(taken, windows):
    with pytest.raises(TypeError, match="windows must be a list of windows"):
        taken(windows)


def test_labels_must_be_one_a_window():
    with pytest.raises(ValueError, match="labels must be one a window, found 1 for 2"):
        processor()([["a"], ["b"]], labels=[1])


@pytest.mark.parametrize("family", ["logllm", "logllama"])
def test_a_string_is_not_judged_letter_by_letter(family, monkeypatch):
    model, taken = build() if family == "logllm" else small(monkeypatch)
    pipe = pipeline("log-anomaly-detection", model=model, processor=taken)
    with pytest.raises(TypeError, match="a window must be a list of messages, found one string 'open the door"):
        pipe({"lines": MESSAGES[0]})
    with pytest.raises(TypeError, match="a window must be a list of messages, found one string"):
        model.score([MESSAGES[0]], taken)
    with pytest.raises(TypeError, match=r"windows must be|a window must be"):
        model.score(MESSAGES[0], taken)
    detector = LogAnomalyDetector(model, taken, system=get_system("hdfs"))
    for call in (detector, detector.predict, detector.scan, detector.scores):
        with pytest.raises((LogllmError, TypeError), match=r"lines must be|a window must be"):
            list(call(MESSAGES[0]))


def test_a_processor_of_the_other_family_is_refused(monkeypatch):
    model, taken = build()
    keys_model, keys = small(monkeypatch)
    with pytest.raises(ValueError, match="found a LogLLaMAProcessor beside a model of type 'logllm': load both from"):
        model.score(WINDOWS, keys)
    with pytest.raises(ValueError, match="found a LogLLMProcessor beside a model of type 'logllama': load both from"):
        keys_model.score(WINDOWS, taken)
