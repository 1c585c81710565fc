"""As a transformers pipeline: windows in, verdicts with evidence out."""

from transformers import AutoModel, AutoProcessor, pipeline

import logllm.modeling_logllm  # noqa: F401

folder = "checkpoints/logllama-hdfs"
model, processor = AutoModel.from_pretrained(folder), AutoProcessor.from_pretrained(folder)
detect = pipeline("log-anomaly-detection", model=model, processor=processor)
# of a repository on the Hub: pipeline(model="OWNER/NAME", trust_remote_code=True), without this package
window = [
    "Receiving block blk_1 src: /10.0.0.1:5 dest: /10.0.0.2:5",
    "PacketResponder 1 for block blk_1 Interrupted.",
]
print(detect({"lines": window}))
