"""`python`, `logllm` and `torchrun` of an environment as forks of one interpreter of it, which has imported torch.

A command on the path hands arguments, folder, environment and open files to that interpreter, waits, and ends with its code.
The fork runs what the command names: the console script, the file or the module. Of Hugging Face's and our packages
nothing is loaded in advance, they read the environment when they are imported.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from fresh_process import PRELOADED

# The interpreter that forks, as the user who runs the commands: it reads the name of a socket and what to load.
SERVER = """
import array, contextlib, gc, importlib, json, os, runpy, signal, socket, sys

gc.set_threshold(100_000, 20, 10)
place, scripts, names = sys.argv[1:]
for name in json.loads(names):
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
gc.freeze()


def reap(*_):
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


signal.signal(signal.SIGCHLD, reap)
waiting = socket.socket(socket.AF_UNIX)
waiting.bind(place)
waiting.listen()
print("ready", flush=True)
while True:
    talk, _ = waiting.accept()
    if not os.fork():
        break
    talk.close()
# One process waits for the command's, and says its code.
waiting.close()
signal.signal(signal.SIGCHLD, signal.SIG_DFL)
data, files, _, _ = socket.recv_fds(talk, 1 << 20, 3)
if child := os.fork():
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    talk.sendall(str(code if code >= 0 else 128 - code).encode())
    os._exit(0)
talk.close()
for number, file in enumerate(files):
    os.dup2(file, number)
    os.close(file)
asked = json.loads(data)
os.chdir(asked["cwd"])
os.environ.clear()
os.environ.update(asked["env"])
name, *words = asked["words"]
if name != "python":
    words = [os.path.join(scripts, name), *words]
while words[0] == "-u":
    del words[0]
if words[0] in ("-c", "-m"):
    (option, what), sys.path[0] = words[:2], ""
    sys.argv = [option, *words[2:]]
    if option == "-m":
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
else:
    sys.argv, sys.path[0] = words, os.path.dirname(os.path.abspath(words[0]))
    runpy.run_path(words[0], run_name="__main__")
"""
COMMAND = """#!{python} -ISE
import json, os, socket, sys
asked = {{"cwd": os.getcwd(), "env": dict(os.environ), "words": [os.path.basename(sys.argv[0]), *sys.argv[1:]]}}
with socket.socket(socket.AF_UNIX) as talk:
    talk.connect({place!r})
    socket.send_fds(talk, [json.dumps(asked).encode()], [0, 1, 2])
    sys.exit(int(talk.recv(16) or 1))
"""


@functools.cache
def commands(python: Path, folder: Path, **other: Any) -> Path:
    """A folder with the three commands, for the front of PATH; it and the interpreter live as long as this process.

    Args:
        python: interpreter of the environment.
        folder: where folders of the user may be made.
        other: `user` and the like, as `subprocess.Popen` takes them.
    """
    shims = Path(tempfile.mkdtemp(prefix="forks-", dir=folder))
    shims.chmod(0o777)
    place = str(shims / "socket")
    process = subprocess.Popen(
        [str(python), "-c", SERVER, place, str(python.parent), json.dumps(PRELOADED)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=shims,
        env={"PATH": os.environ["PATH"], "HOME": str(shims), "LANG": "C.UTF-8", "OMP_NUM_THREADS": "1"}, **other,
    )  # fmt: skip
    atexit.register(process.wait)
    atexit.register(process.kill)  # this one is called first
    for name in ("python", "logllm", "torchrun"):
        (shims / name).write_text(COMMAND.format(python=python, place=place), "utf-8")
        (shims / name).chmod(0o755)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return shims
