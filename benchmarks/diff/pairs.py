"""The labelled pairs as the training recipe and the benchmark read them."""

from __future__ import annotations

import gzip
import itertools
import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from logllm.diff.features import candidates, matrix
from logllm.diff.good import read_good
from logllm.diff.table import LineTable, chunked, make_table

_ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TIME = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z\s?")


def shared(name: str) -> Path:
    """A folder of the shared data: under $LOGLLM_SHARED, or `../shared` beside the repository."""
    root = Path(os.environ.get("LOGLLM_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
    return root / "data" / name


@dataclass(slots=True)
class Pair:
    """One pair: lines, and the labels of the failed log by position from 0.

    Attributes:
        name, project: folder name, and what stands before its first underscore.
        good, bad: lines.
        wanted: `(n,)` lines that must be shown.
        allowed: `(n,)` wanted lines and acceptable context.
        second: `(n,)` what the second annotator wants; None where there is none.
    """

    name: str
    project: str
    good: list[str]
    bad: list[str]
    wanted: NDArray[np.bool_]
    allowed: NDArray[np.bool_]
    second: NDArray[np.bool_] | None = None


@dataclass(slots=True)
class Described:
    """A pair with its candidate rows and their features `(rows, F)`."""

    pair: Pair
    table: LineTable
    rows: NDArray[np.int64]
    names: tuple[str, ...]
    values: NDArray[np.float32]


def lines_of(path: Path) -> list[str]:
    """Lines as the labels count them: CR, LF and CR LF each end one."""
    packed = path.with_name(path.name + ".gz")
    data = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return re.split("\r\n|\n|\r", data.decode("utf-8", "replace"))


def _marks(path: Path, bad: list[str]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    wanted, allowed = np.zeros(len(bad), bool), np.zeros(len(bad), bool)
    for row in path.read_text("utf-8").splitlines():
        found = re.match(r"\s*([EC])\s+(\d+)(?:-(\d+))?", row)
        if found:
            span = slice(int(found[2]) - 1, int(found[3] or found[2]))
            allowed[span] = True
            if found[1] == "E":
                wanted[span] = True
    text = np.array([bool(_TIME.sub("", _ESCAPES.sub("", line)).strip()) for line in bad])
    return wanted & text, allowed


def read_pairs(folder: Path) -> list[Pair]:
    """All pairs of a folder, by name."""
    pairs = []
    for path in sorted(folder.iterdir()):
        if not (path / "groundtruth").exists():
            continue
        good, bad = lines_of(path / "pass.log"), lines_of(path / "fail.log")
        wanted, allowed = _marks(path / "groundtruth", bad)
        second = _marks(path / "groundtruth2", bad)[0] if (path / "groundtruth2").exists() else None
        pairs.append(Pair(path.name, path.name.split("_")[0], good, bad, wanted, allowed, second))
    return pairs


def good_pairs(pairs: list[Pair]) -> list[Pair]:
    """Two good runs of the same project beside each other: pairs in which nothing is to be shown."""
    made = []
    for before, after in itertools.pairwise(pairs):
        if before.project == after.project:
            nothing = np.zeros(len(after.good), bool)
            name = f"{after.project}_good_{before.name.split('_')[-1]}_{after.name.split('_')[-1]}"
            made.append(Pair(name, after.project, before.good, after.good, nothing, nothing))
    return made


def describe(pair: Pair, alone: bool = False) -> Described:
    """The features of a pair; `alone` leaves the good run out."""
    good = None if alone else read_good([("good", chunked(pair.good))])
    table = make_table(chunked(pair.bad), good)
    rows = candidates(table)
    names, values = matrix(table, good, rows)
    return Described(pair, table, rows, names, values)
