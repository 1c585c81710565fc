"""Fresh processes for tests, without the seconds that every start of torch takes: forks of one that has imported it.

A fork has torch and what transformers takes from it in memory, and nothing of Hugging Face's or of ours: those read the
environment when they are imported. `run` stands for `subprocess.run([sys.executable, "-c", code, ...])`, and `ranks` starts
what torchrun would start (torchrun itself: tests/test_cluster.py, tests/test_elastic.py).
"""

import atexit
import functools
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

PRELOADED = (
    "torch", "torch._dynamo", "torch.export", "torch.distributed.tensor", "torch.distributed.checkpoint",
    "torch.distributed.elastic.agent.server.api", "torch.nn.attention.flex_attention", "torch._inductor.compile_fx",
    "scipy.optimize", "pandas", "pyarrow.dataset", "pyarrow.parquet",
)  # fmt: skip
ON_CPU = {"CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
LOGLLM = "from logllm.__main__ import main; main()"  # the code of the command


# -- the side of the tests ---------------------------------------------------------------------------------------------


class Parent:
    """The process that forks. It says which process it started, and later with which code that one ended."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
        self.said, self.ended = b"", dict[int, int]()
        atexit.register(self.end)

    def end(self) -> None:
        """Let it end, and wait for that."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def ask(self, request: dict[str, object]) -> int:
        """Start a process; its id."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        started: list[int] = []
        while not started:
            started = self._read(None)
        return started[0]

    def wait(self, pid: int, seconds: float) -> int | None:
        """The exit code of a process, as subprocess gives it; None when it runs on after so long."""
        until = time.monotonic() + seconds
        while pid not in self.ended:
            left = until - time.monotonic()
            self._read(max(left, 0))
            if left <= 0:
                break
        return self.ended.get(pid)

    def _read(self, seconds: float | None) -> list[int]:
        """Take in what was said within so long; the processes that were started."""
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            return []
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        if not data:
            raise EOFError(f"the process that forks ended with code {self.process.wait()}")
        *lines, self.said = (self.said + data).split(b"\n")
        answers = [json.loads(line) for line in lines]
        self.ended |= {pid: code for name, pid, code in answers if name == "ended"}
        return [pid for name, pid, _ in answers if name == "started"]


@functools.cache
def parent() -> Parent:
    """The one of this process; it ends when its standard input is closed."""
    return Parent()


class Started:
    """A process that was started; the members of `subprocess.Popen` that tests use."""

    def __init__(self, code: str, arguments: tuple[object, ...], env: dict[str, str] | None, cwd: object) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="logllm-fresh-")
        self.stdout, self.stderr = (Path(self.folder.name) / name for name in ("out", "err"))
        for file in (self.stdout, self.stderr):
            file.touch()
        self.returncode: int | None = None
        self.pid = parent().ask(
            {
                "code": code,
                "arguments": [str(one) for one in arguments],
                "env": {**os.environ, **(env or {})},
                "cwd": str(cwd or os.getcwd()),
                "out": str(self.stdout),
                "err": str(self.stderr),
            }
        )

    def poll(self) -> int | None:
        return self._wait(0)

    def _wait(self, seconds: float) -> int | None:
        if self.returncode is None:
            self.returncode = parent().wait(self.pid, seconds)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def result(self, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Wait for its end; killed after `timeout` seconds."""
        if self._wait(timeout) is None:
            self.kill()
            raise subprocess.TimeoutExpired("a fresh process", timeout, stderr=self.stderr.read_text()[-3000:])
        assert self.returncode is not None
        return subprocess.CompletedProcess([], self.returncode, self.stdout.read_text(), self.stderr.read_text())


def start(code: str, *arguments: object, env: dict[str, str] | None = None, cwd: object = None) -> Started:
    """Run Python code with arguments in a process of its own; `env` is added to the environment."""
    return Started(code, arguments, env, cwd)


def run(
    code: str, *arguments: object, env: dict[str, str] | None = None, cwd: object = None
) -> subprocess.CompletedProcess[str]:
    """The same, and wait for its end."""
    return start(code, *arguments, env=env, cwd=cwd).result()


def ranks(count: int, code: str, *arguments: object, env: dict[str, str] | None = None) -> list[Started]:
    """Start `count` processes with the environment that torchrun gives them."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    shared = {"WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port,
              "TORCHELASTIC_RUN_ID": "tests", "TORCHELASTIC_RESTART_COUNT": 0, "TORCHELASTIC_MAX_RESTARTS": 0}  # fmt: skip
    shared = {name: str(value) for name, value in shared.items()}
    return [
        start(code, *arguments, env={**(env or {}), **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(count)
    ]


# -- the process that forks ---------------------------------------------------------------------------------------------


def serve() -> dict[str, object] | None:
    """Fork at each request; returns in a fork, with what it is asked for, and at the end of the input with None."""
    import contextlib
    import importlib

    gc.set_threshold(100_000, 20, 10)  # as the command has it (logllm/__main__.py)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # what is loaded here is no garbage: forks share its pages and their collector passes it over
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes)
    pending = b""
    while True:
        ready, _, _ = select.select([0, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        with contextlib.suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                os.write(1, (json.dumps(["ended", ended[0], os.waitstatus_to_exitcode(ended[1])]) + "\n").encode())
        if 0 not in ready:
            continue
        data = os.read(0, 1 << 20)
        if not data:
            return None
        *lines, pending = (pending + data).split(b"\n")
        for line in lines:
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return json.loads(line)
            os.write(1, (json.dumps(["started", child, 0]) + "\n").encode())


def become(request: dict) -> None:
    """Be the process that was asked for, as if it had just been started."""
    os.setsid()
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    for number, file, flags in ((0, os.devnull, os.O_RDONLY), (1, request["out"], os.O_WRONLY | os.O_CREAT),
                                (2, request["err"], os.O_WRONLY | os.O_CREAT)):  # fmt: skip
        opened = os.open(file, flags)
        os.dup2(opened, number)
        os.close(opened)
    sys.argv = ["-c", *request["arguments"]]
    sys.path[0:1] = ["", *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    exec(compile(request["code"], "<fresh process>", "exec"), main.__dict__)


if __name__ == "__main__":
    if asked := serve():
        become(asked)
