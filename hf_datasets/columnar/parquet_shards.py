"""Grouped columns -> sharded Parquet, in bounded memory.

Notes: A shard is a fixed run of the output's messages. The log is read a second time, every content goes to the
shard that wants it, and a shard is written as soon as it and all before it are complete. Contents that wait for their
shard (the lines of HDFS sessions lie far apart) are laid aside on disk beyond `SPILL_BYTES`. Several processes take the
shards in turn and each reads the log for itself; the columns lie in files that all of them map.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .column_files import let_go
from .read_log import Log
from .row_positions import places
from .window_index import Grouping
from .workers import Workers

SHARD_MESSAGES = 150_000
SPILL_BYTES = 16 << 20
_ROWS_A_GROUP = 1000


@dataclass
class Shard:
    """Windows first..last of the output; `begin`..`end` are their messages' positions in it."""

    split: str
    number: int
    first: int
    last: int
    begin: int
    end: int
    missing: int
    waiting: list[tuple[np.ndarray, pa.Array]] = field(default_factory=list)
    spilled: Path | None = None


@dataclass
class Output:
    """Everything a row needs but the contents. `keys[key_of[code]]` is the key of the messages of that code."""

    log: Log
    windows: Grouping
    window_ids: pa.Array
    labels: np.ndarray
    keys: pa.Array
    key_of: np.ndarray
    masked: pa.Array | None
    masked_codes: np.ndarray | None
    schema: pa.Schema


def plan_shards(splits: dict[str, range], windows: Grouping) -> list[Shard]:
    """The shards of all splits, in output order; a split without windows has none."""
    shards = []
    for split, part in splits.items():
        first, number = part.start, 0
        while first < part.stop:
            begin = int(windows.offsets[first])
            last = int(np.searchsorted(windows.offsets, begin + SHARD_MESSAGES, "right")) - 1
            last = min(max(last, first + 1), part.stop)
            end = int(windows.offsets[last])
            shards.append(Shard(split, number, first, last, begin, end, end - begin))
            first, number = last, number + 1
    return shards


def write_shards(folder: Path, output: Output, shards: list[Shard], contents: Iterable[pa.Array]) -> dict[str, str]:
    """Write all Parquet files; returns the checksum of every split (see `row_text`)."""
    digests = {shard.split: hashlib.sha256() for shard in shards}
    _write(folder, output, shards, range(len(shards)), contents, lambda shard, text: digests[shard.split].update(text))
    return {split: digest.hexdigest() for split, digest in digests.items()}


def write_shards_side_by_side(
    folder: Path, output: Output, shards: list[Shard], again: Callable[[], Iterable[pa.Array]], workers: Workers
) -> dict[str, str]:
    """As `write_shards`; `again` is called in every worker, and can be sent there."""
    digests = {shard.split: hashlib.sha256() for shard in shards}
    shared = folder / ".shared"
    shared.mkdir()
    laid = _lay_down(shared, output)
    count = min(workers.count, len(shards))
    workers.start(_write_turn, [(folder, laid, shards, range(one, len(shards), count), again) for one in range(count)])
    for number, shard in enumerate(shards):  # the checksum runs over the shards in order
        for _ in range(shard.first, shard.last, _ROWS_A_GROUP):
            _, text = workers.receive(number % count)
            digests[shard.split].update(text)
    for number in range(count):
        workers.receive(number)
    shutil.rmtree(shared)
    return {split: digest.hexdigest() for split, digest in digests.items()}


def _write_turn(
    send: Callable[[Any], None],
    folder: Path,
    laid: dict[str, Any],
    shards: list[Shard],
    mine: range,
    again: Callable[[], Iterable[pa.Array]],
) -> None:
    """What a worker does: write its shards, and send their rows' text, a piece for every group of rows."""
    _write(folder, _taken_up(laid), shards, mine, again(), lambda shard, text: send(text))


