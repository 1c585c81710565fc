"""The page of scale: `python -m benchmarks pages.scale` writes docs/operations/scale.md, `--check` says what differs.

Notes: The page is arithmetic. Its measurements are `results/build_scale.json` and `results/cluster.json`,
its assumptions are `ASSUMED` below, and no other number is on it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
PAGE = HERE.parent / "docs" / "operations" / "scale.md"
DAY = 86_400
LINES = 10_000_000_000
# name -> (value, what it is)
ASSUMED = {
    "core_hour": (0.04, "USD an hour of a processor core"),
    "card_hour": (3.0, "USD an hour of a graphics card"),
    "gigabyte_month": (0.02, "USD a month of a gigabyte in an object store"),
    "kept_days": (30, "days that the windows are kept"),
    "flop_window": (0.63e12, "FLOP of one HDFS window in Llama-3-8B (45 positions, the last one's logits)"),
    "flop_second": (790e12, "FLOP a second of a graphics card in bfloat16, dense, without loss"),
    "use": (0.4, "share of that which is reached"),
    "downlink": (1.25e9, "bytes a second that one machine reads from its store (10 Gbit/s)"),
}
FAMILIES = {"logllm": "LogLLM, tiny", "logllama": "LogLLaMA, tiny"}
COMMANDS = """# From one laptop to a cluster

Written by `python -m benchmarks pages.scale` from `benchmarks/results/build_scale.json` and, where it was measured,
`benchmarks/results/cluster.json`; a test fails where page and files disagree.

## What to run

```bash
logllm build hdfs --raw HDFS.log --labels anomaly_label.csv --out data --processes 8
logllm score --dataset data --model model --out scores
torchrun --nproc_per_node 8 -m logllm score --engine torchrun --dataset data --model model --out scores
logllm score --engine ray --dataset s3://bucket/data --model model --out s3://bucket/scores
TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1 torchrun --standalone --nproc_per_node 8 --max-restarts 3 \\
    -m logllm train logllm --dataset data --config hdfs --out model
```

Ray is an extra: `pip install 'logllm[ray]'`. A dataset or a result may lie anywhere that fsspec reaches:
`hf://datasets/OWNER/NAME`, `s3://`, `gs://`, `memory://` (the package of the protocol has to be installed). The checkpoint
must be at the same path, or have the same Hub id, on every node.

Each shard (a run of row groups of one input file) becomes one Parquet file with `window_id`, `label`, `score` and
`is_anomalous`. One that is written is not scored again; a place that holds the result of another model or dataset is
refused with the difference. A worker that is killed costs the shard that it was at. A window's score does not depend on the
engine: the same bits on processors of one kind with the same number of threads a worker. A checkpoint that `logllm fit`
calibrated weighs severe words of the messages only, because a dataset holds messages without their headers.

