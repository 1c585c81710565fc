"""Build a dataset, train LogLLaMA on its normal windows, and publish both: `python examples/train_and_push.py [OWNER/NAME]`."""

import sys
from pathlib import Path

from logllm import LogAnomalyDetector, build, load_windows
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.training.workflows import train_on

work = Path("example_output")
simulate("hdfs", 4000, seed=1, out=work)
build("hdfs", work / "hdfs.log", work / "data", labels=work / "anomaly_label.csv", progress=False)
windows = load_windows(work / "data", "hdfs")
print({split: len(rows) for split, rows in windows.items()})

train_on("logllama", work / "data", "hdfs", "tiny", work / "model", reinforce=False, progress=False)
detector = LogAnomalyDetector.from_pretrained(work / "model")
verdicts = list(detector(open(work / "hdfs.log", encoding="utf-8")))
print(sum(verdict.is_anomalous for verdict in verdicts), "of", len(verdicts), "windows flagged")

if len(sys.argv) > 1:  # needs `hf auth login`
    print(detector.push_to_hub(sys.argv[1]))