def _lay_down(folder: Path, output: Output) -> dict[str, Any]:
    """An output whose arrays are files in a folder: what is sent in place of it."""

    def laid(name: str, values: np.ndarray | None) -> Path | None:
        if values is None:
            return None
        path = folder / f"{name}.npy"
        np.save(path, values, allow_pickle=False)
        let_go(values)
        return path

    masked = None
    if output.masked is not None:
        masked = folder / "masked.arrow"
        batch = pa.record_batch([output.masked], ["masked"])
        with pa.ipc.new_file(masked, batch.schema) as writer:
            writer.write_batch(batch)
    log, windows = output.log, output.windows
    return {
        "numbers": laid("numbers", log.numbers),
        "line_labels": laid("line_labels", log.labels),
        "times": laid("times", log.times),
        "rows": laid("rows", windows.rows),
        "offsets": laid("offsets", windows.offsets),
        "labels": laid("labels", output.labels),
        "codes": laid("codes", log.codes[0]),
        "key_of": laid("key_of", output.key_of),
        "masked_codes": laid("masked_codes", output.masked_codes),
        "masked": masked,
        "plain": (output.window_ids, output.keys, output.schema),
    }


def _taken_up(laid: dict[str, Any]) -> Output:
    """The output again, as far as `_write` needs it, over mapped files."""

    def at(name: str) -> Any:
        return None if laid[name] is None else np.asarray(np.load(laid[name], mmap_mode="r", allow_pickle=False))

    nothing = np.zeros(0, np.int32)
    window_ids, keys, schema = laid["plain"]
    log = Log(
        at("numbers"),
        at("line_labels"),
        at("times"),
        (at("codes"),),
        nothing,
        nothing,
        pa.nulls(0, pa.large_string()),
        0,
        0,
        None,
    )
    masked = None
    if laid["masked"] is not None:
        masked = pa.ipc.open_file(pa.memory_map(str(laid["masked"]))).get_batch(0)[0]
    windows = Grouping(at("rows"), at("offsets"), nothing)
    return Output(log, windows, window_ids, at("labels"), keys, at("key_of"), masked, at("masked_codes"), schema)


def _write(
    folder: Path,
    output: Output,
    shards: list[Shard],
    mine: range,
    contents: Iterable[pa.Array],
    tell: Callable[[Shard, bytes], object],
) -> None:
    """Write those of the shards that are mine; `tell` gets the text of their rows, in order."""
    counts = {shard.split: shard.number + 1 for shard in shards}
    placed = folder / f".placed-{os.getpid()}"
    place = places(output.windows.rows, placed)
    bounds = np.array([shard.begin for shard in shards], np.int64)
    own = [shards[number] for number in mine]
    done = waiting_bytes = row = 0
    for texts in contents:
        positions, wanted = place(row, row + len(texts))
        row += len(texts)
        at = np.searchsorted(bounds, positions, "right") - 1
        for number in np.unique(at).tolist():
            if number not in mine:
                continue
            here = at == number
            shard, part = shards[number], texts.take(pa.array(wanted[here] - (row - len(texts))))
            shard.waiting.append((positions[here], part))
            shard.missing -= len(part)
            waiting_bytes += part.nbytes
        while done < len(own) and not own[done].missing:
            waiting_bytes -= sum(part.nbytes for _, part in own[done].waiting)
            _finish(folder, output, own[done], counts[own[done].split], tell)
            done += 1
            pa.default_memory_pool().release_unused()
        if done == len(own):
            break
        if waiting_bytes > SPILL_BYTES:
            _spill(folder, own[done:])
            pa.default_memory_pool().release_unused()
            waiting_bytes = 0
    shutil.rmtree(placed, ignore_errors=True)


_SPILLED = pa.schema([("position", pa.int64()), ("content", pa.large_string())])


def _spill(folder: Path, shards: list[Shard]) -> None:
    for shard in shards:
        if not shard.waiting:
            continue
        number = 0 if shard.spilled is None else int(shard.spilled.name.rpartition("-")[2]) + 1
        path = folder / f".waiting-{shard.begin}-{number}"
        with pa.ipc.new_file(path, _SPILLED) as writer:
            for positions, part in shard.waiting:
                writer.write_batch(pa.record_batch([pa.array(positions), part], schema=_SPILLED))
        shard.spilled, shard.waiting = path, []


