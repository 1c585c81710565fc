"""The Space under load: start, first paint, a verdict on 100 lines, 20 visitors at once, memory, what is left behind.

Notes: The server is a process of its own, started from the folder as it is published; visitors are
gradio clients (and one browser) on loopback of the same machine, so they take their share of its two cores. Times are
wall clock: the load of the machine stands beside them, how much of a core a busy loop got, and the server's processor
seconds, which depend on neither. Runs are added to the result file, so that one on a busy machine does not go unseen.

    python -m benchmarks performance.space
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client

from logllm.hf_datasets.simulation.simulate import iter_lines
from logllm.hub.space import assemble
from logllm.provenance import provenance

ROOT = Path(__file__).resolve().parents[2]
VISITORS, WAVES, LINES = 20, 5, 100
SECRET = "the-secret-of-a-visitor"
# What visitors paste, in turn: (simulator, family). No shipped model knows "app": it is learnt on the spot.
PASTED = (
    ("hdfs", "logllama"), ("hdfs", "logllm"), ("bgl", "logllama"), ("bgl", "logllm"), ("syslog", "logllama"),
    ("syslog", "logllm"), ("nginx", "logllama"), ("app", "logllama"), ("app", "logllm"), ("nginx", "logllm"),
)  # fmt: skip
UNTIL_READY = 400  # a machine that does much else is slow


@contextmanager
def server(folder: Path, scratch: Path) -> Iterator[tuple[str, int, float]]:
    """The page's address, its process id, and the seconds from start to the first answer."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    environment = {
        **os.environ,
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(scratch),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }
    address = f"http://127.0.0.1:{port}/"
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                if httpx.get(address, timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                if time.perf_counter() - started > UNTIL_READY or process.poll() is not None:
                    raise RuntimeError(
                        f"the page must answer within {UNTIL_READY} s, found none at {address}"
                    ) from None
            time.sleep(0.05)
        yield address, process.pid, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(20)


def memory_mb(pid: int) -> dict[str, int]:
    """Resident memory of a process now and at its highest."""
    text = Path(f"/proc/{pid}/status").read_text()
    return {
        name: int(re.findall(rf"{key}:\s+(\d+)", text)[0]) // 1024
        for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))
    }


def processor_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def log(simulator: str, lines: int, seed: int) -> str:
    """A simulated log that no model here has learnt."""
    return "\n".join(line for line, _ in iter_lines(simulator, lines, 5000 + seed))


def visit(address: str, wave: int, visitor: int, start: threading.Barrier, out: list[dict[str, Any]]) -> None:
    """One visitor: connects, then scans 100 lines when all the others do, too."""
    simulator, family = PASTED[visitor % len(PASTED)]
    mine = f"{SECRET}-{wave}-{visitor}"
    found: dict[str, Any] = {"simulator": simulator, "family": family}
    try:
        client = Client(address, verbose=False)
        text = f"{log(simulator, LINES - 1, visitor)}\n{mine}"
        start.wait(120)
        began = time.perf_counter()
        answer = json.dumps(client.predict(text, family, api_name="/scan"))
        found["seconds"] = round(time.perf_counter() - began, 3)
        found["mine"], found["others"] = mine in answer, len(set(re.findall(rf"{SECRET}-\d+-\d+", answer)) - {mine})
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"[:200]
    out.append(found)


