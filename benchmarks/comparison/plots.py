"""The bench's pictures, drawn without a display.

Notes: Of each kind of method the ones of the highest PR-AUC are drawn, the others would hide them; the choice is made
from the result files, and the tables hold all. Only the first seed's curve is drawn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.comparison.systems import RECIPES
from benchmarks.comparison.tables import GROUPS, HEADS, average, methods_of, runs_of

COLOURS = ("#9aa0a6", "#1a73e8", "#e8710a", "#a142f4", "#d93025")
MARKS = ("o", "s", "^", "D", "*")
DRAWN = (1, 2, 2, 2, 3)  # methods of each group
LINES = ("-", "--", ":")


def figure(columns: int, rows: int = 1, width: float = 5.2, height: float = 4.0) -> tuple[Figure, Any]:
    """A figure and its axes, row by row."""
    drawn = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False).flatten()


def save(drawn: Figure, file: Path) -> None:
    """Write without a date or a version: the same results give the same bytes."""
    drawn.savefig(file, dpi=100, metadata={"Software": None})


def draw_curves(results: dict[str, Any], file: Path) -> None:
    """Precision over recall, a panel a system."""
    drawn, axes = figure(min(len(results), 2), -(-len(results) // 2))
    for axis, (name, result) in zip(axes, results.items()):
        for group, ((_, kind, learns), colour, most) in enumerate(zip(GROUPS, COLOURS, DRAWN)):
            found = []
            for method in methods_of(kind, learns):
                runs = [run for run in runs_of(result, method.name) if run["seed"] == 0 and run.get("curve")]
                if runs and method.learns != "nothing":
                    found.append((average(runs, "metrics", "pr_auc") or 0.0, method.name, runs[0]["curve"]))
            for style, (area, title, curve) in zip(LINES, sorted(found, key=lambda row: -row[0])[:most]):
                # Each step has the precision of its end, so that the area is PR-AUC.
                points = [(0.0, curve[0][1]), *curve]
                axis.step(
                    [x for x, _ in points], [y for _, y in points], where="pre", color=colour, linestyle=style,
                    linewidth=2 if group == len(GROUPS) - 1 else 1.2, label=f"{title} ({area:.3f})",
                )  # fmt: skip
        test = result["facts"]["splits"]["test"]
        axis.axhline(test["anomalous"] / test["windows"], color="0.8", linewidth=1)
        axis.set(title=RECIPES[name].title, xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.03))
        axis.title.set_fontsize(9)
        axis.legend(fontsize=6.5, loc="lower left", title="PR-AUC; grey line: flag everything", title_fontsize=6.5)
    for axis in axes[len(results) :]:
        axis.remove()
    save(drawn, file)


def draw_cost(results: dict[str, Any], file: Path) -> None:
    """F1 over lines a processor second, a panel a system; numbers name the methods."""
    drawn, axes = figure(min(len(results), 2), -(-len(results) // 2), height=3.6)
    numbers: dict[str, int] = {}
    for axis, (name, result) in zip(axes, results.items()):
        for (_, kind, learns), colour, mark in zip(GROUPS, COLOURS, MARKS):
            for method in methods_of(kind, learns):
                runs = runs_of(result, method.name)
                x, y = average(runs, "lines_per_cpu_second"), average(runs, "metrics", "f1")
                if x is None or y is None or method.learns == "nothing":
                    continue
                number = numbers.setdefault(method.name, len(numbers) + 1)
                beside = ((3, 3), (3, -8), (-9, 3), (-9, -8))[
                    number % 4
                ]  # neighbours at the top would hide each other
                axis.scatter([x], [y], color=colour, marker=mark, s=90 if kind == "ours" else 28, zorder=3)
                axis.annotate(str(number), (x, y), xytext=beside, textcoords="offset points", fontsize=6)
        axis.set(
            title=HEADS[name],
            xlabel="lines a processor second while scoring",
            ylabel="F1",
            xscale="log",
            ylim=(-0.03, 1.06),
        )
        axis.title.set_fontsize(9)
        axis.grid(True, color="0.93")
    for axis in axes[len(results) :]:
        axis.remove()
    handles = [
        axes[0].scatter([], [], color=colour, marker=mark, label=title)
        for (title, _, _), colour, mark in zip(GROUPS, COLOURS, MARKS)
    ]
    handles += [axes[0].scatter([], [], color="white", label=f"{number} {title}") for title, number in numbers.items()]
    drawn.legend(handles=handles, loc="outside right upper", fontsize=6.5, handlelength=0.8, ncols=1)
    save(drawn, file)


def draw_sweeps(curves: dict[str, list[tuple[float, float]]], file: Path) -> None:
    """F1 over a share, a panel a sweep."""
    drawn, axes = figure(len(curves), height=3.0, width=4.2)
    for axis, (title, found) in zip(axes, curves.items()):
        axis.plot([100 * x for x, _ in found], [y for _, y in found], marker=".")
        axis.set(title=title, xlabel="share, %", ylabel="F1", ylim=(0, 1.02))
        axis.title.set_fontsize(9)
    save(drawn, file)