def _collect(shard: Shard) -> tuple[pa.Array, np.ndarray]:
    """(the contents of a shard as they came, where each position's content is among them)."""
    parts = []
    if shard.spilled is not None:
        stem, _, last = str(shard.spilled).rpartition("-")
        for number in range(int(last) + 1):
            path = Path(f"{stem}-{number}")
            with pa.memory_map(str(path)) as source:
                for batch in pa.ipc.open_file(source).read_all().to_batches():
                    bytes_before = batch[0].offset * 8
                    positions = np.frombuffer(batch[0].buffers()[1], np.int64, len(batch), bytes_before)
                    parts.append((positions, batch[1]))
            path.unlink()  # what is mapped stays readable
    parts += shard.waiting
    shard.waiting = []
    positions = np.concatenate([one for one, _ in parts])
    return pa.concat_arrays([one for _, one in parts]), np.argsort(positions, kind="stable")


def _finish(folder: Path, output: Output, shard: Shard, count: int, tell: Callable[[Shard, bytes], object]) -> None:
    contents, order = _collect(shard)
    windows, log = output.windows, output.log
    path = folder / f"{shard.split}-{shard.number:05d}-of-{count:05d}.parquet"
    with pq.ParquetWriter(path, output.schema, compression="zstd") as writer:
        for first in range(shard.first, shard.last, _ROWS_A_GROUP):
            last = min(first + _ROWS_A_GROUP, shard.last)
            begin, end = int(windows.offsets[first]), int(windows.offsets[last])
            rows = windows.rows[begin:end]
            offsets = pa.array((windows.offsets[first : last + 1] - begin).astype(np.int32))

            def lists(values: pa.Array, offsets: pa.Array = offsets) -> pa.Array:
                return pa.ListArray.from_arrays(offsets, values)

            wanted = order[begin - shard.begin : end - shard.begin]
            lines = lists(contents.take(pa.array(wanted)))
            ids = output.window_ids.slice(first, last - first)
            labels = output.labels[first:last]
            tell(shard, row_text(ids, labels, lines))
            columns = {
                "window_id": ids,
                "lines": lines,
                "line_numbers": lists(pa.array(log.numbers[rows].astype(np.int64))),
                "keys": lists(output.keys.take(pa.array(output.key_of[log.codes[0][rows]]))),
                "line_labels": lists(_known(log.labels[rows])),
                "label": _known(labels),
            }
            if output.masked is not None and output.masked_codes is not None:
                columns["masked"] = lists(output.masked.take(pa.array(output.masked_codes[rows])))
            columns["first_timestamp"], columns["last_timestamp"] = _ends(log.times, windows, first, last)
            arrays = [columns[one.name].cast(one.type) for one in output.schema]
            writer.write_table(pa.table(arrays, schema=output.schema))
    let_go(windows.rows, log.numbers, log.labels, log.times, *log.codes, output.masked_codes)


def _known(labels: np.ndarray) -> pa.Array:
    """Labels with -1 as null."""
    return pa.array(labels.astype(np.int64), mask=labels < 0)


def _ends(times: np.ndarray | None, windows: Grouping, first: int, last: int) -> tuple[pa.Array, pa.Array]:
    """The first and the last time in windows first..last that is one."""
    if times is None:
        nothing = pa.nulls(last - first, pa.float64())
        return nothing, nothing
    starts, stops = windows.offsets[first:last], windows.offsets[first + 1 : last + 1]
    early, late = times[windows.rows[starts]], times[windows.rows[stops - 1]]
    for at in np.flatnonzero(np.isnan(early) | np.isnan(late)).tolist():
        known = times[windows.rows[starts[at] : stops[at]]]
        known = known[~np.isnan(known)]
        early[at], late[at] = (known[0], known[-1]) if len(known) else (np.nan, np.nan)
    return pa.array(early, from_pandas=True), pa.array(late, from_pandas=True)


def row_text(ids: pa.Array, labels: np.ndarray, lines: pa.Array) -> bytes:
    """What a split's checksum is taken over, a line a row: id TAB label (1, 0, -1) TAB contents joined by U+001F."""
    joined = pc.binary_join(lines, pa.scalar("\x1f", pa.large_string()))
    marks = pa.array([str(label) for label in labels.tolist()], pa.large_string())
    parts = [ids.cast(pa.large_string()), marks, joined.cast(pa.large_string())]
    text = pc.binary_join_element_wise(*parts, pa.scalar("\t", pa.large_string()))
    return b"".join(one + b"\n" for one in text.cast(pa.large_binary()).to_pylist())
