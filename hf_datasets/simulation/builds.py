"""Two logs of one CI build, one that passed and one that failed, for trying `logllm diff`.

Both runs have the same steps: check-out, dependencies, compile, tests, package. Times, durations, ids and the order of
downloads differ from run to run, as they do in life. In the failed run one test raises, the summary and the exit code
follow from it, and the package step is skipped. Left out: several causes, flaky tests, parallel jobs.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import LogInputError

START = datetime.datetime(2026, 3, 1, 12)
PACKAGES = (
    "attrs 24.2.0", "certifi 2025.1.31", "charset-normalizer 3.4.1", "click 8.1.8", "idna 3.10", "jinja2 3.1.5",
    "markupsafe 3.0.2", "numpy 2.2.3", "orders-client 0.9.1", "packaging 24.2", "pluggy 1.5.0", "pyyaml 6.0.2",
    "requests 2.32.3", "sqlalchemy 2.0.38", "typing-extensions 4.12.2", "urllib3 2.3.0",
)  # fmt: skip
MODULES = (
    "cart",
    "catalog",
    "checkout",
    "customers",
    "inventory",
    "invoices",
    "mail",
    "payments",
    "refunds",
    "search",
)
FAILING = "payments"
CAUSE = (
    "=================================== FAILURES ===================================",
    "________________________ test_refund_keeps_the_currency _________________________",
    "",
    "    def test_refund_keeps_the_currency():",
    '        charge = charge_card(Money("12.50", "EUR"))',
    ">       assert refund(charge).currency == charge.currency",
    "E       AssertionError: assert 'USD' == 'EUR'",
    "E         - EUR",
    "E         + USD",
    "",
    "tests/test_payments.py:48: AssertionError",
    "=========================== short test summary info ============================",
    "FAILED tests/test_payments.py::test_refund_keeps_the_currency - AssertionError: assert 'USD' == 'EUR'",
)


def build_lines(failed: bool, seed: int) -> Iterator[tuple[str, str]]:
    """Yield (line, "-" or "test-failure") of one build; the same arguments give the same lines."""
    rng = random.Random(f"{seed}-{failed}")
    clock = START + datetime.timedelta(minutes=rng.randint(0, 600))
    for text in _steps(failed, rng):
        clock += datetime.timedelta(milliseconds=rng.randint(2, 900))
        label = "test-failure" if text in CAUSE and text.strip() else "-"
        yield f"{clock.isoformat(timespec='milliseconds')}Z {text}".rstrip(), label


def _steps(failed: bool, rng: random.Random) -> Iterator[str]:
    commit = f"{rng.getrandbits(160):040x}"
    yield "##[group]Check out"
    yield "git fetch --depth 1 origin main"
    yield f"remote: Counting objects: 100% ({rng.randint(800, 900)}/{rng.randint(900, 990)}), done."
    yield f"HEAD is now at {commit[:10]}"
    yield "##[endgroup]"
    yield "##[group]Install dependencies"
    packages = list(PACKAGES)
    rng.shuffle(packages)
    for package in packages:
        name, version = package.split()
        yield f"Downloading {name}-{version}-py3-none-any.whl ({rng.randint(20, 900)} kB)"
        yield f"   {rng.randint(20, 900)}.0/{rng.randint(20, 900)}.0 kB {rng.randint(1, 60)}.{rng.randint(0, 9)} MB/s"
    yield f"Successfully installed {len(packages)} packages in {rng.randint(3, 9)}.{rng.randint(0, 99):02d}s"
    yield "##[endgroup]"
    yield "##[group]Compile"
    for module in MODULES:
        yield f"compiling orders/{module}.py"
    yield f"compiled {len(MODULES)} files in {rng.randint(200, 900)} ms"
    yield "##[endgroup]"
    yield "##[group]Tests"
    yield f"collected {len(MODULES) * 12} items"
    for module in MODULES:
        marks = list("." * 12)
        if failed and module == FAILING:
            marks[7] = "F"
        yield f"tests/test_{module}.py {''.join(marks)}"
        if rng.random() < 0.4:
            yield f"DEBUG connection {rng.randint(1, 99)} returned to the pool after {rng.randint(1, 80)} ms"
    total = len(MODULES) * 12
    if failed:
        yield from CAUSE
        yield f"================== 1 failed, {total - 1} passed in {rng.randint(9, 30)}.{rng.randint(0, 99):02d}s =================="
        yield "##[error]Process completed with exit code 1."
        yield "##[endgroup]"
        return
    yield f"======================== {total} passed in {rng.randint(9, 30)}.{rng.randint(0, 99):02d}s ========================"
    yield "##[endgroup]"
    yield "##[group]Package"
    yield f"built orders-1.4.0-py3-none-any.whl ({rng.randint(80, 90)} kB)"
    yield f"uploaded artifact {rng.getrandbits(64):016x}"
    yield "##[endgroup]"


def write_builds(out: Path, seed: int = 0) -> dict[str, Any]:
    """Write `out`/good.log, `out`/bad.log and `out`/bad_labels.csv (`LineNumber,Label`); return what was written.

    Raises:
        LogInputError: `out` cannot be a folder.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LogInputError(
            f"The output must be a folder, found that {str(out)!r} cannot be one ({error.strerror}): "
            "name another folder, it is made"
        ) from error
    good, bad = list(build_lines(False, seed)), list(build_lines(True, seed))
    for name, lines in (("good.log", good), ("bad.log", bad)):
        (out / name).write_text("".join(f"{line}\n" for line, _ in lines), "ascii")
    labels = [f"{number},{label}\n" for number, (_, label) in enumerate(bad, 1) if label != "-"]
    (out / "bad_labels.csv").write_text("LineNumber,Label\n" + "".join(labels), "ascii")
    return {
        "system": "builds",
        "seed": seed,
        "good": str(out / "good.log"),
        "bad": str(out / "bad.log"),
        "lines": [len(good), len(bad)],
    }
