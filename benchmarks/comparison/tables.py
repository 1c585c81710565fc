"""The bench's tables as Markdown: pure functions of result files, nothing typed here but headings.

Notes: A cell is the mean over the seeds with the standard deviation where there are several; a method that failed has
its reason in the place of figures; an undefined figure is a dash. `readme.py` takes `readme_table`, `bench_render.py` the
rest.
"""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison.methods import BY_NAME, METHODS, Method
from benchmarks.comparison.systems import RECIPES

GROUPS = (
    ("Simple, normal windows only", "simple", ("nothing", "normal")),
    ("The papers', normal windows only", "paper", ("normal",)),
    ("Simple, labelled windows", "simple", ("labels",)),
    ("The papers', labelled windows (PLELog: normal labels of a half)", "paper", ("labels", "some")),
    ("Ours", "ours", ("normal", "labels")),
)
SYSTEM_OF = {
    "hdfs_random": 0, "hdfs_chronological": 0, "bgl": 1, "thunderbird": 2,
    "hdfs_published": 0, "bgl_published": 1, "thunderbird_published": 2, "liberty_published": 3,
}  # fmt: skip
Result = dict[str, Any]


def load_results(folder: Path) -> dict[str, Result]:
    """The bench's result files by recipe, those that are there."""
    files = {name: folder / f"bench_{name}.json" for name in RECIPES}
    results = {name: json.loads(file.read_text("utf-8")) for name, file in files.items() if file.is_file()}
    for file in sorted(folder.glob("logllm_*.json")):
        adopt(results, json.loads(file.read_text("utf-8")), file.name)
    return results


def adopt(results: dict[str, Result], other: Any, name: str) -> None:
    """Take over what `logllm reproduce` has measured on the very same windows, where the bench has no run of its own.

    Rows are known by their name; a file of other windows is left alone. Such a run has fewer figures.
    """
    if not isinstance(other, dict) or not isinstance(other.get("recipe"), dict) or "rows" not in other["recipe"]:
        return
    for result in results.values():
        if result["split_checksums"] != other.get("split_checksums"):
            continue
        done = {(run["method"], run["seed"]) for run in result["runs"] if run["status"] == "ok"}
        for run in other["runs"]:
            if run["row"] in BY_NAME and (run["row"], run["seed"]) not in done and "metrics" in run:
                kept = {key: run[key] for key in ("seed", "metrics", "parameters") if key in run}
                made = other.get("made") or {}
                result["runs"].append({"method": run["row"], "status": "ok", **kept, "made": made, "from": name})


def methods_of(kind: str, learns: Sequence[str]) -> list[Method]:
    """The rows of a group, in the order of the table."""
    return [method for method in METHODS if method.kind == kind and method.learns in learns]


def runs_of(result: Result, method: str) -> list[dict[str, Any]]:
    """A method's runs that came to an end."""
    return [run for run in result["runs"] if run["method"] == method and run["status"] == "ok"]


def values(runs: Iterable[dict[str, Any]], *path: str) -> list[float]:
    """A figure of each run, where it is defined."""
    found = []
    for run in runs:
        value: Any = run
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            found.append(float(value))
    return found


def average(runs: Iterable[dict[str, Any]], *path: str) -> float | None:
    """The mean of a figure, None where no run has it."""
    found = values(runs, *path)
    return statistics.mean(found) if found else None


def cell(found: Sequence[float], digits: int = 3) -> str:
    """Mean and standard deviation."""
    if not found:
        return "-"
    spread = f" ± {statistics.stdev(found):.{digits}f}" if len(found) > 1 else ""
    return f"{statistics.mean(found):.{digits}f}{spread}"


def counts(runs: Sequence[dict[str, Any]], *path: str) -> str:
    """TP/FP/FN, one a run."""
    each = []
    for run in runs:
        held = run
        for name in path:
            held = held[name]
        each.append(f"{held['tp']}/{held['fp']}/{held['fn']}")
    return each[0] if len(set(each)) == 1 else " ".join(each)


def reason(result: Result, method: str) -> str | None:
    """Why a method has no figures; None where it has, or has not run."""
    failed = [run for run in result["runs"] if run["method"] == method and run["status"] != "ok"]
    return failed[0]["status"] if failed and not runs_of(result, method) else None


