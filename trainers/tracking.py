"""Where the curves of a training go: TensorBoard, trackio, or any tracker that transformers knows and this machine has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import Trainer
from transformers.integrations import (
    TensorBoardCallback,
    get_available_reporting_integrations,
)


def chosen_trackers(report_to: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the trackers by name, none without a word: a checkpoint holds no curves that nobody asked for.

    Args:
        report_to: names, with commas between them or as a sequence; "none", "all", or None.

    Raises:
        ValueError: one that is unknown or not installed.
    """
    names = [report_to] if isinstance(report_to, str) else list(report_to or ())
    names = [name.strip() for one in names for name in one.split(",") if name.strip()]
    if report_to is None:
        return ()
    installed = get_available_reporting_integrations()
    if names == ["none"]:
        return ()
    if names == ["all"]:
        return tuple(installed)
    missing = [name for name in names if name not in installed]
    if missing or not names:
        raise ValueError(
            f"report_to must name trackers that are installed ({', '.join(installed) or 'none is'}), found "
            f"{', '.join(missing) or 'no name'}: pip install logllm[trackers], or --report-to none"
        )
    return tuple(names)


def tracking_arguments(trackers: Sequence[str], name: str) -> dict[str, Any]:
    """Arguments of a trainer that report to all trackers but TensorBoard, which `track` adds with a folder of its own."""
    others = [tracker for tracker in trackers if tracker != "tensorboard"]
    return {"report_to": others or "none", "run_name": name, "project": "logllm"}


def track(trainer: Trainer, trackers: Sequence[str], folder: Path | None) -> None:
    """Let a trainer write TensorBoard's files into a folder, where that was chosen."""
    if "tensorboard" not in trackers or folder is None:
        return
    from torch.utils.tensorboard import SummaryWriter

    trainer.add_callback(TensorBoardCallback(SummaryWriter(log_dir=str(folder))))
