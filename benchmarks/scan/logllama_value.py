"""What LogLLaMA adds to a scan: found faults, false findings and seconds, with n-grams and with a fitted model.

    python -m benchmarks scan.logllama_value [--only hdfs,bgl,thunderbird,field] [--steps 200] [--out benchmarks/results/scan_logllama_value.json]

Labelled logs: the first 40 % are learnt from, the rest is scanned, the same for all rows. Rows:

- without order: the four other questions;
- n-gram: what `logllm scan` does;
- LogLLaMA of windows: `logllm fit` on the earlier part, `logllm scan --model` on the later one, without n-grams and with
  them. Its sequences are sessions where the log has them, else 100 lines in a row;
- LogLLaMA of sequences: the same model trained on the sequences in which the n-grams count (sessions, else components or
  threads, else the log, in pieces of 100 events), one candidate a sequence: one that surprises more than held-back ones may be flagged, others only rank.

Field cases have no earlier log: there the last model is trained in the scan, on the log itself; cases with 1,000 events or
more of the kinds that order may solve, and clean ones. No label is seen by any row. One thread, seed 0.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from logllm.provenance import provenance
from logllm.signals.candidates import Candidate, Kinds
from logllm.signals.facets import MOST_EVENTS, read_texts
from logllm.signals.order import Sequences, cut_sequences
from logllm.signals.refine import split_by_words
from logllm.signals.scan import EventLog, ScanResult, describe, fetch, read_table, scan_logs
from logllm.signals.table import EventTable

from .field import touches, unpacked
from .labelled import SHARED, hdfs_labels

PIECE = 100
HELD = 0.25
EARLIER = 0.4  # of a labelled log; the part behind it holds anomalies that have not begun before
MOST_CANDIDATES, MOST_NATS = 50, 8.0
_BLOCK = re.compile(r"blk_-?\d+")
FIELD_KINDS = ("burst", "silence", "missing_step", "first_seen", "late_fault", "clean", "unit_numbers")
LEAST_EVENTS = 1000
Read = tuple[EventTable, Sequences]


def read(path: str) -> Read:
    """A log and the first of the ways in which the n-grams cut it."""
    log = EventLog([path])
    table, _ = read_table(log)
    messages = None
    if len(table) <= MOST_EVENTS:
        messages = read_texts(table, log.read(0))[0]
        table = split_by_words(table, messages)
    return table, cut_sequences(table, messages)[0]


def sequences(table: EventTable, way: Sequences) -> Iterator[np.ndarray]:
    """Rows of each sequence; what is no session is cut into pieces."""
    rows = np.flatnonzero(way.of_row >= 0)
    rows = rows[np.argsort(way.of_row[rows], kind="stable")]
    owners = way.of_row[rows]
    parts = np.split(rows, np.flatnonzero(np.diff(owners)) + 1)
    for part in sorted((part for part in parts if len(part)), key=lambda part: int(part[0])):
        if way.what == "session":
            yield part
        else:
            yield from (part[at : at + PIECE] for at in range(0, len(part), PIECE))


class OfSequences:
    """A small LogLLaMA over the sequences of a log's events."""

    name = "LogLLaMA of sequences"

    def __init__(self, learnt: Read, steps: int, work: Path):
        from logllm.trainers import assemble_logllama, train_logllama

        table, way = learnt
        self.what = way.what
        keys = [self.keys(table, rows) for rows in sequences(table, way)]
        held = max(int(HELD * len(keys)), 1)
        counts: dict[str, int] = {}
        for key in (key for one in keys for key in one):
            counts[key] = counts.get(key, 0) + 1
        rows = [{"key": key, "text": key, "path": [], "count": count} for key, count in counts.items()]
        drain = {"similarity": 0.5, "depth": 4, "masks": []}
        self.model, self.processor = assemble_logllama(
            "tiny", {"version": 1, "drain": drain, "templates": rows}, way.whole, 0, None,
            score_by="likelihood", unseen_score=math.log(sum(counts.values()) + 1),
        )  # fmt: skip
        ids = [self.processor.ids_of_keys(one) for one in keys]
        train_logllama(
            self.model, self.processor, ids[:-held], "tiny", work, validation=ids[-held:], seed=0, max_steps=steps,
            reinforce=False, progress=False,
        )  # fmt: skip
        self.usual = sorted(float(nll.max()) for nll in self.surprises(keys[-held:]))
        self.scanned: Read | None = None
        self.windows = SimpleNamespace(notes=[])

    @staticmethod
    def keys(table: EventTable, rows: np.ndarray) -> list[str]:
        """Names of the templates of some rows, without blanks."""
        return [f"k{table.templates[one]}".replace(" ", "_") for one in table.template[rows].tolist()]

    def surprises(self, keys: Sequence[list[str]]) -> Iterator[np.ndarray]:
        """Nats of each message of each sequence, given those before it; one that was never seen tells nothing about order."""
        known = self.processor.tokenizer.get_vocab()
        ids = [self.processor.ids_of_keys(one) for one in keys]
        distinct = list(dict.fromkeys(map(tuple, ids)))
        judged = {one: found.nll.numpy() for one, found in zip(distinct, self.model.judge(distinct))}
        for one, own in zip(keys, ids):
            nll = judged[tuple(own)].copy()
            nll[: len(one)][[key not in known for key in one]] = 0.0
            yield nll

    def candidates(self, table: EventTable, kinds: Kinds, lines: Sequence[int]) -> list[Candidate]:
        """Sequences that surprise more than all but a few of the held-back ones."""
        assert self.scanned is not None
        own, way = self.scanned
        parts = list(sequences(own, way))
        found = []
        for rows, nll in zip(parts, self.surprises([self.keys(own, rows) for rows in parts])):
            worst = float(nll.max())
            above = len(self.usual) - int(np.searchsorted(self.usual, worst))
            nats = -math.log((above + 0.3) * len(parts) / len(self.usual)) + min(max(worst - self.usual[-1], 0.0), 5.0)
            nats = nats if nats > 0 else worst / 1000  # ranks behind what is flagged, by its surprise alone
            if worst > 0:
                at = min(int(np.argmax(nll)), len(rows) - 1)
                found.append((min(nats, MOST_NATS), worst, -int(rows[at]), rows[max(at - 1, 0) : at + 2].tolist()))
        found.sort(reverse=True)
        return [
            Candidate("unexpected", nats, 0.0, lead, near, 1, near[0], near[-1], f"probability e^-{worst:.1f} after what came before",
                      int(table.kind[lead]), int(kinds.classes[table.kind[lead]]), int(kinds.count[table.kind[lead]]))
            for nats, worst, back, near in found[:MOST_CANDIDATES]
            for lead in [-back]
        ]  # fmt: skip


