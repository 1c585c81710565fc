"""Callbacks of every stage: a progress bar, a clock, and an orderly end at Ctrl-C."""

import signal
import statistics
import threading
import time
from typing import Any

import torch
from tqdm.auto import tqdm
from transformers import TrainerCallback

CHECKPOINT_STEPS = 500  # besides those at evaluations: minutes of an 8B model


class StageBar(TrainerCallback):
    """A progress bar for one stage, on standard error."""

    def __init__(self, name: str, shown: bool, answer_tokens: int = 1):
        self.name, self.shown, self.answer_tokens = name, shown, answer_tokens
        self.bar: Any = None
        self.figures: dict[str, str] = {}

    def on_train_begin(self, args, state, control, **kwargs):
        """Open the bar."""
        self.bar = tqdm(
            total=state.max_steps, initial=state.global_step, desc=self.name, unit="step", disable=not self.shown
        )

    def on_step_end(self, args, state, control, **kwargs):
        """Move it on."""
        self.bar.update(state.global_step - self.bar.n)

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Show the last figures."""
        logs = logs or {}
        if "loss" in logs:
            self.figures["loss"] = f"{float(logs['loss']):.4f}"
            if "mean_token_accuracy" in logs:  # LogLLM's; a next key has no answer
                # All but one of the answer's tokens are the same in both answers: what is wrong is the word.
                wrong = (1 - float(logs["mean_token_accuracy"])) * self.answer_tokens
                self.figures["answer"] = f"{max(1 - wrong, 0):.3f}"
        if "eval_f1" in logs:
            self.figures["validation F1"] = f"{logs['eval_f1']:.3f}"
        if self.bar is not None:
            self.bar.set_postfix(self.figures, refresh=False)

    def on_train_end(self, args, state, control, **kwargs):
        """Close it."""
        self.bar.close()


class StepClock(TrainerCallback):
    """How long a stage and its steps took, in seconds; of a resumed stage the part since then."""

    def __init__(self):
        self._begun = self._last = 0.0
        self._steps: list[float] = []

    def on_train_begin(self, args, state, control, **kwargs):
        """Start."""
        self._begun = self._last = time.perf_counter()

    def on_step_begin(self, args, state, control, **kwargs):
        """A step begins: evaluations and checkpoints in between are not its time."""
        self._last = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        """Keep the step's time."""
        self._steps.append(time.perf_counter() - self._last)

    def figures(self) -> dict[str, float]:
        """`seconds` of the stage and `seconds_per_step`, the median without the first, which allocates."""
        steps = self._steps[1:] or self._steps or [0.0]
        seconds = time.perf_counter() - self._begun
        return {"seconds": round(seconds, 2), "seconds_per_step": round(statistics.median(steps), 5)}


class StopOnSignal(TrainerCallback):
    """Ctrl-C and SIGTERM: end the step, save, stop. A context: on leaving it the signals are as they were.

    The signal's name is kept in `caught`; a second one is not caught.
    """

    def __init__(self):
        self.caught: str | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopOnSignal":
        if threading.current_thread() is threading.main_thread():  # no other may listen
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as of a job in the background
                    self._before[number] = signal.signal(number, self._catch)
        return self

    def __exit__(self, *exception) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _catch(self, number, frame):
        self.caught = signal.Signals(number).name
        signal.signal(number, self._before[number])

    def on_step_end(self, args, state, control, **kwargs):
        """Ask for a checkpoint and the end, in all processes at the same step; and for one every so many steps."""
        caught = self.caught is not None
        if args.world_size > 1:
            flag = torch.tensor(int(caught), device=args.device)
            torch.distributed.all_reduce(flag)
            caught = bool(flag)
        if caught:
            self.caught = self.caught or "a signal to another process"
            control.should_save = control.should_training_stop = True
        elif state.global_step % CHECKPOINT_STEPS == 0:
            control.should_save = True
        return control
