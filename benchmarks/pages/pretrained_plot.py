"""One picture of what pretrained weights bring: F1 on HDFS over the share of templates of the test log that are reworded.

A row with pretrained weights is a solid line, the same shape with random weights a dashed one of the same colour; a row that
was not run is named below the picture and not drawn. Two files, for light and for dark pages; each holds the checksum of
what it shows, so that a test can tell a picture of other figures.
"""

from __future__ import annotations

import hashlib
import json
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.experiments import logllm_pretrained

HERE = Path(__file__).resolve().parents[1]
ASSETS = HERE.parent / "docs" / "assets"
THEMES = {"light": ("#ffffff", "#24292f"), "dark": ("#0d1117", "#e6edf3")}
COLOURS = ("#e8590c", "#1c7ed6", "#2b8a3e", "#9c36b5", "#c2255c")
GREY = "#868e96"
# (label, row with pretrained weights, the same with random ones) of logllm_reworded.json, and rules without a model.
ENCODERS = (("MiniLM encoder (laptop, messages varied)", "LogLLM, laptop", "LogLLM, laptop, random encoder"),)
RULES = ("decision tree on counts", "nearest template by MiniLM, then decision tree")
Line = dict[
    str, Any
]  # label, kind (pretrained, random, rule), colour, seeds, points: [(share, mean, lowest, highest)]


def lines() -> tuple[list[Line], list[str]]:
    """What is drawn, from the result files; and the names of the rows that were not run."""
    pretrained, reworded = _runs("logllm_pretrained", "hdfs"), _runs("logllm_reworded", None)
    drawn: list[Line] = []
    missing: list[str] = []
    pairs = [(label, reworded.get(name), reworded.get(other), other) for label, name, other in ENCODERS]
    for name in logllm_pretrained.ROWS:
        other = name.replace("pretrained decoder", "random decoder")
        if "pretrained decoder" in name and "varied" not in name and other in logllm_pretrained.ROWS:
            label = name.replace("pretrained decoder", "SmolLM2 decoder").replace(" by MiniLM, then", ",")
            pairs.append((label, pretrained.get(name), pretrained.get(other), other))
            missing += [] if name in pretrained else [name]
    for colour, (label, with_weights, without, other) in zip(COLOURS, pairs):
        if with_weights:
            drawn.append(_line(label, "pretrained", colour, with_weights))
        if without:
            drawn.append(_line(f"{label}, random weights", "random", colour, without))
        else:
            missing.append(other)
    drawn += [_line(name, "rule", GREY, reworded[name]) for name in RULES if name in reworded]
    return drawn, missing


def _runs(name: str, task: str | None) -> dict[str, list[dict[str, Any]]]:
    file = HERE / "results" / f"{name}.json"
    found: dict[str, list[dict[str, Any]]] = {}
    for run in json.loads(file.read_text("utf-8"))["runs"] if file.is_file() else ():
        if run.get("task") == task and len({figure["share"] for figure in run["figures"]}) > 1:
            found.setdefault(run["row"], []).append(run)
    return found


def _line(label: str, kind: str, colour: str, runs: Iterable[dict[str, Any]]) -> Line:
    each: dict[float, list[float]] = {}
    seeds = set()
    for run in runs:
        seeds.add(run["seed"])
        for figure in run["figures"]:
            each.setdefault(figure["share"], []).append(figure["f1"])
    points = [(share, statistics.mean(f1), min(f1), max(f1)) for share, f1 in sorted(each.items())]
    return {"label": label, "kind": kind, "colour": colour, "seeds": len(seeds), "points": points}


def checksum(drawn: list[Line]) -> str:
    """Of what is drawn."""
    return hashlib.sha256(json.dumps(drawn, sort_keys=True).encode()).hexdigest()


def caption() -> str:
    """Markdown of the picture with its alternative text, and what it shows."""
    drawn, missing = lines()
    told = "; ".join(
        f"{one['label']} {one['points'][0][1]:.2f} to {one['points'][-1][1]:.2f}" for one in drawn if one["points"]
    )
    alternative = f"F1 on HDFS from the log as it was to all templates reworded: {told}"
    few = [one["label"] for one in drawn if one["kind"] != "rule" and one["seeds"] == 1]
    text = (
        "F1 on HDFS (random split) when a share of the test log's templates is reworded, weights and thresholds untouched: mean, "
        "with the lowest and highest of all seeds and five rewordings."
    )
    text += f" One seed only: {', '.join(few)}." if few else ""
    text += f" Not run yet: {', '.join(missing)}." if missing else ""
    picture = (
        '<picture><source media="(prefers-color-scheme: dark)" srcset="docs/assets/pretrained-dark.png">'
        f'<img alt="{alternative}" src="docs/assets/pretrained-light.png" width="760"></picture>'
    )
    return f"{picture}\n\n{text} Files: `logllm_pretrained.json`, `logllm_reworded.json`."


def write() -> None:
    """Draw both pictures."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    drawn, _ = lines()
    for theme, (ground, ink) in THEMES.items():
        colours: dict[Any, str] = {
            "text.color": ink,
            "axes.edgecolor": ink,
            "axes.labelcolor": ink,
            "xtick.color": ink,
            "ytick.color": ink,
        }
        with plt.rc_context({**colours, "figure.facecolor": ground, "axes.facecolor": ground, "font.size": 10}):
            figure, axes = plt.subplots(figsize=(8.4, 4.4), dpi=110)
            for i, one in enumerate(drawn):
                shares, mean, low, high = zip(*one["points"])
                style = {"pretrained": "-", "random": "--", "rule": ":"}[one["kind"]]
                marker = "o" if one["kind"] != "rule" else "s^v"[i % 3]
                at = [
                    100 * share + (i - len(drawn) / 2) * 0.5 for share in shares
                ]  # side by side, so that bars are seen
                axes.vlines(at, low, high, color=one["colour"], alpha=0.45, linewidth=3)
                axes.plot(at, mean, style, color=one["colour"], marker=marker, markersize=5, label=one["label"])
            axes.set(xlabel="templates of the test log that are reworded, %", ylabel="F1", ylim=(0, 1.03))
            axes.set_xticks([0, 20, 40, 100])
            axes.grid(alpha=0.2)
            axes.spines[["top", "right"]].set_visible(False)
            axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.18), ncols=2, frameon=False, fontsize=7.5)
            figure.tight_layout()
            figure.savefig(
                ASSETS / f"pretrained-{theme}.png", metadata={"Description": checksum(drawn), "Software": None}
            )
            plt.close(figure)


def drawn_of(theme: str) -> str:
    """The checksum in a picture; "" where there is no picture."""
    from PIL import Image

    file = ASSETS / f"pretrained-{theme}.png"
    return str(Image.open(file).info.get("Description", "")) if file.is_file() else ""