def parts_of(name: str, folder: Path) -> tuple[Path, Path]:
    """The earlier and the later part of a labelled log."""
    paths = {
        "hdfs": [SHARED / "hdfs/HDFS_2pct.log"],
        "bgl": [SHARED / "bgl/BGL_thinned.log"],
        "thunderbird": sorted((SHARED / "thunderbird").glob("TB_*block*.log")),
    }
    lines = [line for path in paths[name] for line in path.read_bytes().splitlines(keepends=True)]
    out = folder / f"{name}_earlier.log", folder / f"{name}_later.log"
    for path, part in zip(out, (lines[: int(EARLIER * len(lines))], lines[int(EARLIER * len(lines)) :])):
        path.write_bytes(b"".join(part))
    return out


def judged(name: str, result: ScanResult, blocks: set[str]) -> dict[str, Any]:
    """Findings against the labels: blocks of HDFS, first words of lines elsewhere."""

    def faults(text: str) -> set[str]:
        if blocks:
            return {block for block in _BLOCK.findall(text) if block in blocks}
        return set() if text.startswith("- ") else {text.split(" ", 1)[0]}

    shown = result.findings[: max(100, len(result.flagged))]
    events = fetch(result, shown)
    held = [set().union(*(faults(text) for row in one.rows for text in events[row].lines)) for one in shown]
    flagged = len(result.flagged)
    return {
        "flagged": flagged,
        "false_findings": sum(not one for one in held[:flagged]),
        "faults_in_flagged": len(set().union(*held[:flagged])),
        "top_ten_holding": sum(map(bool, held[:10])),
        "top_hundred_holding": sum(map(bool, held[:100])),
        "faults_in_top_hundred": len(set().union(*held[:100])),
    }


