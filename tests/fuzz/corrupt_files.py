"""Files that are no longer what was written: a bit, a block, an end is another, and the command must refuse in a sentence.

Notes: Every damaged file goes the user's way, through the command line with its exit code, on a copy of a whole
folder. A file counts as loaded where the command ends well, whatever it printed. `python -m tests.fuzz.run corrupt` calls it.
"""

from __future__ import annotations

import io
import random
import shutil
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

KINDS = ("bit", "bytes", "block of zeros", "cut", "garbage behind", "swap", "empty")
# What is damaged, in which folder, by which command it is read, and its share of the files.
ROWS = (
    ("model.safetensors", "logllama", "scan", 4), ("config.json", "logllama", "scan", 3),
    ("processor_config.json", "logllama", "scan", 3), ("tokenizer.json", "logllama", "scan", 2),
    ("calibration.json", "logllama", "scan", 2), ("checksums.json", "logllama", "scan", 1),
    ("model.safetensors", "logllm", "scan", 3), ("config.json", "logllm", "scan", 2),
    ("processor_config.json", "logllm", "scan", 1), ("tokenizer.json", "logllm", "scan", 1),
    ("encoder_tokenizer/tokenizer.json", "logllm", "scan", 1),
    ("hdfs/train-00000-of-00001.parquet", "data", "evaluate", 4),
    ("hdfs/test-00000-of-00001.parquet", "data", "evaluate", 2), ("hdfs/templates.json", "data", "evaluate", 3),
    ("hdfs/templates.parquet", "data", "evaluate", 2), ("hdfs/statistics.json", "data", "evaluate", 3),
    ("hdfs/checksums.json", "data", "evaluate", 1), ("state", "states", "watch", 4),
)  # fmt: skip
LINES = 3000


def damaged(data: bytes, kind: str, draw: random.Random, keep_end: bool = False) -> bytes:
    """The bytes with one damage of a kind; with `keep_end` the last 200 bytes stay (a torn tail is another matter)."""
    size = max(len(data) - (200 if keep_end else 0), 1)
    at = draw.randrange(size)
    span = min(draw.choice((1, 16, 512, 4096)), size - at)
    match kind:
        case "bit":
            found = bytearray(data)
            found[at] ^= 1 << draw.randrange(8)
            return bytes(found)
        case "bytes":
            return data[:at] + draw.randbytes(span) + data[at + span :]
        case "block of zeros":
            return data[:at] + bytes(span) + data[at + span :]
        case "cut":
            return data[:at]
        case "garbage behind":
            return data + draw.randbytes(draw.randrange(1, 600)) + b"\n"
        case "swap":
            return data[at:size] + data[:at] + data[size:]
    return b""


def prepare(work: Path) -> None:
    """A checkpoint of each family, a dataset, and a watcher's state, all made here."""
    from logllm.detector import LogAnomalyDetector
    from logllm.fitting.fit import fit
    from logllm.hf_datasets import get_system
    from logllm.hf_datasets.simulation.simulate import simulate
    from logllm.trainers.assemble import assemble_logllm
    from logllm.trainers.logllm_config import PRESETS
    from logllm.training.building import build_dataset
    from logllm.watch.start import start_watcher

    simulate("hdfs", LINES, 3, work, progress=False)
    log = work / "hdfs.log"
    fit([log], work / "logllama", alarms_per_day=20_000, max_steps=20, progress=False)
    build_dataset("hdfs", [log], work / "data", labels=work / "anomaly_label.csv", progress=False)
    contents = [line.split(": ", 1)[-1] for line in log.read_text("latin-1").splitlines()[:500]]
    model, processor = assemble_logllm(PRESETS["tiny"], contents, 0)
    LogAnomalyDetector(model.eval(), processor, get_system("hdfs"), 0.0).save_pretrained(work / "logllm")
    (work / "states").mkdir()
    watcher = start_watcher(str(log), work / "logllama", state=work / "states" / "state", alerts=str(work / "alerts"))
    for _ in range(6):
        watcher._take(watcher.source.read())  # steps in the journal, as a kill would leave them
    assert watcher.state is not None
    watcher.state.close()
    small = log.read_text("latin-1").splitlines(keepends=True)[:300]
    (work / "small.log").write_text("".join(small), "latin-1")


