"""How fast, how late, how big and how sure `logllm watch` is: four measurements on simulated HDFS-format logs.

    python -m benchmarks performance.watch throughput --lines 1000000 --out benchmarks/results/watch_throughput.json
    python -m benchmarks performance.watch memory --lines 10000000
    python -m benchmarks performance.watch latency --seconds 60 --rate 5000
    python -m benchmarks performance.watch kills --kills 50

The model is what `logllm fit` writes: events are judged by its baseline and windows by its LogLLaMA.

Notes: A watcher lives in a forked child of a process that has loaded torch and the model already, so that fifty
lives do not cost fifty imports. A kill is a SIGKILL at a random moment; the log is written and rotated by this process meanwhile.
"""

import argparse
import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.performance import written
from logllm.detector import LogAnomalyDetector
from logllm.fitting.own_log import fit_own_log
from logllm.hf_datasets.simulation.simulate import simulate
from logllm.watch.start import start_watcher

TRAIN_LINES = 60_000


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("throughput", "memory", "latency", "kills"))
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, help="fitted checkpoint; one is fitted where it does not exist")
    parser.add_argument("--work", type=Path, help="folder for logs; a throw-away one without it")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        args.model = args.model or work / "model"
        if not args.model.exists():
            simulate("hdfs", TRAIN_LINES, 100, work / "train", progress=False)
            fit_own_log([work / "train" / "hdfs.log"], args.model, alarms_per_day=2000, progress=False)
        result = {"throughput": throughput, "memory": memory, "latency": latency, "kills": kills}[args.what](
            args, work
        )
    written(args, result, threads=torch.get_num_threads())


def throughput(args, work: Path) -> dict:
    """Lines per second from the first read to the last alert, with state and metrics on."""
    log = repeated_log(work, args.lines, args.seed)
    (work / "state").unlink(missing_ok=True)
    watcher = start_watcher(
        str(log), args.model, state=work / "state", alerts=str(work / "alerts"), metrics_port=0, say=lambda text: None
    )
    started, cpu = time.perf_counter(), time.process_time()
    left = watcher.run(until_end=True)
    seconds = time.perf_counter() - started
    return {
        "lines": watcher.number,
        "seconds": round(seconds, 2),
        "lines_per_second": round(watcher.number / seconds),
        "lines_per_cpu_second": round(watcher.number / (time.process_time() - cpu)),
        "alerts": sum(1 for _ in (work / "alerts").open()),
        "undelivered": left,
    }