def labelled_rows(name: str, steps: int, folder: Path) -> list[dict[str, Any]]:
    """All rows of one labelled log."""
    from logllm.fitting.own_log import fit_own_log
    from logllm.signals.model import ask_model

    earlier, later = parts_of(name, folder)
    blocks = hdfs_labels() if name == "hdfs" else set()
    rows = []

    def row(way: str, learn: Callable[[], Any] | None, ask: Callable[[Any], Any] | None, order: bool) -> None:
        start = time.process_time()
        learnt = learn() if learn is not None else None
        trained = time.process_time()
        answer = ask(learnt) if ask is not None else None
        result = scan_logs([later], model=answer, order=order)
        end = time.process_time()
        rows.append({
            "log": name, "way": way, "order": re.sub(r" in /\S+?(?=,|$)", "", result.order_by), **judged(name, result, blocks),
            "seconds_to_learn": round(trained - start, 1), "seconds_to_scan": round(end - trained, 1),
        })  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)

    kept: dict[str, Any] = {}

    def fitted() -> Path:
        if "windows" not in kept:
            kept["windows"] = fit_own_log([earlier], folder / f"{name}_model", progress=False, max_steps=steps)
        return folder / f"{name}_model"

    def of_sequences() -> OfSequences:
        if "sequences" not in kept:
            kept["sequences"] = OfSequences(read(str(earlier)), steps, folder / f"{name}_work")
        return kept["sequences"]

    def scanned(model: OfSequences) -> OfSequences:
        model.scanned = read(str(later))
        return model

    row("without order", None, None, False)
    row("n-gram", None, None, True)
    row("LogLLaMA of windows", fitted, lambda path: ask_model(path, [str(later)], None), False)
    row("LogLLaMA of windows and n-gram", fitted, lambda path: ask_model(path, [str(later)], None), True)
    row("LogLLaMA of sequences", of_sequences, scanned, False)
    row("LogLLaMA of sequences and n-gram", of_sequences, scanned, True)
    for one in rows:
        one["sequences_are"] = kept["sequences"].what if "of sequences" in one["way"] else ""
    return rows


def field_rows(steps: int, folder: Path) -> list[dict[str, Any]]:
    """Field cases, one row for each way."""
    cases = json.loads((SHARED / "field/cases.json").read_text("utf-8"))
    ways = ("without order", "n-gram", "LogLLaMA of sequences, trained in the scan")
    told = {way: {"planted": 0, "found": 0, "found_first": 0, "false_findings": 0, "seconds": 0.0} for way in ways}
    names = []
    for case in cases:
        if case["kind"] not in FIELD_KINDS or len(case["files"]) > 1 or case.get("lines", 0) < LEAST_EVENTS:
            continue
        with tempfile.TemporaryDirectory() as tmp:
            paths = unpacked(case, SHARED / "field", Path(tmp))
            learnt = read(paths[0])
            if len(learnt[0]) < LEAST_EVENTS:
                continue
            names.append(case["name"])
            for way in ways:
                start = time.process_time()
                model: Any = None
                if way == ways[2]:
                    model = OfSequences(learnt, steps, folder / case["name"])
                    model.scanned = learnt
                result = scan_logs(paths, model=model, order=way == "n-gram")
                took = time.process_time() - start
                shown = result.findings[: max(10, len(result.flagged))]
                events = fetch(result, shown)
                hits = [touches(describe(result, one, events), case) if case["planted"] else False for one in shown]
                flagged = len(result.flagged)
                row = told[way]
                row["planted"] += bool(case["planted"])
                row["found"] += any(hits[:flagged])
                row["found_first"] += bool(flagged and hits[0])
                row["false_findings"] += flagged - sum(hits[:flagged])
                row["seconds"] += took
                print(case["name"], way, flagged, hits[:3], round(took, 1), flush=True)
    return [
        {"log": "field", "cases": names, "way": way, **row, "seconds": round(row["seconds"], 1)}
        for way, row in told.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="hdfs,bgl,thunderbird,field")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as tmp:
        for name in args.only.split(","):
            rows += (
                field_rows(args.steps, Path(tmp)) if name == "field" else labelled_rows(name, args.steps, Path(tmp))
            )
    if args.out:
        if args.out.exists():  # logs that this run did not measure keep their rows
            rows += [
                row
                for row in json.loads(args.out.read_text("utf-8"))["rows"]
                if row["log"] not in args.only.split(",")
            ]
        found = {"provenance": provenance(), "steps": args.steps, "seed": 0, "rows": rows}
        args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