def command(what: str, work: Path, folder: Path) -> list[str]:
    """The arguments of the command that reads the damaged folder."""
    if what == "scan":
        return ["scan", str(work / "small.log"), "--model", str(folder), "--quiet", "--json"]
    if what == "evaluate":
        return ["evaluate", "--model", str(work / "logllama"), "--dataset", str(folder), "--config", "hdfs", "--json"]
    return ["watch", str(work / "hdfs.log"), "--model", str(work / "logllama"), "--state", str(folder / "state"),
            "--alerts", str(folder / "alerts"), "--until-end"]  # fmt: skip


def run(arguments: list[str]) -> tuple[int, str]:
    """(exit code, standard error) of a command, in this process; 99 and the traceback's end where it has one."""
    from logllm.__main__ import main

    before, said = sys.argv, io.StringIO()
    sys.argv = ["logllm", *arguments]
    try:
        with redirect_stderr(said), redirect_stdout(io.StringIO()):
            main()
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return 99, f"{type(error).__name__}: {error}"
    finally:
        sys.argv = before
    return 0, said.getvalue()


def is_sentence(code: int, said: str) -> bool:
    """Whether a command refused as it should: exit code 2, and one line that says what must be and what was found."""
    last = said.strip().splitlines()[-1:] or [""]
    return code == 2 and "Traceback" not in said and last[0].startswith("error: ") and " must " in last[0]


def corrupt(count: int, seed: int) -> dict[str, Any]:
    """Damage `count` files one at a time; returns how many were refused, and which were not."""
    draw = random.Random(seed)
    chosen = [row for row in ROWS for _ in range(row[3])]
    found: dict[str, Any] = {"seed": seed, "files": 0, "refused": 0, "loaded": 0, "no_sentence": 0}
    by_file: dict[str, int] = {}
    bad: list[Any] = []
    examples: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="logllm-corrupt-") as folder:
        work = Path(folder)
        prepare(work)
        for _, source, what, _ in {row[1]: row for row in ROWS}.values():
            code, said = run(command(what, work, _copied(work / source, work / "copy")))
            assert code == 0, f"{source} must load whole: {said}"
        while found["files"] < count:
            name, source, what, _ = chosen[found["files"] % len(chosen)]
            copy = _copied(work / source, work / "copy")
            data, kind = (copy / name).read_bytes(), draw.choice(KINDS)
            fresh = damaged(data, kind, draw, keep_end=name == "state")
            if fresh == data or (name == "state" and kind == "cut" and b"\n" in fresh):
                continue  # a journal cut behind a whole row is a shorter journal: nothing is lost, lines are read again
            (copy / name).write_bytes(fresh)
            code, said = run(command(what, work, copy))
            found["files"] += 1
            by_file[f"{source}/{name}"] = by_file.get(f"{source}/{name}", 0) + 1
            if is_sentence(code, said):
                found["refused"] += 1
                examples.setdefault(name, said.strip().splitlines()[-1].replace(str(work), "WORK")[:200])
            else:
                found["loaded" if code == 0 else "no_sentence"] += 1
                bad.append(
                    {
                        "file": f"{source}/{name}",
                        "kind": kind,
                        "code": code,
                        "said": said[-300:].replace(str(work), "WORK"),
                    }
                )
        unsealed = _unsealed(work, max(count // 4, 1), draw)
    found["no_sentence"] += unsealed["no_sentence"]
    bad += unsealed.pop("crashed")
    return {**found, "by_file": by_file, "without_checksums": unsealed, "not_refused": bad, "examples": examples}


def _unsealed(work: Path, count: int, draw: random.Random) -> dict[str, Any]:
    """The same damage in checkpoints that have no checksums (of others): what can be seen is refused, and never a crash."""
    found: dict[str, Any] = {"files": 0, "refused": 0, "loaded": 0, "no_sentence": 0, "crashed": []}
    rows = [row for row in ROWS if row[2] == "scan" and row[0] != "checksums.json"]
    while found["files"] < count:
        name, source, what, _ = rows[found["files"] % len(rows)]
        copy = _copied(work / source, work / "copy")
        (copy / "checksums.json").unlink()
        data, kind = (copy / name).read_bytes(), draw.choice(KINDS)
        (copy / name).write_bytes(damaged(data, kind, draw))
        code, said = run(command(what, work, copy))
        found["files"] += 1
        outcome = "loaded" if code == 0 else "refused" if is_sentence(code, said) else "no_sentence"
        found[outcome] += 1
        if outcome == "no_sentence":
            found["crashed"].append(
                {"file": f"{source}/{name}, no checksums", "kind": kind, "code": code, "said": said[-300:]}
            )
    return found


def _copied(source: Path, copy: Path) -> Path:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    return copy