def waves(address: str, pid: int) -> dict[str, Any]:
    """Twenty visitors at once, several times."""
    rounds = []
    for wave in range(WAVES):
        out: list[dict[str, Any]] = []
        start, before = threading.Barrier(VISITORS), processor_seconds(pid)
        threads = [threading.Thread(target=visit, args=(address, wave, i, start, out)) for i in range(VISITORS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        waits = sorted(one["seconds"] for one in out if "seconds" in one)
        rounds.append(
            {
                "visitors": len(out),
                "failed": [one["error"] for one in out if "error" in one],
                "wait_median": round(statistics.median(waits), 2) if waits else None,
                "wait_longest": waits[-1] if waits else None,
                "own_log_in_the_answer": sum(one.get("mine", False) for one in out),
                "lines_of_others_in_an_answer": sum(one.get("others", 0) for one in out),
                "server_processor_seconds": round(processor_seconds(pid) - before, 2),
                "server_memory_mb": memory_mb(pid),
            }
        )
    return {"lines": LINES, "waves": rounds, "longest_wait": max(one["wait_longest"] or 0 for one in rounds)}


def one_by_one(address: str, pid: int) -> list[dict[str, Any]]:
    """A verdict on 100 lines with nobody else there, twice of each kind, and on a log of 5 MB."""
    client = Client(address, verbose=False)
    rows = []
    for simulator, family in PASTED:
        times, before = [], processor_seconds(pid)
        for seed in (100, 101):
            began = time.perf_counter()
            client.predict(log(simulator, LINES, seed), family, api_name="/scan")
            times.append(round(time.perf_counter() - began, 3))
        spent = round((processor_seconds(pid) - before) / 2, 2)
        rows.append({"log": simulator, "family": family, "lines": LINES, "seconds": times, "processor_seconds": spent})
    for simulator, family in (("bgl", "logllama"), ("bgl", "logllm"), ("app", "logllama")):
        text = log(simulator, 80_000, 102)[:4_900_000]
        began, before = time.perf_counter(), processor_seconds(pid)
        client.predict(text, family, api_name="/scan")
        times, spent = [round(time.perf_counter() - began, 2)], round(processor_seconds(pid) - before, 2)
        lines = text.count("\n") + 1
        rows.append({"log": simulator, "family": family, "lines": lines, "seconds": times, "processor_seconds": spent})
    return rows


def in_a_browser(address: str, scratch: Path, upload: Path) -> dict[str, Any]:
    """First paint and a verdict as a visitor sees them, and what an upload leaves on the disk."""
    from playwright.sync_api import sync_playwright

    paints, heads, verdicts = [], [], []
    with sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        path = os.environ.get("CHROMIUM_PATH", "/usr/bin/chromium")
        browser = driver.chromium.launch(executable_path=path, headless=True, args=arguments)
        for _ in range(5):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(address)
            page.locator("#find").wait_for()
            heads.append(round(time.perf_counter() - began, 2))
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            paints.append(round(paint / 1000, 2))
            page.get_by_role("tab", name="Ask a model", exact=True).click()
            page.locator("#log-text textarea").fill(log("syslog", LINES, 103))
            began = time.perf_counter()
            page.locator("#scan").click()
            page.locator("#scan-windows article").first.wait_for()
            verdicts.append(round(time.perf_counter() - began, 2))
            page.context.close()
        page = browser.new_context().new_page()
        page.goto(address)
        page.get_by_role("tab", name="Ask a model", exact=True).click()
        upload.write_text(f"{log('syslog', LINES, 104)}\n{SECRET}-uploaded\n")
        page.locator("#log-file input[type=file]").set_input_files(upload)
        page.locator("#log-file .file-preview").wait_for()
        lay_there = traces(scratch)
        page.locator("#scan").click()
        page.locator("#scan-windows article").first.wait_for()
        left = traces(scratch)
        browser.close()
    return {
        "first_contentful_paint": paints,
        "page_ready_to_scan": heads,
        "click_to_verdict_on_100_lines": verdicts,
        "files_with_the_log_before_the_scan": lay_there,
        "files_with_the_log_after_the_scan": left,
    }


def traces(scratch: Path) -> int:
    """How many files of the server hold a line of a visitor."""
    return sum(SECRET.encode() in file.read_bytes() for file in scratch.rglob("*") if file.is_file())


def measured(name: str, measure: Callable[..., Any], *arguments: Any) -> Any:
    """Say what is being measured, and measure it."""
    print(name, file=sys.stderr)
    return measure(*arguments)


def share_of_a_core(seconds: float = 2.0) -> float:
    """How much of one core a busy loop gets beside everything else that runs."""
    began, before = time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        pass
    return round((time.process_time() - before) / (time.perf_counter() - began), 2)


def main() -> None:
    """Measure and add a run to the result file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "space_load.json")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"share_of_a_core_before": share_of_a_core(), "load_average_before": os.getloadavg()}
    with tempfile.TemporaryDirectory() as made:
        folder, scratch = Path(made) / "space", Path(made) / "scratch"
        assemble(folder)
        starts = []
        for _ in range(2):
            with server(folder, scratch) as (_, pid, seconds):
                starts.append({"seconds": round(seconds, 2), "processor_seconds": processor_seconds(pid)})
        with server(folder, scratch) as (address, pid, seconds):
            starts.append({"seconds": round(seconds, 2), "processor_seconds": processor_seconds(pid)})
            result["start_to_ready"] = starts
            result["memory_mb_when_ready"] = memory_mb(pid)
            upload = Path(made) / "upload.log"
            result["browser"] = measured("browser", in_a_browser, address, scratch, upload)
            result["one_by_one"] = measured("one by one", one_by_one, address, pid)
            result["visitors"] = measured("visitors", waves, address, pid)
            result["files_with_a_visitors_log_at_the_end"] = traces(scratch)
            result["memory_mb_at_the_end"] = memory_mb(pid)
    result |= {
        "load_average_after": os.getloadavg(),
        "share_of_a_core_after": share_of_a_core(),
        **provenance(("torch", "transformers", "gradio", "gradio_client")),
        "command": "python -m benchmarks performance.space",
    }
    earlier = json.loads(arguments.out.read_text("utf-8"))["runs"] if arguments.out.is_file() else []
    whole = {"measurement": "space_load", "runs": [*earlier, result]}
    arguments.out.write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
