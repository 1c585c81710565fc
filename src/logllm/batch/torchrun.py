"""The beginning and the end of a worker that torchrun started.

Notes: Gloo's threads end with the process group's last reference, and a thread that outlives it asks a Python that is
being taken down for its lock: the worker, whose work is done, aborts, and torchrun calls the whole run failed (pytorch pull
request 179291). `torch.distributed.nn.functional` has the group as a default argument where it is imported after the group
was made, for good; hence it is imported before.
"""

import os
from collections.abc import Mapping


def restarts_share_a_store(environment: Mapping[str, str]) -> bool:
    """Whether this is torchrun's first worker at its start, and a restart would hang (pytorch issue 135712).

    >>> restarts_share_a_store({"RANK": "0", "TORCHELASTIC_MAX_RESTARTS": "3", "TORCHELASTIC_USE_AGENT_STORE": "True"})
    True
    """
    return (
        environment.get("RANK") == "0"
        and environment.get("TORCHELASTIC_MAX_RESTARTS", "0") != "0"
        and environment.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        and environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    )


def before_group() -> None:
    """Call before a process group is made: no module may keep it beyond its end."""
    import torch.distributed.nn.functional  # noqa: F401


def is_worker() -> bool:
    """Whether torchrun started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def leave_group() -> None:
    """End the process group, if there is one. NCCL may wait for what others are in the middle of: not after a failure there."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()
