"""As a model and a processor: scores read from logits."""

from transformers import AutoModel, AutoProcessor

import logllm.modeling_logllm  # noqa: F401

model = AutoModel.from_pretrained("checkpoints/logllm")
processor = AutoProcessor.from_pretrained("checkpoints/logllm")
windows = [["Receiving block blk_1 src: /10.0.0.1:5 dest: /10.0.0.2:5"], ["data storage fault"]]
print(model.score(windows, processor))  # log-odds of "anomalous"
print(model.config.threshold)  # above it a window is called so
