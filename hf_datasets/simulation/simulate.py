"""Deterministic labelled logs of any length: the same system, length and seed give the same bytes on every machine.

Notes: A simulated log is made to be *hard in known ways*. Every anomaly has a named kind of fault; most faults hold no
message that normal traffic lacks, and alarming messages also come in normal traffic, so no single string decides.
Everything streams: memory does not grow with the length of the log.
The formats are in `simulate_hdfs.py`, `simulate_bgl.py` and `simulate_other.py`; numbers measured on a simulated log say
nothing about the real system of that name.

    logllm simulate hdfs --lines 100000 --seed 7 --out logs
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from tqdm.auto import tqdm

from ..errors import LogInputError, UnknownSystemError
from .bgl import bgl_lines
from .hdfs import hdfs_lines
from .marker import simulation_marker
from .other import TABLES, other_lines

NORMAL = "-"
CHUNK = 8192  # lines joined to one write

# system -> (lines, seed, anomaly_share) -> iterator of (line, "-" or fault)
SIMULATORS: dict[str, Callable[[int, int, float | None], Iterator[tuple[str, str]]]] = {
    "hdfs": hdfs_lines,
    "bgl": bgl_lines,
    **{system: partial(other_lines, system) for system in TABLES},
}
LABEL_FILES = {"hdfs": "anomaly_label.csv", **dict.fromkeys(TABLES, "line_labels.csv")}  # BGL labels its own lines


def iter_lines(
    system: str, lines: int, seed: int = 0, anomaly_share: float | None = None
) -> Iterator[tuple[str, str]]:
    """Yield `lines` pairs (raw line without its end, "-" or the fault that it belongs to), lazily.

    The second of the pair is the fault of the line's block for "hdfs" (`simulate_hdfs.FAULTS`), the alert category for
    "bgl" (also the line's first field), the name of the one planted fault for "syslog", "nginx" and "app".
    `anomaly_share` is the share of faulty blocks (hdfs, default 0.03) or of faulty lines (bgl, default 0.085; others
    0.03). Arguments are checked at once, not at the first line: `LogInputError`.
    """
    _check(system, lines, anomaly_share)
    return SIMULATORS[system](lines, seed, anomaly_share)


def simulate(
    system: str,
    lines: int,
    seed: int,
    out: Path | str,
    anomaly_share: float | None = None,
    progress: bool = False,
) -> dict[str, Any]:
    """Write `out`/SYSTEM.log and its labels; return what was written.

    Labels: for "hdfs" `out`/anomaly_label.csv (`BlockId,Label`, one row a block in order of first line, Normal or
    Anomaly); for "bgl" the first field of each line; for the others `out`/line_labels.csv (`LineNumber,Label`, one row
    for each line of the fault). A log shorter than a block's life (9 lines, hdfs) is one truncated block, an anomaly.
    A hidden file beside the log says that it is simulated, and `build` puts that on the dataset's card.
    The files take their names only when they are whole. `progress` shows a bar on standard error.

    The result: `system`, `lines`, `seed`, `log` and `labels` (paths as text, `labels` None for bgl), `sessions` (hdfs,
    else 0), `anomalies` (faulty sessions for hdfs, faulty lines else) and `faults`, the anomalies of each kind.
    """
    _check(system, lines, anomaly_share)
    out = Path(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogInputError(
            f"The output must be a folder, found that {str(out)!r} cannot be one ({error.strerror}): "
            "name another folder, it is made"
        ) from error
    log, labels = out / f"{system}.log", out / LABEL_FILES[system] if system in LABEL_FILES else None

    faults: Counter[str] = Counter()
    with ExitStack() as stack:
        log_file = stack.enter_context(_whole_file(log))
        label_file = stack.enter_context(_whole_file(labels)) if labels else None
        bar = stack.enter_context(tqdm(total=lines, desc=f"simulating {system}", unit=" lines", disable=not progress))
        if system == "hdfs":
            assert label_file is not None
            label_file.write("BlockId,Label\n")

            def opened(block: str, fault: str) -> None:
                faults[fault] += 1
                label_file.write(f"{block},{'Normal' if fault == NORMAL else 'Anomaly'}\n")

            pairs = hdfs_lines(lines, seed, anomaly_share, opened)
        else:
            pairs = SIMULATORS[system](lines, seed, anomaly_share)
            if label_file is not None:
                label_file.write("LineNumber,Label\n")
        first = 1
        while chunk := list(islice(pairs, CHUNK)):
            log_file.write("\n".join([line for line, _ in chunk]) + "\n")
            if system != "hdfs":
                faults.update(fault for _, fault in chunk)
                if label_file is not None:
                    label_file.writelines(
                        f"{at},{fault}\n" for at, (_, fault) in enumerate(chunk, first) if fault != NORMAL
                    )
            first += len(chunk)
            bar.update(len(chunk))
    marker = {"system": system, "lines": lines, "seed": seed, "bytes": log.stat().st_size}
    with _whole_file(simulation_marker(log)) as file:
        file.write(json.dumps(marker) + "\n")
    normal = faults.pop(NORMAL, 0)
    return {
        "system": system,
        "lines": lines,
        "seed": seed,
        "log": str(log),
        "labels": str(labels) if labels else None,
        "sessions": normal + faults.total() if system == "hdfs" else 0,
        "anomalies": faults.total(),
        "faults": dict(sorted(faults.items())),
    }


def _check(system: str, lines: int, anomaly_share: float | None) -> None:
    if system not in SIMULATORS:
        near = get_close_matches(str(system).lower(), SIMULATORS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "choose one of these"
        raise UnknownSystemError(f"The system must be one of {', '.join(SIMULATORS)}, found {system!r}: {hint}")
    if lines < 1:
        raise LogInputError(f"A log must have 1 line or more, found lines={lines}: ask for at least one")
    if anomaly_share is not None and not 0 <= anomaly_share <= 1:
        raise LogInputError(f"anomaly_share must be from 0 to 1, found {anomaly_share}: give a share, such as 0.03")


@contextmanager
def _whole_file(path: Path) -> Iterator[TextIO]:
    """A file for writing that gets its name only when all is written, and leaves nothing behind otherwise."""
    partial_path = path.with_name(path.name + ".partial")
    try:
        with partial_path.open("w", encoding="ascii", newline="\n") as file:
            yield file
        os.replace(partial_path, path)
    finally:
        partial_path.unlink(missing_ok=True)
