"""From raw lines to the marked line, with what was expected instead."""

from logllm import LogAnomalyDetector

detector = LogAnomalyDetector.from_pretrained("checkpoints/logllama-hdfs")
for verdict in detector(open("examples/hdfs.log")):
    if verdict.is_anomalous:
        for line in verdict.worst(3):
            print(line.line_number, line.reason, line.expected)