def readme_table(results: dict[str, Result]) -> str:
    """The README's table: F1 of the models, of flagging everything, and of the simple methods that lead on some system."""
    names = [name for name in RECIPES if name in results]
    shown = [
        BY_NAME["flag everything"],
        *strongest(results, "normal"),
        *strongest(results, "labels"),
        *methods_of("ours", ("normal", "labels")),
    ]
    text = [f"| F1 | learns from | {' | '.join(HEADS[name] for name in names)} |", "|---|---|" + "---|" * len(names)]
    for method in shown:
        cells = [cell(values(runs_of(results[name], method.name), "metrics", "f1")) for name in names]
        name = f"**{method.shown}**" if method.kind == "ours" else method.shown
        text.append(f"| {name} | {LEARNS[method.learns]} | {' | '.join(cells)} |")
        for part in PARTS.get(method.name, ()):
            runs = [measured_with(part, runs_of(results[name], method.name)) for name in names]
            cells = [cell(values(some, "metrics", "others", part, "f1")) for some in runs]
            text.append(f"| {method.shown}: {part} | {LEARNS[method.learns]} | {' | '.join(cells)} |")
    return "\n".join([*text, "", *below(results)])


# The papers' own decisions, and what counting alone brings to LogLLaMA's score where windows are sessions.
COUNTS = "counts alone, default threshold"
PARTS = {
    "LogLLaMA, tiny": ("top K (paper)", COUNTS),
    "LogLLM, tiny": ("the more probable answer (paper)",),
}


