"""What `logllm scan` is measured with: made-up cases, labelled logs, other tools."""
