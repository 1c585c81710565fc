"""The Space in this process, on a free port of loopback, with the checkpoints that it ships."""

import importlib
import os
import socket
import sys
from contextlib import contextmanager
from pathlib import Path

SPACE = Path(__file__).parents[1] / "spaces_demo"
HOSTILE = (
    '<img src=x onerror="window.hacked=1"> ${window.hacked=1} {{7*7}} </code></li><script>window.hacked=1</script>'
)


def load_app():
    """The module `app` of the folder, whose neighbours it imports by their names."""
    if str(SPACE) not in sys.path:
        sys.path.insert(0, str(SPACE))
    return importlib.import_module("app")


@contextmanager
def served(models=None, **more):
    """Serves the page; gives (its address, the gradio app)."""
    from scan_log import SpaceModels

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    app = load_app()
    page = app.build_app(models or SpaceModels(SPACE / "checkpoints"))
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    options = app.launch_options() | {"server_name": "127.0.0.1", "server_port": port} | more
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, **options)
    try:
        yield address, page
    finally:
        page.close()
