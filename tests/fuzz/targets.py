"""What the fuzzers throw bytes at: each target is a function of bytes that checks what must hold, whatever the bytes are.

Notes: One definition, three drivers (hypothesis in `tests/test_fuzz.py`, the seeded mutator of `run.py`, atheris
in `atheris_run.py`). A refusal in a sentence (`LogInputError`, `LogllmError`) is an answer; anything else that is
raised is a crash, and what takes over a second is a hang.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml

from logllm.decision.severity import severities
from logllm.errors import LogllmError
from logllm.hf_datasets import (
    SYSTEMS,
    LogInputError,
    LogSystem,
    TemplateMiner,
    WindowRule,
    get_system,
    guess_system,
    make_windows,
    parse_lines,
    read_lines,
    read_session_labels,
)
from logllm.hf_datasets.columnar.column_reader import ColumnReader
from logllm.hf_datasets.columnar.message_codes import Channel
from logllm.hf_datasets.live_windows import as_window, live_windows, usual_idle
from logllm.hf_datasets.reading.chunks import read_chunks
from logllm.hf_datasets.reading.collectors import Unwrapper, seconds
from logllm.hf_datasets.reading.escapes import without_escapes
from logllm.hf_datasets.systems.field_readers import timestamp_reader
from logllm.hf_datasets.systems.formats import FORMATS
from logllm.hf_datasets.systems.rules import TimestampRule
from logllm.hf_datasets.systems.user_systems import plain_yaml, system_from_dict
from logllm.modeling_logllm.masking import fold_digits, mask_message
from logllm.modeling_logllm.processing_logllama import TemplateMatcher

REFUSALS = (LogInputError, LogllmError)
ROWS = (*SYSTEMS.values(), *FORMATS, get_system("plain"))
WINDOWS = (
    WindowRule("session"), WindowRule("fixed", 5), WindowRule("sliding", 4, 2), WindowRule("sliding", 2, 3),
    WindowRule("time", 10), WindowRule("time", 10, 3),
)  # fmt: skip
LAYOUTS = ("epoch", "epoch_ms", "epoch_us", "epoch_ns", "iso", "apache", "%y%m%d %H%M%S", "%b %d %H:%M:%S")


def _lines(data: bytes) -> list[str]:
    return data.decode("utf-8", "replace").split("\n")


def lines(data: bytes) -> None:
    """Every line comes out once, in order, without escapes; one that does not fit is itself."""
    if not data:
        return
    row, raw = ROWS[data[0] % len(ROWS)], _lines(data[1:])
    found = list(parse_lines(raw, row))
    if row.reader == "pattern":
        assert [line.raw for line in found] == list(map(without_escapes, raw))
        assert [line.number for line in found] == list(range(1, len(raw) + 1))
    assert all(line.parsed or line.content == line.raw for line in found)
    assert all(line.timestamp is None or isinstance(line.timestamp, float) for line in found)
    severities([line.raw for line in found], [line.content for line in found], row)


def columns(data: bytes) -> None:
    """The fast reader finds what the plain one finds."""
    if not data:
        return
    patterned = [one for one in ROWS if one.reader == "pattern"]
    row = patterned[data[0] // 2 % len(patterned)]
    text = data[1:].decode("utf-8", "replace").encode() + b"\n"
    miner = TemplateMiner(row.drain)
    reader = ColumnReader(row, [Channel(miner.mask, row.drain.masks, 16384)])
    if data[0] % 2:
        reader.distinct_share, reader.few = 0.0, 0
    found = reader.columns(text)
    plain = list(parse_lines([one.decode().removesuffix("\r") for one in text.split(b"\n")[:-1]], row))
    parsed = [line for line in plain if line.parsed]
    assert found.contents().to_pylist() == [line.content for line in parsed]
    assert found.numbers.tolist() == [line.number for line in parsed]
    assert [number for number, _ in found.unparsed] == [line.number for line in plain if not line.parsed]
    assert [reader.channels[0].texts[code] for code in found.codes[0]] == [miner.mask(line.content) for line in parsed]


def guess(data: bytes) -> None:
    """A guess is always a row that can read the lines."""
    raw = _lines(data)
    row = guess_system(raw)
    assert row in ROWS
    assert sum(1 for _ in parse_lines(raw, row)) >= (len(raw) if row.reader == "pattern" else 0)


def windows(data: bytes) -> None:
    """Windows hold lines of the log in order, and (sliding over gaps apart) every parsed one."""
    if len(data) < 2:
        return
    row, rule = ROWS[data[0] % len(ROWS)], WINDOWS[data[1] % len(WINDOWS)]
    parsed = list(parse_lines(_lines(data[2:]), row))
    held: set[int] = set()
    for window in make_windows(iter(parsed), rule):
        assert window.lines and len(window.lines) == len(window.line_numbers)
        assert window.line_numbers == sorted(window.line_numbers)
        held |= set(window.line_numbers)
    if rule.kind != "sliding" or rule.stride <= rule.size:
        assert held == {line.number for line in parsed}
    live_held: set[int] = set()
    system = LogSystem("fuzz", "Fuzz", window=rule)
    for opened in live_windows(iter(parsed), system, usual_idle(parsed)):
        window = as_window(opened)
        assert window.window_id and window.lines
        live_held |= set(window.line_numbers)
    if rule.kind != "sliding":
        assert live_held == {line.number for line in parsed}


def templates(data: bytes) -> None:
    """The frozen table finds the key that the miner finds, for lines that it learnt and for others."""
    raw = [line[:16384] for line in _lines(data)]
    row = ROWS[data[0] % len(ROWS)] if data else ROWS[0]
    miner = TemplateMiner(row.drain)
    for line in raw[: max(2 * len(raw) // 3, 1)]:
        miner.add(line)
    table = json.loads(json.dumps(miner.table()))
    matcher = TemplateMatcher(table)
    assert sum(one["count"] for one in table["templates"]) == max(2 * len(raw) // 3, 1)
    for line in raw:
        assert matcher.key(line) == miner.match(line), line


def masking(data: bytes) -> None:
    """A mask does not depend on which digit it meets."""
    text = without_escapes(data.decode("utf-8", "replace")[:4096])
    assert mask_message(text) == mask_message(fold_digits(text))


def processors(data: bytes) -> None:
    """Windows become tensors of one shape, within the limits."""
    texts = [line[:3000] for line in _lines(data)][:40]
    logllm, logllama = _processors()
    batch = logllm([texts, texts[:1]])
    assert batch["input_ids"].shape == batch["attention_mask"].shape and len(batch["input_ids"]) == 2
    rows = logllama([texts, texts[:1]])
    assert rows["input_ids"].shape == rows["attention_mask"].shape == (2, len(texts) + 2)
    assert int(rows["input_ids"].max()) < len(logllama.tokenizer)


def unwrap(data: bytes) -> None:
    """What a collector sends becomes at least one line each, never an exception."""
    if not data:
        return
    kind = ("auto", "text", "ndjson", "otlp")[data[0] % 4]
    raw = [line.replace("\r", " ") for line in _lines(data[1:])]
    row = ROWS[data[0] // 4 % len(ROWS)]
    found = list(Unwrapper(kind).lines(raw, 1, row))
    if row.reader == "pattern":
        assert len(found) >= len(raw)
    assert all(isinstance(line.content, str) and "\n" not in line.content for line in found)


def otlp(data: bytes) -> None:
    """OTLP and NDJSON of any shape: the bytes are the values of a valid record."""
    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    record = {"body": value, "timeUnixNano": value, "attributes": value}
    for whole in (
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, value]}]}]},
        {"resourceLogs": value},
        record,
    ):
        try:
            raw = json.dumps(whole)
        except (ValueError, RecursionError):
            return
        for kind in ("auto", "otlp", "ndjson"):
            for line in Unwrapper(kind).lines([raw], 1, ROWS[-1]):
                assert line.timestamp is None or isinstance(line.timestamp, float)
        for row in FORMATS[:3]:
            list(parse_lines([raw], row))
    seconds(value)


def times(data: bytes) -> None:
    """A time text is a finite number of seconds, or none."""
    text = data[1:].decode("utf-8", "replace")
    found = timestamp_reader(TimestampRule(("t",), LAYOUTS[(data[0] if data else 0) % len(LAYOUTS)]))(text)
    assert found is None or isinstance(found, float)
    assert seconds(text) is None or abs(seconds(text) or 0) < float("inf")


def systems(data: bytes) -> None:
    """Any YAML is a system or a refusal; a system that is taken reads lines."""
    try:
        values = plain_yaml(data.decode("utf-8", "replace"))
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(values, dict):
        row = system_from_dict(values)
        list(parse_lines(["2024-05-01 10:00:00 INFO a.b: message 1 of req-12", "", "x" * 50], row))


def files(data: bytes) -> None:
    """Any file is lines, or a refusal."""
    path = _folder() / "log"
    path.write_bytes(data)
    if not data:
        return
    count = sum(1 for _ in read_lines(path))
    chunks = list(read_chunks(path))
    torn = int(bool(chunks) and not chunks[-1].endswith(b"\n"))
    assert count == sum(chunk.count(b"\n") for chunk in chunks) + torn


def labels(data: bytes) -> None:
    """Any label file is labels, or a refusal."""
    path = _folder() / "labels.csv"
    path.write_bytes(b"BlockId,Label\n" * (len(data) % 2) + data)
    if set(read_session_labels(path).values()) - {0, 1}:
        raise AssertionError("a label that is none")


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="logllm-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


@cache
def _processors():
    from logllm.hf_datasets import DrainSettings, mine_templates
    from logllm.modeling_logllm import LogLLaMAProcessor, LogLLMConfig, LogLLMProcessor
    from logllm.trainers.vocabulary import LOG_TOKEN, decoder_tokenizer, encoder_tokenizer, key_tokenizer

    messages = ["Receiving block blk_1 src: /10.0.0.1:5", "PacketResponder 0 for block blk_1 terminating", "done"]
    config = LogLLMConfig()
    tokenizer = decoder_tokenizer([config.prompt_prefix, config.prompt_suffix, *config.answers])
    words = encoder_tokenizer([mask_message(one) for one in messages])
    logllm = LogLLMProcessor(tokenizer, words, log_token_id=tokenizer.convert_tokens_to_ids(LOG_TOKEN))
    table = mine_templates(messages, DrainSettings())
    return logllm, LogLLaMAProcessor(key_tokenizer([one["key"] for one in table["templates"]]), table)


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        lines,
        columns,
        guess,
        windows,
        templates,
        masking,
        processors,
        unwrap,
        otlp,
        times,
        systems,
        files,
        labels,
    )
}


def run_case(name: str, data: bytes) -> bool:
    """Throw bytes at a target; whether they were refused in a sentence. Anything else that is raised is a finding."""
    try:
        TARGETS[name](data)
    except REFUSALS as error:
        sentence = str(error)
        assert len(sentence) > 20, f"no sentence: {sentence!r}"
        return True
    return False
