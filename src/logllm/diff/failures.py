"""Without a good run: which lines of a build log people would mark as the failure, by what failures look like elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from logllm.diff import ranker
from logllm.diff.compare import Finding, is_build_log, judge, noise_rows
from logllm.diff.features import candidates, matrix, says_failed
from logllm.diff.good import read_good
from logllm.diff.sources import line_chunks
from logllm.diff.table import make_table


@dataclass(frozen=True, slots=True)
class Failures:
    """What is known of a log's lines.

    Attributes:
        build: whether it looks like the log of a build.
        failed: whether a line says that the run failed.
        probability: `(n,)`, how likely people would mark each line; 0 for lines that belong to any run.
        shown: `(n,)`, the lines to show.
    """

    build: bool
    failed: bool
    probability: NDArray[np.float64]
    shown: NDArray[np.bool_]


def failure_lines(chunks: Iterable[pl.Series], model: ranker.Ranker | None = None) -> Failures:
    """Judge the lines of a log, given in order in columns of any length; `model` takes the place of the shipped ranker."""
    table = make_table(chunks, None)
    rows = candidates(table)
    probability = np.zeros(len(table))
    names, values = matrix(table, None, rows)
    probability[rows] = (model or ranker.shipped(ranker.ALONE)).probabilities(names, values)
    probability[noise_rows(table, rows, names, values)] = 0.0
    failed = says_failed(table)
    return Failures(is_build_log(table), failed, probability, ranker.chosen(probability, failed, ranker.BETA_ALONE))


def failure_findings(path: str) -> list[Finding]:
    """The findings of a failed build without a good run, ranked; empty where the log is no build's or nothing says it failed.

    Lines are counted by LF, as the readers of events do.
    """
    table = make_table(line_chunks(path, carriage_returns=False), None)
    if not is_build_log(table) or not says_failed(table):
        return []
    return judge(table, read_good([]), path).flagged