def memory(args, work: Path) -> dict:
    """Resident memory after each million lines."""
    log = repeated_log(work, args.lines, args.seed)
    (work / "state").unlink(missing_ok=True)
    watcher = start_watcher(
        str(log), args.model, state=work / "state", alerts=str(work / "alerts"), metrics_port=0, say=lambda text: None
    )
    rows: list[tuple[int, float]] = []
    take = watcher._take

    def counted(block: list[str]) -> None:
        take(block)
        if watcher.number // 100_000 > len(rows):
            rows.append((watcher.number, resident_megabytes()))

    watcher._take = counted  # type: ignore[method-assign]
    started, cpu = time.perf_counter(), time.process_time()
    watcher.run(until_end=True)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    first = [size for number, size in rows if number <= 1_050_000]
    last = [size for number, size in rows if number > args.lines - 1_000_000]
    return {
        "lines": watcher.number,
        "seconds": round(seconds, 1),
        "lines_per_second": round(watcher.number / seconds),
        "lines_per_cpu_second": round(watcher.number / cpu),
        "resident_mb": [[number, round(size, 1)] for number, size in rows],
        "first_million_mb": round(max(first), 1),
        "last_million_mb": round(max(last), 1),
        "growth": round(max(last) / max(first) - 1, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def latency(args, work: Path) -> dict:
    """Seconds from the writing of a window's last line to its alert, at a steady rate; windows of 100 lines.

    No line comes twice. The threshold is one that a window in twenty exceeds: each alert is explained on the way.
    """
    needed = int(args.rate * args.seconds)
    simulate("bgl", TRAIN_LINES + needed, args.seed, work / "bgl", progress=False)
    source = (work / "bgl" / "bgl.log").read_text("latin-1").splitlines(keepends=True)
    (work / "bgl_first.log").write_text("".join(source[:TRAIN_LINES]), "latin-1")
    source = source[TRAIN_LINES:]
    model = work / "bgl_model"
    if not model.exists():
        fit_own_log([work / "bgl_first.log"], model, alarms_per_day=50_000, clean=True, progress=False, max_steps=200)
    for name in ("live_state", "live_alerts", "live.log"):
        (work / name).unlink(missing_ok=True)
    log, alerts = work / "live.log", work / "live_alerts"
    log.touch()
    child = os.fork()
    if not child:
        torch.set_num_threads(1)  # OpenMP's threads do not survive a fork
        watcher = start_watcher(str(log), model, state=work / "live_state", alerts=str(alerts), metrics_port=0)
        signal.signal(signal.SIGTERM, lambda *_: setattr(watcher, "stopping", True))
        assert watcher.detector is not None and watcher.detector.calibration is not None
        scores = watcher.detector.calibration.scores
        watcher.detector.threshold = scores[int(0.95 * len(scores))]
        watcher.run()
        os._exit(0)
    while not (work / "live_state").exists():  # the child loads the model
        time.sleep(0.1)
    written: list[float] = []
    started = time.perf_counter()
    arrived: dict[int, float] = {}
    with log.open("a", encoding="latin-1") as stream, Follow(alerts) as seen:
        step = 0.02
        while (now := time.perf_counter() - started) < args.seconds:
            due = int(now * args.rate)
            rows = source[len(written) : due]
            stream.write("".join(rows))
            stream.flush()
            written += [time.perf_counter()] * len(rows)
            for alert in seen():
                if alert["event"] == "anomaly":
                    arrived.setdefault(alert["last_line_number"], time.perf_counter())
            time.sleep(step)
        end = time.perf_counter() + 15
        while time.perf_counter() < end:
            for alert in seen():
                if alert["event"] == "anomaly":
                    arrived.setdefault(alert["last_line_number"], time.perf_counter())
            time.sleep(step)
    os.kill(child, signal.SIGTERM)
    used = os.wait4(child, 0)[2]
    late = sorted(moment - written[number - 1] for number, moment in arrived.items() if number <= len(written))
    at = lambda share: round(late[min(int(share * len(late)), len(late) - 1)], 4)  # noqa: E731
    return {
        "rate": args.rate,
        "lines": len(written),
        "windows_alerted": len(late),
        "windows_written": len(written) // 100,
        "watcher_cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
        "p50": at(0.5),
        "p99": at(0.99),
        "max": round(late[-1], 4),
    }


def kills(args, work: Path) -> dict:
    """SIGKILL at random moments while the log grows and rotates; against an undisturbed run over the same lines."""
    rng = random.Random(args.seed)
    simulate("hdfs", args.lines, args.seed, work / "source", progress=False)
    source = (work / "source" / "hdfs.log").read_text("latin-1").splitlines(keepends=True)
    folder = work / "live"
    folder.mkdir()
    log, state, alerts = folder / "app.log", work / "state", work / "alerts"
    log.touch()
    model = LogAnomalyDetector.from_pretrained(args.model)
    position, rotations, working, at_alerts = 0, 0, 0, 0

    def write(most: int, end: int) -> None:
        nonlocal position, rotations
        rows = source[position : min(position + rng.randrange(1, most), end)]
        with log.open("a", encoding="latin-1") as stream:
            stream.write("".join(rows))
        position += len(rows)
        if rng.random() < 0.04:
            rotate(log)
            rotations += 1

    for life in range(args.kills):
        end = len(source) * (life + 1) // (args.kills + 1)
        middle = (position + end) // 2  # the rest is for when this life is known to read
        before = inode_of(state)
        child = start(log, model, state, alerts)
        while inode_of(state) == before:  # what is rotated away before anybody watches is nobody's loss
            time.sleep(0.02)
        begun = size_of(state)
        while size_of(state) == begun:  # until this life has noted its first step
            write(40, middle)
            time.sleep(0.02)
        deadline = time.perf_counter() + rng.uniform(0.0, 1.0)
        # Every other life ends the moment that an alert has gone out, when it is not yet noted as sent.
        at_alert = size_of(alerts) if rng.random() < 0.5 else -1
        while time.perf_counter() < deadline and (at_alert < 0 or size_of(alerts) == at_alert):
            write(40, end)
            time.sleep(rng.uniform(0, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        working += size_of(state) > begun
        at_alerts += at_alert >= 0 and size_of(alerts) != at_alert
        while position < end:  # what is written while nobody watches
            write(400, end)
        sys.stderr.write(f"life {life}: line {position}, state {begun} -> {size_of(state)} bytes\n")
    with log.open("a", encoding="latin-1") as stream:
        stream.write("".join(source[position:]))
    os.waitpid(start(log, model, state, alerts, until_end=True), 0)
    whole = work / "source" / "hdfs.log"
    os.waitpid(start(whole, model, work / "state_whole", work / "alerts_whole", until_end=True), 0)
    disturbed, undisturbed = read_alerts(alerts), read_alerts(work / "alerts_whole")
    wanted = {alert["id"]: alert for alert in undisturbed}
    found: dict[str, dict] = {}
    for alert in disturbed:
        found.setdefault(alert["id"], alert)
    lines = json.loads(state.read_text().splitlines()[0].rpartition("\t")[0])["number"]
    return {
        "kills": args.kills,
        "kills_while_reading": working,
        "kills_right_after_an_alert": at_alerts,
        "rotations": rotations,
        "lines_written": len(source),
        "lines_counted": lines,
        "lines_lost": len(source) - lines,
        "alerts_undisturbed": len(wanted),
        "alerts_lost": len(set(wanted) - set(found)),
        "alerts_extra_ids": len(set(found) - set(wanted)),
        "alerts_delivered": len(disturbed),
        "duplicates": len(disturbed) - len(found),
        "alerts_with_other_lines": sum(
            found[i]["line_count"] != wanted[i]["line_count"] or found[i]["lines"] != wanted[i]["lines"]
            for i in set(found) & set(wanted)
        ),
        "torn_alert_lines": sum(1 for row in alerts.read_text().splitlines() if not whole_json(row)),
    }


def start(log: Path, model: LogAnomalyDetector, state: Path, alerts: Path, until_end: bool = False) -> int:
    """One life of a watcher, in a child process; returns its process id."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)  # OpenMP's threads do not survive a fork
    try:
        watcher = start_watcher(str(log), model, state=state, alerts=str(alerts), silence=1e9)
        watcher.run(until_end=until_end)
        os._exit(0)
    except BaseException as error:
        sys.stderr.write(f"a life ended: {error!r}\n")
        os._exit(1)


def inode_of(path: Path) -> int:
    """A snapshot is a new file: its inode tells that a life has begun."""
    return path.stat().st_ino if path.exists() else 0


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def rotate(log: Path) -> None:
    """As logrotate does it: .1 -> .2 and so on, the log -> .1, a new log."""
    numbers = sorted((int(path.suffix[1:]) for path in log.parent.glob(f"{log.name}.[0-9]*")), reverse=True)
    for number in numbers:
        log.with_name(f"{log.name}.{number}").rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))
    log.touch()


def repeated_log(work: Path, lines: int, seed: int) -> Path:
    """A simulated log of that length: parts of 200,000 lines, each a day later and with blocks of its own."""
    path = work / f"long-{lines}.log"
    if path.exists():
        return path
    part = 200_000
    simulate("hdfs", min(part, lines), seed, work / "part", progress=False)
    text = (work / "part" / "hdfs.log").read_text("latin-1")
    with path.open("w", encoding="latin-1") as stream:
        for number in range(max(lines // part, 1)):
            day = time.strftime("%y%m%d", time.gmtime(1226188800 + 86400 * number))
            shifted = re.sub(r"(?m)^\d{6} ", f"{day} ", text)
            stream.write(re.sub(r"blk_(-?)\d", rf"blk_\g<1>{1 + number % 9}", shifted) if number else shifted)
    return path


class Follow:
    """Alerts as they arrive in a file."""

    def __init__(self, path: Path):
        self.path, self.place, self.rest = path, 0, ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __call__(self) -> list[dict]:
        """What is new."""
        if not self.path.exists():
            return []
        with self.path.open() as stream:
            stream.seek(self.place)
            text = self.rest + stream.read()
            self.place = stream.tell()
        *rows, self.rest = text.split("\n")
        return [json.loads(row) for row in rows if whole_json(row)]


def read_alerts(path: Path) -> list[dict]:
    """All whole alerts of a file; a torn line is one that was sent again."""
    rows = [json.loads(row) for row in path.read_text().splitlines() if whole_json(row)]
    return [row for row in rows if row.get("event") == "anomaly"]


def whole_json(row: str) -> bool:
    """Whether a line is whole."""
    try:
        return isinstance(json.loads(row), dict)
    except ValueError:
        return False


def resident_megabytes() -> float:
    """Resident memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
