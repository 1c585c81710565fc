"""How rightly logs are read: the tables of formats, of events of several lines, and of guessed field cases.

    python -m benchmarks reading.tables --shared ../shared/data [--out benchmarks/results/reading_tables.json] [--wrong]

Expected times are read here by python-dateutil and `strptime`, not by what is measured. A year or date that a line leaves
out does not count. The message counts as right where one text ends with the other, or begins with it (a program may cut
elsewhere). `--wrong` prints every line that was read otherwise.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import re
import subprocess
import tempfile
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dateutil import parser as dateutil

from logllm.hf_datasets.events import EventLog, LogEvent

RESULT = Path(__file__).resolve().parents[1] / "results" / "reading_tables.json"
SEVERITY = {
    "trace": 0, "debug": 1, "debug2": 1, "debug3": 1, "debug4": 1, "debug5": 1, "info": 2, "stats": 2, "notice": 2, "log": 2, "warning": 3,
    "warn": 3, "error": 4, "critical": 5, "fatal": 5, "emergency": 5, "panic": 5, "alert": 5,
}  # fmt: skip
# Our rows by the name that lnav gives the format.
NAMES: dict[str, str] = {
    "access_log": "access-log access-log-time-first werkzeug traefik", "alb_log": "alb", "candlepin_log": "candlepin", "cloudvm_ram_log": "procstate",
    "dpkg_log": "dpkg", "elb_log": "elb", "esx_syslog_log": "esx-syslog vmware vmkernel", "fsck_hfs_log": "fsck", "glog_log": "klog", "haproxy_log": "haproxy",
    "idea_log": "idea", "logcat_log": "logcat", "mysql_error_log": "mysql-error", "mysql_gen_log": "mysql-general", "openam_log": "openam",
    "openstack_log": "openstack openstack-sqlalchemy", "otel_collector_log": "otel-collector otlp-json", "procstate_log": "procstate", "proxifier_log": "proxifier",
    "redis_log": "redis redis-signal", "s3_log": "s3", "simple_rs_log": "simple-logger", "snaplogic_log": "snaplogic", "sssd_log": "sssd", "strace_log": "strace",
    "syslog_log": "syslog syslog-rfc5424 syslog-nsx journald-short-iso macos-unified", "tcf_log": "tcf", "tcsh_history": "shell-history", "unifi_log": "unifi", "uwsgi_log": "uwsgi",
    "vdsm_log": "vdsm vdsm-new ovirt-engine", "vmw_log": "vmware vmware-old vmware-vc esx-syslog esxupdate hsm-service image-service generic openstack", "vmw_py_log": "vmware-py",
    "vpostgres_log": "vpostgres postgresql", "zap_console_log": "zap-console", "zellijFmt": "zellij", "generic_log": "generic tai64n vmware-py python-logging",
    "bunyan_log": "bunyan", "bro_conn_log": "zeek", "journald_json_log": "journald-json", "logfmt_log": "logfmt", "mongodb_json_log": "mongodb", "nextcloud": "nextcloud",
    "java_log": "log4j log4j-level-first java-class-line java-piped logback-braces hadoop-log4j spring-boot spark-log4j hdfs kafka wrapper-java otel-javaagent elasticsearch"
    " vmware vmware-vc ovirt-engine generic python-logging wildfly envoy-application openstack",
}  # fmt: skip
LAYOUTS = (
    "%d/%b/%Y:%H:%M:%S %z", "%d/%b/%Y %H:%M:%S", "%m%d %H:%M:%S.%f", "%Y%m%d %H:%M:%S.%f", "%y%m%d %H%M%S", "%m-%d %H:%M:%S.%f", "%m.%d %H:%M:%S",
    "%y/%m/%d %H:%M:%S", "%a %b %d %H:%M:%S:%f %Y", "%Y-%m-%d %H:%M:%S:%f", "%Y-%m-%d %H:%M:%S:%f %z", "%M:%S.%f", "%Y-%m-%dT%I:%M:%S %p UTC", "%d.%m.%Y %H:%M:%S",
)  # fmt: skip


def expected_time(text: str) -> tuple[datetime, str] | None:
    """(the time, what of it counts: "all", "no year" or "clock") of a time as written."""
    text = text.strip()
    if re.fullmatch(r"\+?\d{9,10}(\.\d+)?", text):
        return datetime.fromtimestamp(float(text), UTC), "all"
    if re.fullmatch(r"\d{13,19}", text):
        return datetime.fromtimestamp(int(text) / 10 ** (len(text) - 10), UTC), "all"
    kind = "all"
    if re.match(r"\d{2}:\d{2}", text):
        kind = "clock"
    elif not re.search(r"\d{4}", re.sub(r"[+-]\d{4}\b|\.\d+", "", text)) and not re.match(
        r"\d\d/\d\d/\d\d |\d{6} ", text
    ):
        kind = "no year"
    elif re.match(r"\d{4} \d\d:", text):
        kind = "no year"
    for layout in LAYOUTS:
        try:
            found = datetime.strptime(re.sub(r"(\.\d{6})\d+", r"\1", text), layout)
        except ValueError:
            continue
        if layout == "%M:%S.%f":
            kind = "minutes"
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC), kind
    try:
        found = dateutil.parse(text.replace(",", "."), default=datetime(2024, 1, 1))
    except (ValueError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC), kind


def same_time(event: LogEvent | None, text: str) -> bool:
    """Whether an event has the time of a text, as far as the text states it."""
    wanted = expected_time(text)
    if event is None or event.timestamp is None or wanted is None:
        return False
    found, (moment, kind) = datetime.fromtimestamp(event.timestamp, UTC), wanted
    if kind == "no year":
        moment = moment.replace(year=found.year)
    elif kind in ("clock", "minutes"):
        moment = moment.replace(year=found.year, month=found.month, day=found.day)
        if kind == "minutes":
            moment = moment.replace(hour=found.hour)
    return abs((found - moment).total_seconds()) < 0.002


def events_of(paths: list[str]) -> tuple[EventLog, list[LogEvent]]:
    """The log and all its events."""
    log = EventLog(paths)
    list(log.batches())
    return log, [event for source in log.order() for event in log.read(source)]


def written(folder: Path, name: str, data: bytes) -> str:
    """A file with some bytes."""
    path = folder / name
    path.write_bytes(data)
    return str(path)


def formats_table(shared: Path, wrong: bool) -> dict[str, Any]:
    """Shares of sample lines and of files that are read rightly."""
    counts: Counter[str] = Counter()
    by_format: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as name:
        for line in (shared / "formats" / "lnav_samples.jsonl").read_text().splitlines():
            sample = json.loads(line)
            path = written(Path(name), "sample.log", sample["line"].encode() + b"\n")
            log, events = events_of([path])
            event = events[0] if events else None
            row = log.files[0].format
            checks = {"format": row in NAMES.get(sample["format"], "").split()}
            if sample.get("timestamp_text"):
                checks["time"] = same_time(event, sample["timestamp_text"])
            stated = wanted_severity(sample)
            if stated is not None:
                found = event.severity if event else None
                checks["severity"] = found is not None and (found - 1) // 4 == stated
            body = (sample.get("body_text") or "").strip()
            if body:
                message = (event.message if event else "").strip()
                checks["message"] = message.endswith(body) or body.endswith(message) or message.startswith(body)
            for check, good in checks.items():
                counts[f"{check} of"] += 1
                counts[check] += good
                by_format[sample["format"]][f"{check} of"] += 1
                by_format[sample["format"]][check] += good
                if wrong and not good:
                    print(
                        check,
                        sample["format"],
                        row,
                        repr(sample["line"][:150]),
                        "|",
                        sample.get("timestamp_text"),
                        sample.get("level_text"),
                        repr(body[:60]),
                    )
                    print(
                        "     ",
                        event
                        and (
                            event.timestamp and datetime.fromtimestamp(event.timestamp, UTC).isoformat(),
                            event.severity,
                            event.message[:90],
                        ),
                    )
    files = [json.loads(line) for line in re.findall(r"\{.*\}", (shared / "formats" / "files.json").read_text())]
    good_files = 0
    for file in files:
        log, events = events_of([str(shared / "formats" / file["file"])])
        good = log.files[0].format in NAMES.get(file["format"], "").split()
        good_files += good
        if wrong and not good:
            print("file", file["file"], file["format"], log.files[0].format)
    return {
        "samples": {
            one: f"{counts[one]} of {counts[one + ' of']}" for one in ("format", "time", "severity", "message")
        },
        "files with the right format": f"{good_files} of {len(files)}",
        "by format": {name: dict(sorted(held.items())) for name, held in sorted(by_format.items())},
    }


def wanted_severity(sample: dict[str, Any]) -> int | None:
    """The range of severity that a sample states (0 TRACE to 5 FATAL), None for none."""
    text = sample.get("level_text") or ""
    if re.fullmatch(r"\d{3}", text) and sample["format"] != "sssd_log":  # an HTTP status, by our rule for access logs
        return 4 if text >= "500" else 3 if text >= "400" else 2
    mapped = sample.get("level_mapped") or sample.get("level")
    return SEVERITY.get(mapped) if mapped else None


def multiline_table(shared: Path, wrong: bool) -> dict[str, Any]:
    """Cases of which every line is in the right event."""
    good: Counter[str] = Counter()
    total: Counter[str] = Counter()
    failed = []
    with tempfile.TemporaryDirectory() as name:
        for line in (shared / "multiline" / "cases.jsonl").read_text().splitlines():
            case = json.loads(line)
            path = written(Path(name), "case.log", "\n".join(case["lines"]).encode() + b"\n")
            log, events = events_of([path])
            total[case["kind"]] += 1
            wanted = [(first, case["lines"][first - 1 : last]) for first, last in case["events"]]
            if "groups" in case:
                wanted = [(group[0], [case["lines"][one - 1] for one in group]) for group in case["groups"]]
            found = [(event.number, list(event.lines)) for event in events]
            if sorted(found) == sorted(wanted):
                good[case["kind"]] += 1
            else:
                failed.append(case["name"])
                if wrong:
                    print(
                        "multiline",
                        case["name"],
                        log.files[0].format,
                        [(n, len(x)) for n, x in found],
                        [(n, len(x)) for n, x in wanted],
                    )
    return {"kinds": {kind: f"{good[kind]} of {total[kind]}" for kind in total}, "failed": failed}


def field_table(shared: Path, wrong: bool) -> dict[str, Any]:
    """Level and time of the first planted line (or of the first line) of each field case."""
    counts: Counter[str] = Counter()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for case in json.loads((shared / "field" / "cases.json").read_text()):
            paths = []
            for name in case["files"]:
                source = shared / "field" / name
                data = (
                    source.read_bytes()
                    if source.exists()
                    else gzip.decompress((shared / "field" / f"{name}.gz").read_bytes())
                )
                paths.append(written(Path(folder), name, data))
            log, events = events_of(paths)
            number = case["planted"][0][0] if case["planted"] else 1
            position = case["files"].index(case["planted_file"]) if case.get("planted_file") else 0
            event = next(
                (
                    one
                    for one in events
                    if one.source == position and one.number <= number < one.number + len(one.lines)
                ),
                None,
            )
            checks = {}
            level, time = case["format"]["level"], case["format"]["time"]
            if level is not None:
                wanted = (4 if level >= "500" else 2) if level.isdigit() else SEVERITY.get(level)
                checks["level"] = (
                    event is not None and event.severity is not None and (event.severity - 1) // 4 == wanted
                )
            if time is not None:
                checks["time"] = same_time(event, time)
            rows[case["name"]] = {"format": log.files[position].format, "wanted": case["format"]["name"], **checks}
            for check, good in checks.items():
                counts[f"{check} of"] += 1
                counts[check] += good
                if wrong and not good:
                    print(
                        "field",
                        check,
                        case["name"],
                        case["format"],
                        event and (event.timestamp, event.severity, event.message[:80]),
                    )
    return {
        "level": f"{counts['level']} of {counts['level of']}",
        "time": f"{counts['time']} of {counts['time of']}",
        "cases": rows,
    }


def provenance() -> dict[str, Any]:
    """Commit and machine."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent
    ).stdout.strip()
    return {
        "commit": commit,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
    }


def main() -> None:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--wrong", action="store_true")
    arguments = parser.parse_args()
    result = {
        **provenance(),
        "split": "the shared part of each set",
        "formats": formats_table(arguments.shared, arguments.wrong),
        "multiline": multiline_table(arguments.shared, arguments.wrong),
        "field": field_table(arguments.shared, arguments.wrong),
    }
    print(json.dumps({key: value for key, value in result.items() if key not in ("formats", "field")}, indent=1))
    print(json.dumps({key: value for key, value in result["formats"].items() if key != "by format"}, indent=1))
    print("field: level", result["field"]["level"], "time", result["field"]["time"])
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