def measured_with(part: str, runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The runs that also judged by another rule or a part of the score."""
    return [run for run in runs if part in run["metrics"].get("others", {})]


LEARNS = {"nothing": "nothing", "normal": "normal windows", "labels": "labelled windows"}


def strongest(results: dict[str, Result], learns: str) -> list[Method]:
    """The simple methods that learn from these windows and lead on some system, by F1 and then by PR-AUC."""
    found = {}
    for result in results.values():
        measured = [method for method in methods_of("simple", (learns,)) if runs_of(result, method.name)]
        if measured:
            best = max(
                measured,
                key=lambda m: tuple(
                    average(runs_of(result, m.name), "metrics", key) or 0.0 for key in ("f1", "pr_auc")
                ),
            )
            found[best.name] = best
    return sorted(found.values(), key=METHODS.index)


HEADS = {
    "hdfs_random": "HDFS, random",
    "hdfs_chronological": "HDFS, by time",
    "bgl": "BGL, by time",
    "thunderbird": "Thunderbird, by time",
}


def speed(results: dict[str, Result], method: str) -> str:
    """Lines a processor second while scoring, on the first system that has the method; ten million is fast enough."""
    for result in results.values():
        found = average(runs_of(result, method), "lines_per_cpu_second")
        if found is not None and found > 1e7:
            return "> 10,000,000"
        if found is not None:
            return f"{float(f'{found:.2g}'):,.0f}"
    return "-"


def below(results: dict[str, Result]) -> list[str]:
    """What a reader must know beside the table."""
    runs = [run for result in results.values() for run in result["runs"]]
    made = [run["made"] for run in runs if "load" in run["made"]]
    if not made:
        return []
    others = sorted({run["from"] for run in runs if "from" in run})
    sizes = "; ".join(
        f"{HEADS[name]} {test['windows']:,} windows, {test['anomalous']} anomalous"
        for name, result in results.items()
        if (test := result["facts"]["splits"]["test"])
    )
    commits = sorted({one["commit"][:10] + ("+" if one["commit"].endswith("+") else "") for one in made})
    taken = (
        f" (taken over from `logllm reproduce`, same windows: {', '.join(f'`{name}`' for name in others)})"
        if others
        else ""
    )
    return [
        f"Test parts: {sizes}. Mean ± standard deviation over seeds, where there are several; thresholds from the training side "
        "only. Shown of the simple methods: those that lead their group on one of the systems. All methods, precision, recall, "
        "intervals and costs: `benchmarks/results/bench.md`.",
        f"Made by `make bench` at {', '.join(commits)}{taken}, machine: {made[0]['machine']}.",
    ]


def made_by(runs: Sequence[dict[str, Any]]) -> str:
    """What made some runs: how many at each commit, the days where they were recorded, machines, and the load."""
    made = [run["made"] for run in runs if run.get("made", {}).get("commit")]
    commits = Counter(one["commit"][:10] + ("+" if one["commit"].endswith("+") else "") for one in made)
    days = sorted({one["time"][:10] for one in made if "time" in one})
    machines = dict.fromkeys(
        f"{one['machine']}, {one['processor']}" if "processor" in one else one["machine"] for one in made
    )
    loads = [one["load"] for one in made if "load" in one]
    named = ", ".join(f"{name} ({count} run{'s' if count > 1 else ''})" for name, count in commits.items())
    text = f"Made at commits {named}; machine: {'; '.join(machines)}"
    text += f"; load {min(loads):.0f} to {max(loads):.0f}" if loads else ""
    since = ", ".join(days) if len(days) < 4 else f"{days[0]} to {days[-1]}"
    return text + (f"; runs that recorded it: {since}." if days else ".")


def split_facts(result: Result) -> list[str]:
    """What was learnt on and judged."""
    parts = result["facts"]["splits"]
    rows = [
        "| part | windows | anomalous | messages | lines without template | SHA-256 |",
        "|---|---|---|---|---|---|",
    ]
    for name, part in parts.items():
        rows.append(f"| {name} | {part['windows']:,} | {part['anomalous']:,} | {part['messages']:,} | "
                    f"{part['lines_without_template']:,} | `{part['sha256'][:16]}` |")  # fmt: skip
    return rows


def detection_table(result: Result, published: int | None = None) -> list[str]:
    """Every method: precision to MCC, raw counts, what false alarms there are, and what was published."""
    text = ["| | P | R | F1 (95 %) | best F1 | AUROC | PR-AUC | MCC | TP/FP/FN by seed | false alarms a day | published F1 |",
            "|---|---|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for title, kind, learns in GROUPS:
        text.append(f"| *{title}* |" + " |" * 10)
        for method in methods_of(kind, learns):
            text += detection_rows(result, method, published)
    return text


def detection_rows(result: Result, method: Method, published: int | None) -> list[str]:
    """A method's row, and one of its paper's own decision rule."""
    runs, theirs = runs_of(result, method.name), None
    if published is not None:
        theirs = method.published[published]
    if not runs:
        why = reason(result, method.name)
        return [f"| {method.shown} | {why} |" + " |" * 9] if why else []
    f1 = cell(values(runs, "metrics", "f1"))
    bounds = [run["metrics"]["intervals"]["f1"] for run in runs if "intervals" in run["metrics"]]
    low, high = ([bound[i] for bound in bounds if bound[i] is not None] for i in (0, 1))
    if low and high:
        f1 += f" ({min(low):.2f} to {max(high):.2f})"
    cells = [cell(values(runs, "metrics", name)) for name in ("precision", "recall")] + [f1]
    cells += [cell(values(runs, "metrics", name)) for name in ("best_f1", "auroc", "pr_auc", "mcc")]
    cells += [counts(runs, "metrics"), cell(values(runs, "metrics", "false_alarms_per_day"), 1)]
    cells.append("-" if theirs is None else f"{theirs:.3f}")
    text = [f"| {method.shown} | {' | '.join(cells)} |"]
    for name in dict.fromkeys(name for run in runs for name in run["metrics"].get("others", {})):
        some = measured_with(name, runs)
        fewer = "" if len(some) == len(runs) else f" ({len(some)} of {len(runs)} seeds)"
        each = [cell(values(some, "metrics", "others", name, key)) for key in ("precision", "recall", "f1")]
        areas = [cell(values(some, "metrics", "others", name, key)) for key in ("auroc", "pr_auc")]
        text.append(
            f"| {method.shown}: {name}{fewer} | {' | '.join(each)} | | {' | '.join(areas)} | | {counts(some, 'metrics', 'others', name)} | | |"
        )
    owns = [run for run in runs if "own_rule" in run["metrics"] and "others" not in run["metrics"]]
    if owns:
        own = [cell(values(owns, "metrics", "own_rule", name)) for name in ("precision", "recall", "f1")]
        text.append(
            f"| {method.shown}: the paper's own rule | {' | '.join(own)} | | | | | {counts(owns, 'metrics', 'own_rule')} | | |"
        )
    return text


def second_table(result: Result) -> list[str]:
    """De-duplicated and new sequences, evidence, delay, cost."""
    lined = any("delay" in run["metrics"] for run in result["runs"] if run["status"] == "ok")
    heads = ["F1, each sequence once", "PR-AUC, each once", "F1, never in training", "PR-AUC, never in training"]
    heads += ["hit@1", "hit@3", "delay, lines (missed)"] if lined else []
    heads += ["fit, s", "lines/s", "peak MB", "weights"]
    text = [f"| | {' | '.join(heads)} |", "|---|" + "---|" * len(heads)]
    for method in METHODS:
        runs = runs_of(result, method.name)
        if not runs:
            continue
        cells = [cell(values(runs, "metrics", part, name)) for part in ("deduplicated", "never_in_training") for name in ("f1", "pr_auc")]  # fmt: skip
        if lined:
            cells += [cell(values(runs, "metrics", name), 2) for name in ("hit_at_1", "hit_at_3")]
            delay, missed = (
                average(runs, "metrics", "delay", "median_lines"),
                average(runs, "metrics", "delay", "missed"),
            )
            cells.append("-" if missed is None else f"{'-' if delay is None else f'{delay:.0f}'} ({missed:.1f})")
        cells.append(cell(values(runs, "fit_cpu_seconds"), 1).split(" ")[0])
        cells.append(speed({"": result}, method.name))
        cells += [plain(average(runs, name)) for name in ("peak_memory_mb", "parameters")]
        text.append(f"| {method.shown} | {' | '.join(cells)} |")
    if lined:
        chance = average([run for run in result["runs"] if run["status"] == "ok"], "metrics", "hit_at_1_by_chance")
        runs = [run for run in result["runs"] if run["status"] == "ok" and "delay" in run["metrics"]]
        if chance is not None:
            text += ["", f"A line named at random is anomalous in {chance:.2f} of the anomalous windows; "
                     f"there are {runs[0]['metrics']['delay']['episodes']} episodes."]  # fmt: skip
    return text


def plain(value: float | None) -> str:
    """Two significant digits, thousands apart."""
    return "-" if value is None else f"{float(f'{value:.2g}'):,.0f}"


def kinds_beaten(result: Result) -> list[str]:
    """Whether our two beat every simple baseline of their own kind, said in words; LogLLaMA's own counts are one."""
    text = []
    for name, learns in (("LogLLM, tiny", ("labels",)), ("LogLLaMA, tiny", ("nothing", "normal"))):
        mine = average(runs_of(result, name), "metrics", "f1")
        others = {
            method.name: found
            for method in methods_of("simple", learns)
            if (found := average(runs_of(result, method.name), "metrics", "f1")) is not None
        }
        counted = average(runs_of(result, name), "metrics", "others", COUNTS, "f1")
        if counted is not None:
            others["its own counts alone"] = counted
        if mine is None or not others:
            continue
        better = {other: found for other, found in sorted(others.items(), key=lambda x: -x[1]) if found >= mine}
        if better:
            listed = ", ".join(f"{other} ({found:.3f})" for other, found in better.items())
            text.append(
                f"{name} ({mine:.3f}) does **not** beat every simple baseline of its kind: {listed} are as good or better."
            )
        else:
            text.append(
                f"{name} ({mine:.3f}) beats every simple baseline of its kind, the best of them {max(others.values()):.3f}."
            )
    return text


def time_taken(results: dict[str, Result]) -> list[str]:
    """Processor time of all runs, a row a system."""
    text, total = ["| | runs | processor minutes |", "|---|---|---|"], 0.0
    for name, result in results.items():
        ran = [seconds for method in METHODS for seconds in processor_seconds(result, method.name)]
        text.append(f"| {HEADS[name]} | {len(ran)} | {sum(ran) / 60:.0f} |")
        total += sum(ran)
    return [
        *text,
        "",
        f"One after another on one thread: {total / 3600:.1f} hours, without reading the logs and imports.",
    ]


def processor_seconds(result: Result, method: str) -> list[float]:
    """Of each run, learning and scoring."""
    runs = [run for run in runs_of(result, method) if "fit_cpu_seconds" in run]
    return [run["fit_cpu_seconds"] + run.get("score_cpu_seconds", 0.0) for run in runs]


def failures(result: Result) -> list[str]:
    """What did not come to an end."""
    return [
        f"{run['method']}, seed {run['seed']}: {run['status']} ({run.get('error')})"
        for run in result["runs"]
        if run["status"] != "ok"
    ]


def with_reworded(result: dict[str, Any], other: Any) -> dict[str, Any]:
    """The robustness rows, and beside them what `logllm_reworded.py` measured on the same windows in the same wordings."""
    if not isinstance(other, dict) or result["splits"].get(UNSTABLE) != (other.get("split_checksums") or {}).get(
        "test"
    ):
        return result
    ran = Counter(row["method"] for row in result["rows"] if row["table"] == "unstable" and row["status"] == "ok")
    theirs = Counter(run["row"] for run in other["runs"])
    fewer = {name for name in ran if theirs[name] > ran[name]}  # seeds: whoever has more of them
    rows = [row for row in result["rows"] if row["table"] != "unstable" or row["method"] not in fewer]
    for run in other["runs"]:
        if run["row"] in ran and run["row"] not in fewer:
            continue
        by: dict[str, list[dict[str, Any]]] = {}
        for figures in run["figures"]:
            by.setdefault(f"{figures['share']:.0%}", []).append(figures)
        settings = {share: {name: average(found, name) for name in ("f1", "pr_auc")} for share, found in by.items()}
        rows.append(
            {"table": "unstable", "method": run["row"], "seed": run["seed"], "status": "ok", "settings": settings}
        )
    return {**result, "rows": rows}


UNSTABLE = "unstable: hdfs_random"


def robustness_tables(result: dict[str, Any]) -> list[str]:
    """One table a kind of robustness: methods down, settings across, F1 and PR-AUC."""
    text: list[str] = []
    rows = result["rows"]
    for table in dict.fromkeys(row["table"] for row in rows):
        here = [row for row in rows if row["table"] == table]
        text += ["", f"### {TITLES.get(table, table)}", ""]
        if table == "label noise":
            text += noise_table(here)
            continue
        settings = list(dict.fromkeys(name for row in here for name in row.get("settings", {})))
        if all(name.endswith("%") for name in settings):
            settings.sort(key=lambda name: float(name[:-1]))
        text += [f"| F1 / PR-AUC | {' | '.join(settings)} |", "|---|" + "---|" * len(settings)]
        order = {method.name: i for i, method in enumerate(METHODS)}
        for method in sorted({row["method"] for row in here}, key=lambda name: (order.get(name, len(order)), name)):
            mine = [row for row in here if row["method"] == method]
            cells = []
            for setting in settings:
                done = [row["settings"][setting] for row in mine if setting in row.get("settings", {})]
                cells.append(f"{cell(values(done, 'f1'), 2)} / {cell(values(done, 'pr_auc'), 2)}" if done else "")
            if not any(cells):
                cells = [mine[0]["status"], *cells[1:]]
            shown = BY_NAME[method].shown if method in BY_NAME else method
            text.append(f"| {shown} | {' | '.join(cells)} |")
    return text


TITLES = {
    "label noise": "Label noise: windows that have a twin of the other label",
    "windows": "Window sizes (each size is a split of its own: compare inside a column)",
    "contamination": "Training and threshold contaminated (HDFS, random split; share of anomalies among windows taken for normal)",
    "unseen system": "Learnt on one system, judged on another",
    "unstable": "Unstable log (HDFS, random split; share of the templates reworded in the test part)",
}


def noise_table(rows: list[dict[str, Any]]) -> list[str]:
    """Twins of the other label by what is compared."""
    text = ["| | the same | windows | distinct | with both labels | windows among them | best F1 there could be |",
            "|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in rows:
        for view, one in row["views"].items():
            best = "-" if one["best_f1"] is None else f"{one['best_f1']:.4f}"
            text.append(f"| {row['source']} | {view} | {one['windows']:,} | {one['distinct']:,} | {one['with_both_labels']:,} | "
                        f"{one['windows_with_both']:,} | {best} |")  # fmt: skip
    return text


__all__ = ["BY_NAME", "HEADS", "load_results", "readme_table", "robustness_tables"]
