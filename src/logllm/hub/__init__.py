"""Publishing: checkpoints, the published layout, the folder of the Space."""
