"""The labels of millions of sessions, held as two columns.

Notes: A Python dictionary of them takes 200 bytes a session, more than all else that a build keeps of it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import LogInputError
from ..reading.lines import open_log

_ROWS = 1 << 16


class SessionLabels:
    """What `read_session_labels` reads, for whole columns of sessions; raises what that raises."""

    def __init__(self, path: str | Path):
        rows, ids, labels = session_label_rows(path), [], []
        while some := list(islice(rows, _ROWS)):
            ids.append(pa.array([name for name, _ in some], pa.large_string()))
            labels.append(np.array([label for _, label in some], np.int8))
        backwards = np.arange(sum(map(len, ids)))[
            ::-1
        ]  # the last row of a session holds, and a search finds the first
        self._ids = pa.concat_arrays(ids).take(pa.array(backwards))
        self._labels = np.concatenate(labels)[::-1]

    def __len__(self) -> int:
        """Sessions with a label."""
        return pc.count_distinct(self._ids).as_py()

    def of(self, sessions: pa.Array) -> np.ndarray:
        """1, 0 or -1 (unknown), int8, for each of some session ids."""
        found = pc.index_in(sessions, value_set=self._ids)
        known = found.is_valid().to_numpy(zero_copy_only=False)
        return np.where(known, self._labels[found.fill_null(0).to_numpy()], np.int8(-1))


LABEL_FILE = "anomaly_label.csv"


def read_session_labels(path: str | Path) -> dict[str, int]:
    """Session id -> 0 (Normal) or 1 (Anomaly), from a CSV with the header `BlockId,Label`, or an archive that holds it.

    Raises `LogInputError` where the file cannot be read, has another header, or holds another label.
    """
    return dict(session_label_rows(path))


def session_label_rows(path: str | Path) -> Iterator[tuple[str, int]]:
    """The rows that `read_session_labels` reads, one after the other; of two rows for a session the last one holds."""
    found = False
    with open_log(path, LABEL_FILE) as stream, _table_of(path):
        rows = csv.reader(line.decode("utf-8", "replace") for line in stream)
        header = next(rows, [])
        if len(header) != 2 or header[1].strip().lower() != "label":
            raise LogInputError(
                f"A label file must begin with the header 'BlockId,Label', found {','.join(header)[:80]!r}"
                f" in {path}: give the anomaly_label.csv that belongs to the log"
            )
        words = {"normal": 0, "0": 0, "anomaly": 1, "anomalous": 1, "1": 1}
        for row in rows:
            if not row:
                continue
            word = row[1].strip().lower() if len(row) == 2 else ""
            if word not in words:
                raise LogInputError(
                    f"A label must be Normal or Anomaly, found {','.join(row)[:80]!r} in line {rows.line_num} "
                    f"of {path}: correct that line"
                )
            found = True
            yield row[0].strip(), words[word]
    if not found:
        raise LogInputError(
            f"A label file must hold at least one session, found only the header in {path}: give the "
            "label file of this log"
        )


@contextmanager
def _table_of(path: str | Path) -> Iterator[None]:
    """What the CSV reader does not take (a carriage return inside a field, an endless field) is a `LogInputError`."""
    try:
        yield
    except csv.Error as error:
        raise LogInputError(
            f"A label file must be a CSV table of two columns, found none in {path} ({error}): give "
            "the anomaly_label.csv that belongs to the log"
        ) from error
