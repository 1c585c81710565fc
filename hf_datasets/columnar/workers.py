"""A few processes that are given work and send back what they find, piece by piece.

Notes: They are started afresh (spawn), because a fork of a process with threads may hang, and they stay for all the
steps of a build, because a start costs more than reading a million lines. A worker sends pieces as they come, so that
memory stays bounded at its end; whoever receives them reads all pipes, or one in a fixed turn. A worker that fails or
dies ends the whole work with one `LogInputError`.
"""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any

from ..errors import LogInputError

# A worker's function: it is given `send` and its own arguments, and what it returns is its last piece.
Task = Callable[..., Any]
NO_MEMORY = (
    "Memory must suffice for every process; it ran out in one of them. Nothing was kept: use fewer processes, or build a "
    "range of lines (--lines)."
)
_STOPS_WITHIN = 5.0
_GOES_WITHIN = 1.0


class Workers:
    """`with Workers(2) as workers:` two processes; `gather` and `in_turn` give them work."""

    def __init__(self, count: int):
        if count < 1:
            raise LogInputError(f"processes must be 1 or more, found {count}: give another number")
        self.count = count
        self._pipes: list[Connection] = []
        self._processes: list[Any] = []

    def __enter__(self) -> Workers:
        context = multiprocessing.get_context("spawn")
        try:
            for _ in range(self.count):
                ours, theirs = context.Pipe()
                self._pipes.append(ours)
                process = context.Process(target=_serve, args=(theirs,), daemon=True)
                self._processes.append(process)
                process.start()
                theirs.close()  # so that a death is seen as the end of the pipe
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if process.pid is None:
                continue
            process.join(_GOES_WITHIN)  # it ends by itself when nobody is at the other end, unless it is at work
            if process.is_alive():
                process.terminate()  # it holds nothing but what its folder's owner removes
                process.join(_STOPS_WITHIN)

    def start(self, task: Task, arguments: Sequence[tuple[Any, ...]]) -> None:
        """Give worker after worker its arguments; there are no more of them than workers."""
        for number, own in enumerate(arguments):
            try:
                self._pipes[number].send((task, own))
            except (pickle.PicklingError, AttributeError, TypeError) as error:
                raise LogInputError(
                    f"What goes to another process must be found by its name, found none ({error}): define the"
                    " mask at the top of a module, or use processes=1"
                ) from error
            except OSError:
                raise self._died(number) from None

    def gather(self, count: int) -> Iterator[tuple[int, bool, Any]]:
        """(worker, whether it is its last, piece) of the first `count` workers, as they come."""
        left = {self._pipes[number]: number for number in range(count)}
        while left:
            for pipe in wait(list(left)):
                number = left[pipe]  # type: ignore[index]
                last, piece = self.receive(number)
                if last:
                    del left[pipe]  # type: ignore[arg-type]
                yield number, last, piece

    def receive(self, number: int) -> tuple[bool, Any]:
        """(whether it is the last, piece): the next that a worker sends. Raises what it raised, or that it died."""
        try:
            kind, piece = self._pipes[number].recv()
        except (EOFError, OSError):
            raise self._died(number) from None
        if kind == "failed":
            raise piece
        return kind == "last", piece

    def _died(self, number: int) -> LogInputError:
        process = self._processes[number]
        process.join(_STOPS_WITHIN)
        return LogInputError(
            f"Every process must finish its part, found that number {number + 1} of {self.count} ended with code "
            f"{process.exitcode} (a negative one is a signal; -9 often means that memory ran out). Nothing was kept: "
            "use fewer processes; in a script, call from under `if __name__ == '__main__':`"
        )


def _serve(pipe: Connection) -> None:
    """What a worker process does: one task after the other, until nobody is at the other end."""

    def send(piece: Any) -> None:
        pipe.send(("piece", piece))

    while True:
        try:
            task, arguments = pipe.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        except Exception as error:  # such as a mask that is not found in this process
            pipe.send(
                (
                    "failed",
                    LogInputError(
                        f"What goes to another process must be found by its name, found none ({error}): define it at the top of a module"
                    ),
                )
            )
            continue
        try:
            pipe.send(("last", task(send, *arguments)))
        except (BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
            return
        except LogInputError as error:
            pipe.send(("failed", error))
        except MemoryError:
            pipe.send(("failed", LogInputError(NO_MEMORY)))
        except OSError as error:  # a full disk keeps its number
            pipe.send(("failed", OSError(error.errno, str(error))))
        except BaseException as error:
            pipe.send(("failed", RuntimeError(f"{type(error).__name__}: {error}")))
