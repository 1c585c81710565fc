"""The `logllm` command: one module a group of commands."""
