"""Windows in Parquet and small checkpoints of both families, for the tests of `logllm score`."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import tiny_logllama
import tiny_logllm

from logllm.detector import LogAnomalyDetector
from logllm.hf_datasets import get_system

MESSAGES = [*tiny_logllama.MESSAGES, *(line for window in tiny_logllm.WINDOWS for line in window)]
FILES = {"train-00000-of-00002": 40, "train-00001-of-00002": 23, "test-00000-of-00001": 17}
GROUP = 10  # windows of a row group


def windows(count, seed):
    draw = random.Random(seed)
    return [[draw.choice(MESSAGES) for _ in range(draw.randint(1, 9))] for _ in range(count)]


def write_dataset(folder):
    """FOLDER/hdfs with three files of windows and a table of templates, as `logllm build` lays them."""
    place = folder / "hdfs"
    place.mkdir(parents=True)
    for seed, (name, count) in enumerate(FILES.items()):
        table = pa.table(
            {
                "window_id": [f"{name}:{i}" for i in range(count)],
                "lines": pa.array(windows(count, seed), pa.list_(pa.large_string())),
                "label": pa.array([None if i % 5 == 4 else i % 2 for i in range(count)], pa.int64()),
            }
        )
        pq.write_table(table, place / f"{name}.parquet", row_group_size=GROUP)
    pq.write_table(pa.table({"key": ["k"]}), place / "templates.parquet")
    return folder


def write_model(folder, family, monkeypatch, seed=0):
    if family == "logllama":
        model, processor = tiny_logllama.small(monkeypatch, seed=seed)
    else:
        model, processor = tiny_logllm.build(seed=seed)
    model.config.threshold = 0.1 if family == "logllm" else 2.0
    LogAnomalyDetector(model, processor, get_system("hdfs")).save_pretrained(folder)
    return folder


def read_scores(out, names=None):
    """Rows of the results by window id."""
    tables = [pq.read_table(file) for file in sorted(out.glob("*.parquet"))]
    return {row["window_id"]: row for table in tables for row in table.to_pylist()}