Training that torchrun starts anew after a lost worker goes on at the last whole checkpoint of the stage that it was in.
Without the variable a restart looks for its workers at the addresses of those that are dead, and may hang.
Configurations for several graphics cards: `benchmarks/accelerate/`."""


def figures(build: dict[str, Any], cluster: dict[str, Any] | None) -> dict[str, Any]:
    """What a day of LINES lines takes, from the result files and ASSUMED; what is scored only where that was measured."""
    of = {name: value for name, (value, _) in ASSUMED.items()}
    rows = [row for row in build["runs"] if row["system"] == "hdfs"]
    large = max(rows, key=lambda row: row["lines"])
    windows = LINES * large["windows"] / large["lines"]
    rate = of["flop_second"] * of["use"] / of["flop_window"]
    found: dict[str, Any] = {
        "large": large,
        "lines_second": LINES / DAY,
        "windows": windows,
        "raw_bytes": LINES * large["bytes"] / large["lines"],
        "parquet_bytes": LINES * large["parquet_bytes"] / large["lines"],
        "build_cores": LINES / large["lines_per_processor_second"] / DAY,
        "pieces": LINES / large["lines"],
        "line_bytes": {system: _slope(build, system) for system in sorted({row["system"] for row in build["runs"]})},
        "rate": rate,
        "all_cards": windows / rate / DAY,
    }
    found["read_share"] = 2 * found["raw_bytes"] / DAY / of["downlink"]
    stored = found["parquet_bytes"] / 1e9 * of["gigabyte_month"] * of["kept_days"] / 30
    found["fixed_dollars"] = found["build_cores"] * 24 * of["core_hour"] + stored
    for family in FAMILIES if cluster else ():
        one = cluster["families"][family]  # type: ignore[index]
        # The lowest of the engines: what a second worker adds, taken as what every further one adds.
        efficiency = min(min(engine["efficiency_median"] for engine in one["engines"].values()), 1.0)
        cores = windows / one["windows_per_core_second"] / DAY / efficiency
        found[family] = {"cores": cores, "efficiency": efficiency, "dollars": cores * 24 * of["core_hour"]}
    share = cluster["families"]["logllm"]["distinct_share"] if cluster else 1.0
    found["cards"] = found["all_cards"] * share
    found["card_dollars"] = found["cards"] * 24 * of["card_hour"]
    found["share"] = share
    return found


def _slope(build: dict[str, Any], system: str) -> float:
    """Bytes of peak memory that a further line takes, between the shortest and the longest log of a system."""
    rows = sorted((row for row in build["runs"] if row["system"] == system), key=lambda row: row["lines"])
    lines = rows[-1]["lines"] - rows[0]["lines"]
    return (rows[-1]["peak_mb"] - rows[0]["peak_mb"]) * (1 << 20) / lines if lines else 0.0


def page(build: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    """The whole page; what has no result file yet is not on it."""
    found = figures(build, cluster)
    parts = [COMMANDS, _built(build), *([_scored(cluster)] if cluster else [])]
    parts += [_day(found, cluster), _cost(found, cluster), _tight(found, cluster)]
    return "\n\n".join(parts) + "\n"


def _day(f: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    large = f["large"]
    rows = [
        ("raw log", f"{f['raw_bytes'] / 1e12:.2f} TB", "lines x bytes a line"),
        ("windows", f"{f['windows'] / 1e6:,.0f} million", "lines / lines a window"),
        (
            "windows as Parquet",
            f"{f['parquet_bytes'] / 1e12:.3f} TB",
            f"lines x {large['parquet_bytes'] / large['lines']:.1f} bytes",
        ),
        (
            "cores that build",
            f"{f['build_cores']:.2f}",
            f"lines / {large['lines_per_processor_second']:,} a core and second",
        ),
    ]
    for family, title in FAMILIES.items() if cluster else ():
        rate = cluster["families"][family]["windows_per_core_second"]  # type: ignore[index]
        how = f"windows / {rate:,} a core and second / efficiency {f[family]['efficiency']:.2f}"
        rows.append((f"cores that score, {title}", f"{f[family]['cores']:.2f}", how))
    rate = f"{f['rate']:,.0f} windows a second: arithmetic, not measured"
    rows.append(("graphics cards, LogLLM on Llama-3-8B", f"{f['all_cards']:.1f}", f"windows / {rate}"))
    if cluster:
        rows.append(("the same, equal windows of a shard scored once", f"{f['cards']:.1f}", f"x {f['share']:.3f}"))
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""## {LINES:,} lines a day

{f["lines_second"]:,.0f} lines a second around the clock, if they are like the simulated HDFS log: {large["bytes"] / large["lines"]:.1f} bytes a
line, {large["lines"] / large["windows"]:.1f} lines a window.

| a day | amount | from |
|---|---|---|
{table}"""


