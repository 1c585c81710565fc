"""The labels of millions of sessions, held as two columns.

Odd here: a Python dictionary of them takes 200 bytes a session, more than all else that a build keeps of it.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .parsing import session_label_rows

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
