"""Columns in files: the same windows and the same bytes as in memory, in the memory of a block."""

import numpy as np
import pyarrow as pa
import pytest

from logllm.hf_datasets import WindowRule, build
from logllm.hf_datasets.columnar import column_files as spool
from logllm.hf_datasets.columnar import row_positions as placing
from logllm.hf_datasets.columnar import window_index as grouping
from logllm.hf_datasets.columnar.column_files import Spool, blocks, let_go
from logllm.hf_datasets.columnar.row_positions import places
from logllm.hf_datasets.columnar.session_labels import SessionLabels
from logllm.hf_datasets.columnar.window_index import group_sessions, group_spans, time_spans
from logllm.hf_datasets.errors import LogInputError
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.hf_datasets.splitting import shuffled


@pytest.fixture
def small_blocks(monkeypatch):
    for module in (spool, grouping, placing):
        monkeypatch.setattr(module, "BLOCK", 7)


def in_file(values, folder):
    kept = Spool(folder)
    for first, last in blocks(len(values), 5):
        kept.add("x", values[first:last], values.dtype)
    return kept.column("x", values.dtype)


def test_a_column_in_a_file_is_the_column(tmp_path):
    values = np.arange(23, dtype=np.int32)
    column = in_file(values, tmp_path / "a")
    assert np.array_equal(column, values)
    let_go(column)  # read again when it is asked for
    assert np.array_equal(column, values)
    kept = Spool(tmp_path / "b")
    filled = kept.empty(5)
    filled[:] = 3
    let_go(filled)
    assert filled.tolist() == [3] * 5
    assert len(kept.column("never added", np.int8)) == 0 == len(kept.empty(0))
    memory = Spool()
    memory.add("x", values, np.int64)
    assert np.array_equal(memory.column("x", np.int64), values) and let_go(values, None) is None


def test_sessions_grouped_in_blocks_are_sorted_by_session_and_row(small_blocks, tmp_path):
    draw = np.random.default_rng(0)
    rows = np.sort(draw.choice(200, 120, replace=False)).astype(np.int32)
    _, first = np.unique(draw.integers(0, 20, 120), return_inverse=True)
    seen = {code: at for at, code in enumerate(dict.fromkeys(first.tolist()))}  # numbered by their first row
    sessions = np.array([seen[code] for code in first.tolist()], np.int32)
    found = group_sessions(200, in_file(rows, tmp_path / "r"), in_file(sessions, tmp_path / "s"), 20, Spool(tmp_path / "o"))  # fmt: skip
    for at, code in enumerate(found.sessions.tolist()):
        own = found.rows[found.offsets[at] : found.offsets[at + 1]].tolist()
        if code >= 0:
            assert own == rows[sessions == code].tolist()
        else:
            assert not set(own) & set(rows.tolist())
    assert len(found.rows) == 200
    order = np.random.default_rng(1).permutation(len(found))
    taken = found.taken(order, Spool(tmp_path / "t"))
    wanted = [found.rows[found.offsets[at] : found.offsets[at + 1]] for at in order]
    assert np.array_equal(taken.rows, np.concatenate(wanted))
    values = np.arange(200)[::-1].copy()
    assert taken.reduced(values).tolist() == [int(values[own].max()) for own in wanted]


@pytest.mark.parametrize("spans", [[(0, 9), (9, 30), (30, 31)], [(0, 20), (10, 30), (20, 31)]])
def test_places_are_those_of_the_rows_in_order_of_row(small_blocks, tmp_path, spans):
    rows = group_spans(spans).rows
    place = places(rows, tmp_path / "p")
    told = [place(first, min(first + 4, 31)) for first in range(0, 31, 4)]
    positions, at = (np.concatenate(part) for part in zip(*told))
    assert np.array_equal(at, np.sort(rows)) and np.array_equal(rows[positions], at)
    assert sorted(positions.tolist()) == list(range(len(rows)))


def test_a_clock_that_goes_back_or_stops_is_read_in_blocks(monkeypatch):
    times = np.array([5, np.nan, 3, 9, np.nan, np.nan, 12, np.nan, 2, 30, np.nan, 31], float)
    whole = time_spans(times, 10, 5)
    assert whole[0] == (0, 9) and whole[-1][1] == len(times)
    monkeypatch.setattr(spool, "BLOCK", 1)
    assert time_spans(times, 10, 5) == whole


@pytest.mark.parametrize("window", [None, WindowRule("fixed", 50, 50), WindowRule("time", 60, 30)])
def test_a_build_in_small_blocks_has_the_same_bytes(tmp_path, monkeypatch, window):
    simulate("hdfs", 2500, 4, tmp_path)
    settings = {"labels": tmp_path / "anomaly_label.csv", "window": window, "progress": False}
    whole = build("hdfs", tmp_path / "hdfs.log", tmp_path / "whole", **settings)
    for module in (spool, grouping, placing):
        monkeypatch.setattr(module, "BLOCK", 97)
    assert build("hdfs", tmp_path / "hdfs.log", tmp_path / "blocks", **settings) == whole
    assert not list((tmp_path / "blocks").rglob(".*"))  # nothing is left of the columns


def test_labels_of_many_sessions(tmp_path):
    file = tmp_path / "anomaly_label.csv"
    file.write_text("BlockId,Label\nblk_1,Normal\nblk_2,Anomaly\nblk_1,Anomaly\n")
    labels = SessionLabels(file)
    assert len(labels) == 2
    assert labels.of(pa.array(["blk_2", "blk_9", "blk_1"], pa.large_string())).tolist() == [1, -1, 1]
    file.write_text("BlockId,Label\n")
    with pytest.raises(LogInputError, match="only the header"):
        SessionLabels(file)


def test_the_shuffle_is_that_of_the_digests():
    import hashlib

    names = [f"blk_{i}" for i in range(300)]
    wanted = sorted(range(300), key=lambda i: hashlib.sha256(f"7:{names[i]}".encode()).digest())
    assert shuffled(pa.array(names, pa.large_string()), 7).tolist() == wanted
