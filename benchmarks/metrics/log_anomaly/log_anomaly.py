"""The metric as an `evaluate` module: `evaluate.load(FOLDER).compute(predictions=..., references=..., threshold=...)`.

Notes: The mathematics is in `measures.py`, which needs no `evaluate`. `evaluate` gathers predictions and
references of several processes; everything else is handed to `compute` on the first process, for all windows in the
order of the processes. Its loader reads import lines with a regular expression: one import a line.
"""

import datasets
import evaluate

from .measures import anomaly_metrics

DESCRIPTION = "How well scores of log windows tell anomalous ones from normal ones, with what an operator pays for it."
INPUTS = """
predictions: one score a window, higher = more anomalous.
references: 1 anomalous, 0 normal.
threshold: a window is flagged when its score is above it.
sequences, training_sequences, lines, seconds, line_scores, line_labels, prevalence, draws, seed: optional, see README.
"""


class LogAnomaly(evaluate.Metric):
    """Detection metrics of scores at a threshold."""

    def _info(self):
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description=INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("float64"), "references": datasets.Value("int32")}
            ),
        )

    def _compute(self, predictions, references, threshold=0.0, **settings):
        return anomaly_metrics(predictions, references, threshold, **settings)
