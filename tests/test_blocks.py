"""Every block that a reader can copy is run as a reader would: from the wheel, not as root, with the extras that are named.

A page is a row of `PAGES`. Its blocks run in their order in one folder, with a small Hub on loopback that is empty at
first. What cannot be run here stands in the row with the reason. Console blocks with output: `test_docs.py`. Python is forked
from an interpreter of the reader's that has torch in memory (`forked_commands.py`); started anew it is in `test_install.py`.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from loopback_hub import LoopbackHub
from reader import REPOSITORY, Reader
from space_server import served

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
INSTALL = "the environment of this test is what it makes"
HUB = "needs an account of the Hub"
CARD = "needs a graphics card and gated weights"
CLUSTER = "needs a cluster"
DOCKER = "needs a container engine (tests/test_deploy.py builds from the same files)"
# As few lines as give windows of both classes to the training and to the validation part.
SIMULATED = "logllm simulate hdfs --lines 1000 --out . --quiet; mv hdfs.log HDFS.log"
ROTATED = "head -1000 app.log | gzip > app.log.2.gz; tail -n +1001 app.log | gzip > app.log.1.gz"
SAVED = "python -c \"from logllm import LogAnomalyDetector as D; D.from_pretrained('checkpoints/logllm').save_pretrained('{}')\""
KEY = """$(python -c "import json; print(json.loads(open('alerts.ndjson').readline())['template_key'])")"""


@dataclass(frozen=True)
class Page:
    """How the blocks of a page are run.

    Attributes:
        path: from the repository's root.
        extras: that the text of the page names.
        before: shell commands that make what the page takes for granted.
        instead: what a reader would fill in or shorten: text of the page -> what is run.
        not_run: beginning of a command or block -> why it cannot be run here.
    """

    path: str
    extras: tuple[str, ...] = ()
    before: str = ""
    instead: dict[str, str] = field(default_factory=dict)
    not_run: dict[str, str] = field(default_factory=dict)


PAGES = (
    Page(
        "README.md",
        before=f"{ROTATED}; {SIMULATED}; {SAVED.format('shipped')}; logllm push model shipped OWNER/NAME",
        instead={
            "tail -f app.log": "cat app.log",
            "           # alerts as NDJSON": " > alerts.ndjson  # alerts as NDJSON",
            "logllm ok KEY": f"logllm ok {KEY}",
            "--data DIR": "--data . --dry-run",
        },
        not_run={"pip install": INSTALL},
    ),
    Page("docs/index.md", not_run={"pip install": INSTALL}),
    Page("docs/tutorial/own-log.md"),
    Page("docs/tutorial/train.md", instead={"--lines 100000": "--lines 1500"}),
    Page(
        "docs/how-to/watch.md",
        before=ROTATED,
        instead={
            "/var/log/app.log": "app.log",
            "--alerts alerts.ndjson": "--alerts alerts.ndjson --until-end",
            "logllm ok KEY": f"logllm ok {KEY}",
        },
    ),
    Page(
        "docs/how-to/diff-in-ci.md",
        before="for i in 1 2 3; do cp good.log good-$i.log; done",
    ),
    Page(
        "docs/how-to/several-processes.md",
        before=f"{SIMULATED}; logllm build hdfs --raw HDFS.log --labels anomaly_label.csv --out data",
        not_run={"accelerate launch": CARD},
    ),
    Page(
        "docs/how-to/publish.md",
        before=f"{SIMULATED}; logllm build hdfs --raw HDFS.log --labels anomaly_label.csv --out data; "
        f"{SAVED.format('model')}; logllm push dataset data OWNER/DATASET",
        not_run={
            "hf auth login": HUB,
            "logllm push space": "is made from a checkout (tests/test_space_folder.py)",
            "logllm push metric": "is made from a checkout (tests/test_hub_roundtrip.py)",
            "logllm train logllm ...": "the dots stand for a command of another page",
        },
    ),
    Page(
        "docs/how-to/reproduce.md",
        instead={"--data DIR": "--data ."},
        not_run={
            "torchrun": CARD,
            "accelerate launch": CARD,
            "logllm evaluate --official": "needs published adapters and gated weights (tests/test_official.py)",
        },
    ),
    Page("docs/reference/metric.md", extras=("bench",)),
    Page(
        "docs/operations/scale.md",
        before=SIMULATED + "; cp -r checkpoints/logllm model",
        # Two processes: tests/test_cluster.py scores with them, several-processes.md and tests/test_elastic.py train.
        instead={"--nproc_per_node 8": "--nproc_per_node 1"},
        not_run={"logllm score --engine ray": CLUSTER},
    ),
    Page("deploy/README.md", not_run={"docker": DOCKER}),
    Page("spaces_demo/README.md", extras=("space",)),
)
OF = {page.path: page for page in PAGES}
SHOWN = {  # blocks that are no commands: beginning -> what checks them
    ("README.md", "flowchart LR"): "a picture",
    ("docs/explanation/verdict.md", "raw line -> event"): "a picture",
    ("docs/contributing/index.md", "4   spaces_demo/"): "a picture (tests/test_layers.py has the rule)",
    ("docs/how-to/own-format.md", "name: gateway"): "test_the_format_of_the_page_reads_a_log",
    ("docs/how-to/own-format.md", 'session: "req-'): "test_the_format_of_the_page_reads_a_log",
}
TRAINS = {"README.md", "docs/tutorial/train.md", "docs/how-to/several-processes.md", "docs/operations/scale.md"}


def texts() -> list[Path]:
    """Every page that a reader sees."""
    roots = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), REPOSITORY / "deploy" / "README.md"]
    return [*roots, REPOSITORY / "spaces_demo" / "README.md"]


def blocks(path: Path) -> list[tuple[str, str]]:
    """(language, text) of the blocks of a page; those with output that `docs/console.py` runs are left out."""
    text = re.sub(
        r"<!-- run(: first \d+ lines)? -->\n+```console\n.*?\n```", "", path.read_text("utf-8"), flags=re.DOTALL
    )
    return [(found["language"], found["body"]) for found in FENCE.finditer(text)]


def commands(block: str) -> list[str]:
    """The commands of a shell block, continued lines joined."""
    return [line for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def test_every_block_is_run_or_has_a_reason():
    left, reasons = [], {(page.path, start) for page in PAGES for start in page.not_run} | set(SHOWN)
    for file in texts():
        path = str(file.relative_to(REPOSITORY))
        for language, body in blocks(file):
            starts = [(path, start) for start in [*OF[path].not_run] if start in body] if path in OF else []
            starts += [key for key in SHOWN if key[0] == path and body.startswith(key[1])]
            reasons -= set(starts)
            if not starts and not (path in OF and language in ("bash", "python")):
                left.append((path, language, body[:60]))
    assert left == [], "blocks that nothing runs: add the page to PAGES, or the block with a reason"
    assert reasons == set(), "reasons for blocks that are no longer there"


@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, id=page.path, marks=pytest.mark.slow if page.path in TRAINS else ()) for page in PAGES],
)
def test_the_blocks_of_a_page_run(page, tmp_path):
    reader = Reader.with_extras(*page.extras)
    for name in ("logs", "checkpoints", "benchmarks"):
        source = {"logs": "examples/logs", "checkpoints": "spaces_demo/checkpoints"}.get(name)
        if source is None:
            shutil.copytree(REPOSITORY / "benchmarks" / "metrics", reader.folder / "benchmarks" / "metrics")
        else:
            shutil.copytree(REPOSITORY / source, reader.folder / ("" if name == "logs" else name), dirs_exist_ok=True)
    reader.own()
    ran = 0
    with LoopbackHub() as hub:
        variables = {**hub.environment(reader.folder), "OMP_NUM_THREADS": "1"}
        if page.before:
            _run(reader, page.before, variables)
        for language, body in blocks(REPOSITORY / page.path):
            for text, other in page.instead.items():
                body = body.replace(text, other)
            kept = [
                line
                for line in (commands(body) if language == "bash" else body.splitlines())
                if not line.lstrip().startswith(tuple(page.not_run) or ("\0",))
            ]
            if language == "python":
                _run_python(reader, "\n".join(kept), variables)
            elif language == "bash":
                _run(reader, "\n".join(kept), variables)
            else:
                continue
            ran += len(kept)
    assert ran or page.not_run


def _run(reader: Reader, text: str, variables: dict[str, str]) -> str:
    # An interpreter that forks pays where it serves many pages: those without extras.
    done = reader.run(text, timeout=900, forks=not reader.extras, **variables)
    assert done.returncode == 0, f"{text}\n{done.stdout[-1500:]}\n{done.stderr[-2500:]}"
    return done.stdout


def _run_python(reader: Reader, text: str, variables: dict[str, str]) -> None:
    script = reader.folder / "block.py"
    if "gradio_client" in text:
        with served() as (address, _):
            script.write_text(text.replace("http://127.0.0.1:7860", address), "utf-8")
            _run(reader, "python block.py", variables)
        return
    script.write_text(text, "utf-8")
    _run(reader, "python block.py", variables)


def test_the_format_of_the_page_reads_a_log():
    first, windows = [body for _, body in blocks(REPOSITORY / "docs" / "how-to" / "own-format.md")]
    reader = Reader.with_extras()
    lines = [f"2026-03-01 12:00:{i:02d} INFO gate: call req-{i:04x} took {i} ms" for i in range(60)]
    (reader.folder / "gateway.log").write_text("\n".join(lines) + "\n", "utf-8")
    (reader.folder / "gateway.yaml").write_text(first, "utf-8")
    (reader.folder / "windows.yaml").write_text(first + windows, "utf-8")
    assert yaml.safe_load(first + windows)["window"] == {"kind": "fixed", "size": 50}
    reader.own()
    (told,) = map(json.loads, _run(reader, "logllm inspect gateway.log --format gateway.yaml --json", {}).splitlines())
    assert told["format"] == "gateway" and told["events"] == 60, told
    _run(reader, "logllm build windows.yaml --raw gateway.log --out data", {})


def test_the_shell_lines_of_the_space_run():
    """`logllm space` serves until it is stopped: tests/test_space.py."""
    reader = Reader.with_extras()
    for name in ("app", "good", "bad"):
        shutil.copy(REPOSITORY / "examples" / "logs" / f"{name}.log", reader.folder / f"{name}.log")
    lines = (reader.folder / "app.log").read_text("utf-8").splitlines(keepends=True)
    (reader.folder / "normal.log").write_text("".join(lines[:1300]), "utf-8")
    reader.own()
    text = (REPOSITORY / "spaces_demo" / "use" / "6_shell.sh").read_text("utf-8")
    assert "tail -f app.log" in text and text.rstrip().splitlines()[-1].startswith("logllm space")
    said = _run(reader, text.replace("tail -f", "cat").rpartition("logllm space")[0], {"OMP_NUM_THREADS": "1"})
    assert "circuit opened after" in said and '"event": "finding"' in said
