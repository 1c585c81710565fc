"""The beginning and the end of a worker that torchrun started.

What is odd: gloo's threads end with the process group's last reference, and a thread that outlives it asks a Python that is
being taken down for its lock: the worker, whose work is done, aborts, and torchrun calls the whole run failed (pytorch pull
request 179291). `torch.distributed.nn.functional` has the group as a default argument where it is imported after the group
was made, for good; hence it is imported before.
"""

import os


def before_group() -> None:
    """Call before a process group is made: no module may keep it beyond its end."""
    import torch.distributed.nn.functional  # noqa: F401


def is_worker() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def leave_group() -> None:
    """Call when the work is done and well done: with others in the middle of something this may wait for them."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
