"""Several processes give what one gives, to the byte; a process that dies ends the build with one sentence."""

import os
import random
import signal

import pytest

from logllm.hf_datasets import LogInputError, build
from logllm.hf_datasets.columnar import parquet_shards as writing_module
from logllm.hf_datasets.columnar import read_log as ingesting
from logllm.hf_datasets.columnar.workers import Workers
from logllm.hf_datasets.drain import masker
from logllm.hf_datasets.reading.chunks import CHUNK_BYTES, cut_at_lines, read_range
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.hf_datasets.systems.rules import DEFAULT_MASKS, DrainSettings

# Not LogLLM's mask: every worker would import the models with it.
MASK = masker(DrainSettings())
ODD = [
    b"",
    b"junk",
    b"\tat x(y:1)",
    b"- 1 2 3",
    b"caf\xe9 \x85 \x1c",
    b"a\rb",
    b"\x0b",
    b"081109 1 2 INFO dfs.X: \xe9 blk_1",
]


@pytest.fixture
def short_logs(monkeypatch):
    """Short logs and many small shards get several processes too."""
    monkeypatch.setattr(ingesting, "LEAST_BYTES", 1)
    monkeypatch.setattr(writing_module, "SHARD_MESSAGES", 4000)


def odd_log(folder, name, lines, distinct=False):
    """A simulated log with odd lines strewn in, and the last line without its end."""
    simulate(name, lines, 3, folder / name)
    path = folder / name / f"{name}.log"
    draw = random.Random(4)
    made = []
    for line in path.read_bytes().splitlines():
        word = "".join(draw.choices("ghijklmn", k=9)).encode()
        made.append(line + b" " + word if distinct else line)
        if draw.random() < 0.01:
            made.append(draw.choice(ODD))
    path.write_bytes(b"\n".join(made))
    return path


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(("name", "distinct"), [("hdfs", False), ("bgl", False), ("bgl", True)])
def test_two_processes_give_the_same_bytes(tmp_path, short_logs, name, distinct):
    log = odd_log(tmp_path, name, 12_000 if distinct else 80_000, distinct)
    assert distinct or log.stat().st_size > 2.2 * CHUNK_BYTES  # several chunks a process
    labels = tmp_path / name / "anomaly_label.csv" if name == "hdfs" else None
    options = {"labels": labels, "mask": MASK, "mask_rules": DEFAULT_MASKS, "progress": False}
    one = build(name, log, tmp_path / "one", **options)
    two = build(name, log, tmp_path / "two", processes=2, **options)
    assert one == two and one["lines"]["unparsed"] > 20
    assert files_of(tmp_path / "one" / name) == files_of(tmp_path / "two" / name)
    assert sum(file.startswith("train-") for file in one["files"]) > 1


def test_several_files_and_few_lines(tmp_path, short_logs):
    files = []
    for number, text in enumerate([b"a 1\nb 2", b"\n", b"c 3\n" * 50, b"d 4\ne"]):
        files.append(tmp_path / f"{number}.log")
        files[-1].write_bytes(text)
    one = build("plain", files, tmp_path / "one", progress=False)
    two = build("plain", files, tmp_path / "two", progress=False, processes=2)
    assert one == two
    assert files_of(tmp_path / "one" / "plain") == files_of(tmp_path / "two" / "plain")


def test_ranges_are_the_file(tmp_path):
    path = tmp_path / "my.log"
    draw = random.Random(1)
    path.write_bytes(b"".join(b"x" * draw.randrange(30) + b"\n" for _ in range(200)) + b"end")
    for count in (1, 2, 3, 7, 500):
        cuts = cut_at_lines(path, count)
        chunks = [chunk for begin, end in cuts for chunk in read_range(path, "utf-8", begin, end, 17)]
        assert b"".join(chunks) == path.read_bytes() and len(cuts) <= count
        assert all(chunk.endswith(b"\n") for chunk in chunks[:-1])


def dies_on(message):
    """A mask that kills its process."""
    if "kind 77" in message:
        os.kill(os.getpid(), signal.SIGKILL)
    return message


def write_lines(path, count):
    path.write_text("".join(f"event of kind {number}\n" for number in range(count)))
    return path


def test_a_process_that_dies_is_one_error_and_nothing_half(tmp_path, short_logs):
    log = write_lines(tmp_path / "my.log", 3000)
    with pytest.raises(LogInputError, match=r"Every process must finish.*-9"):
        build("plain", log, tmp_path / "out", mask=dies_on, processes=2, progress=False)
    assert not (tmp_path / "out").exists()
    with pytest.raises(LogInputError, match="found by its name"):
        build("plain", log, tmp_path / "out", mask=lambda text: text, processes=2, progress=False)
    with pytest.raises(LogInputError, match="processes must be 1 or more"):
        build("plain", log, tmp_path / "out", processes=0, progress=False)
    assert not (tmp_path / "out").exists()


def refuses(send, message):
    """A task that finds its input bad."""
    send(1)
    raise LogInputError(message)


def test_what_a_worker_raises_is_raised_here():
    with Workers(2) as workers, pytest.raises(LogInputError, match=r"^must be X$"):
        workers.start(refuses, [("must be X",), ("must be X",)])
        list(workers.gather(2))


def test_short_and_packed_logs_get_one_process(tmp_path, monkeypatch):
    import gzip

    log = write_lines(tmp_path / "my.log", 100)
    packed = tmp_path / "my.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    assert ingesting.useful_processes([log], 8) == 1
    monkeypatch.setattr(ingesting, "LEAST_BYTES", 1)
    assert ingesting.useful_processes([log], 8) == 8
    assert ingesting.useful_processes([log, packed], 8) == 1