def _cost(f: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    kinds = [(title, f[family]["dollars"]) for family, title in FAMILIES.items() if cluster]
    kinds.append(("LogLLM on Llama-3-8B", f["card_dollars"]))
    rows = [("built and kept", f["fixed_dollars"])]
    rows += [(f"built, kept, scored by {title}", f["fixed_dollars"] + dollars) for title, dollars in kinds]
    table = "\n".join(f"| {name} | {dollars / (LINES / 1e6):.6f} | {dollars:,.2f} |" for name, dollars in rows)
    assumed = "\n".join(f"| `{name}` | {value:g} | {what} |" for name, (value, what) in ASSUMED.items())
    return f"""Cost of a million lines, with P lines a second of a core that builds, S windows a second of a core that scores, W lines
a window, E the efficiency, B bytes of Parquet a line:

    (1e6 / P + 1e6 / W / S / E) / 3600 x core_hour + 1e6 x B / 1e9 x gigabyte_month x kept_days / 30

| | USD a million lines | USD a day |
|---|---|---|
{table}

Assumptions, to be replaced by your own (`ASSUMED` in `benchmarks/pages/scale.py`):

| name | value | |
|---|---|---|
{assumed}"""


def _tight(f: dict[str, Any], cluster: dict[str, Any] | None) -> str:
    large = f["large"]
    stages = {"building": f["build_cores"]}
    stages |= {f"scoring by {title}": f[family]["cores"] for family, title in FAMILIES.items() if cluster}
    first = max(stages, key=lambda name: stages[name])
    grown = ", ".join(f"{value:.1f} bytes a line ({system})" for system, value in f["line_bytes"].items())
    scored = f"; scores: {cluster['made']['machine']}, commit {cluster['made']['commit'][:12]}" if cluster else ""
    return f"""## Where it is tight first

- **Cards**: on Llama-3-8B scoring takes {f["cards"]:.1f} graphics cards: the first bottleneck by far.
- **Cores**: without it, {first} takes most, {stages[first]:.2f} cores.
- **Reading**: the log is read twice, {100 * f["read_share"]:.1f} % of one machine's downlink. It is not the bottleneck.
- **Memory**: columns of lines lie in files; what grows is what is kept of sessions, windows and distinct messages:
  {grown} between the shortest and the longest log of the table. A build is the
  work of one machine: a day is built in {f["pieces"]:,.0f} pieces of {large["lines"]:,} lines, side by side on as many machines as there are;
  sessions that cross a border of pieces are cut there.
- **One core reads**: a packed log is read by one process. Cut it into files, or give it unpacked.

Building: {large["made"]["machine"]}, commit {large["made"]["commit"][:12]}{scored}. The lines are simulated, so messages repeat themselves more than in
many real logs: a log of distinct lines is built slower, by the ratio in `benchmarks/results/preprocessing.json`."""


def _built(build: dict[str, Any]) -> str:
    rows = ["## Building: memory", "", "| log | lines | GB | processor s | lines a core and second | peak MB | of it anonymous |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in build["runs"]:
        cells = [row["system"], f"{row['lines']:,}", f"{row['bytes'] / 1e9:.2f}", f"{row['processor_seconds']:,}",
                 f"{row['lines_per_processor_second']:,}", f"{row['peak_mb']:,}", f"{row['anonymous_mb']:,}"]  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(
        [*rows, "", "HDFS: sessions, with labels; BGL: windows of lines. One process; pages of mapped files count."]
    )


def _scored(cluster: dict[str, Any]) -> str:
    rows = ["## Scoring: two workers", "", "| | windows a core and second | engine | efficiency of two workers | two strangers at a time | equal to local, bit for bit | start, s |", "|---|---|---|---|---|---|---|"]  # fmt: skip
    for family, title in FAMILIES.items():
        one = cluster["families"][family]
        for name, engine in one["engines"].items():
            every = "; ".join(f"{value:.2f}" for value in engine["efficiency"])
            rows.append(
                f"| {title} | {one['windows_per_core_second']:,} | {name} | {engine['efficiency_median']:.2f} ({every}) | "
                f"{one['ceiling']:.2f} | {'yes' if engine['equal_to_local_bit_for_bit'] else 'no'} | {engine['seconds_to_start']} |"
            )
    told = (
        f"{cluster['lines']:,} simulated lines in {cluster['shards']} shards; efficiency is the time of one worker over twice "
        "that of two,\nwithout the start of the workers. Two strangers at a time: the same for two processes that know nothing of\n"
        "each other, which lose only to the memory and caches that they share. `python -m benchmarks performance.batch_scoring`; load of the\n"
        "machine before: "
        f"{cluster['made']['load_before']}."
    )
    return "\n".join([*rows, "", told])


def load(name: str) -> dict[str, Any] | None:
    """A result file, where there is one."""
    file = HERE / "results" / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.is_file() else None


def main(check: bool) -> None:
    """Write the page, or exit 1 where it is not what would be written."""
    build = load("build_scale")
    assert build is not None
    text = page(build, load("cluster"))
    if check:
        if not PAGE.is_file() or PAGE.read_text("utf-8") != text:
            sys.exit(
                "docs/operations/scale.md differs from what its results say: run `python -m benchmarks pages.scale`"
            )
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main("--check" in sys.argv)
