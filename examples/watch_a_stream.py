"""Judge lines as they come, with a detector that was fitted on the lines before: `python examples/watch_a_stream.py`."""

import itertools

from logllm import LogAnomalyDetector
from logllm.hf_datasets.simulation.simulate import iter_lines

usual = [line for line, _ in iter_lines("app", 4000, seed=2, anomaly_share=0.0)]
detector = LogAnomalyDetector.fit(usual, alarms_per_day=1, max_steps=60, progress=False)

stream = (line for line, _ in iter_lines("app", 2000, seed=3))
for alert in itertools.islice(detector.watch(stream), 3):
    print(alert["event"], round(alert["score"], 2), alert["reason"])
