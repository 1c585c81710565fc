"""Events of a log as a data frame, for pandas and polars: `python examples/data_frames.py app.log`."""

import sys

import polars as pl

from logllm import read_events

paths = sys.argv[1:] or ["examples/logs/app.log"]
events = pl.DataFrame(
    [
        {"line": one.number, "time": one.timestamp, "severity": one.severity, "message": one.message}
        for one in read_events(paths)
    ]
)
print(events.group_by("severity").len().sort("severity"))
print(
    events.filter(pl.col("severity") >= 17).head()
)  # 17 is ERROR on OpenTelemetry's scale; `.to_pandas()` for pandas
