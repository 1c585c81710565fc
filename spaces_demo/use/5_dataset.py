"""Windows with fixed splits, for training."""

# first, in a shell:
#   logllm simulate hdfs --lines 20000 --out logs
#   logllm build hdfs --raw logs/hdfs.log --out windows     (or --download, for the published log)
from datasets import load_dataset

rows = load_dataset("windows", "hdfs")
print(rows["train"][0]["lines"], rows["train"][0]["label"])
