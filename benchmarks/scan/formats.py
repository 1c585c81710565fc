"""Line formats for made-up logs: each is a function from a `Record` to the raw lines that a program would write.

Nothing here is taken from a public log; the formats follow the documented layouts of the programs they are named after,
and five (`pipes`, `square`, `dashes`, `stamps`, `columns`) belong to no program at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

LEVELS = {"DEBUG": 7, "INFO": 6, "WARN": 4, "ERROR": 3, "FATAL": 2}
GERMAN = {"DEBUG": "FEIN", "INFO": "HINWEIS", "WARN": "WARNUNG", "ERROR": "FEHLER", "FATAL": "KRITISCH"}
FRENCH = {"DEBUG": "DEBUG", "INFO": "INFO", "WARN": "AVERTISSEMENT", "ERROR": "ERREUR", "FATAL": "CRITIQUE"}


@dataclass
class Record:
    """What a program wants to log: seconds since 1970, level, component, thread, text and further raw lines below it."""

    time: float
    level: str
    component: str
    thread: str
    text: str
    below: list[str] = field(default_factory=list)
    status: int = 200
    size: int = 0


def _date(time: float, pattern: str) -> str:
    return datetime.fromtimestamp(time, UTC).strftime(pattern)


def _milli(time: float) -> str:
    return f"{int(time * 1000) % 1000:03d}"


def _micro(time: float) -> str:
    return f"{int(time * 1e6) % 1_000_000:06d}"


def iso_bracket(r: Record) -> list[str]:
    """One record as iso bracket writes it."""
    return [f"{_date(r.time, '%Y-%m-%d %H:%M:%S')} [{r.level}] {r.text}", *r.below]


def python_logging(r: Record) -> list[str]:
    """One record as python logging writes it."""
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(r.level, r.level)
    return [f"{_date(r.time, '%Y-%m-%d %H:%M:%S')},{_milli(r.time)} {name} {r.component} {r.text}", *r.below]


def python_dashes(r: Record) -> list[str]:
    """One record as python dashes writes it."""
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(r.level, r.level)
    return [f"{_date(r.time, '%Y-%m-%d %H:%M:%S')},{_milli(r.time)} - {r.component} - {name} - {r.text}", *r.below]


def log4j(r: Record) -> list[str]:
    """One record as log4j writes it."""
    head = f"{_date(r.time, '%Y-%m-%d %H:%M:%S')},{_milli(r.time)} {r.level:5} [{r.thread}] {r.component}"
    return [f"{head} - {r.text}", *r.below]


def spark(r: Record) -> list[str]:
    """One record as spark writes it."""
    return [f"{_date(r.time, '%y/%m/%d %H:%M:%S')} {r.level} {r.component}: {r.text}", *r.below]


def spring(r: Record) -> list[str]:
    """One record as spring writes it."""
    name = f"com.example.{r.component}"
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_milli(r.time)}Z"
    return [f"{stamp} {r.level:>5} 1 --- [{r.thread:>15}] {name:40} : {r.text}", *r.below]


def klog(r: Record) -> list[str]:
    """One record as klog writes it."""
    letter = r.level[0]
    return [
        f"{letter}{_date(r.time, '%m%d %H:%M:%S')}.{_micro(r.time)}       1 {r.component}.go:{len(r.text)}] {r.text}",
        *r.below,
    ]


def logcat(r: Record) -> list[str]:
    """One record as logcat writes it."""
    head = f"{_date(r.time, '%m-%d %H:%M:%S')}.{_milli(r.time)}  1402  1433 {r.level[0]} {r.component}: "
    return [head + text for text in (r.text, *r.below)]


def syslog(r: Record) -> list[str]:
    """One record as syslog writes it."""
    head = f"{_date(r.time, '%b %d %H:%M:%S')} node7 {r.component}[{811 + len(r.component)}]: "
    return [head + text for text in (r.text, *r.below)]


def rfc5424(r: Record) -> list[str]:
    """One record as rfc5424 writes it."""
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_micro(r.time)}Z"
    return [f"<{16 * 8 + LEVELS[r.level]}>1 {stamp} node7 {r.component} 811 - - {r.text}", *r.below]


def zap(r: Record) -> list[str]:
    """One record as zap writes it."""
    row = {
        "level": r.level.lower(),
        "ts": round(r.time, 6),
        "logger": r.component,
        "caller": "srv/run.go:88",
        "msg": r.text,
    }
    return [json.dumps(row | ({"stacktrace": "\n".join(r.below)} if r.below else {}), ensure_ascii=False)]


def pino(r: Record) -> list[str]:
    """One record as pino writes it."""
    number = {"DEBUG": 20, "INFO": 30, "WARN": 40, "ERROR": 50, "FATAL": 60}[r.level]
    row = {
        "level": number,
        "time": int(r.time * 1000),
        "pid": 1,
        "hostname": "node7",
        "name": r.component,
        "msg": r.text,
    }
    return [json.dumps(row | ({"err": {"stack": "\n".join(r.below)}} if r.below else {}), ensure_ascii=False)]


def ecs(r: Record) -> list[str]:
    """One record as ecs writes it."""
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_milli(r.time)}Z"
    row = {"@timestamp": stamp, "log.level": r.level, "service.name": r.component, "message": r.text}
    return [json.dumps(row | ({"error.stack_trace": "\n".join(r.below)} if r.below else {}), ensure_ascii=False)]


def gelf(r: Record) -> list[str]:
    """One record as gelf writes it."""
    row = {"version": "1.1", "host": "node7", "short_message": r.text, "timestamp": round(r.time, 3),
           "level": LEVELS[r.level], "_service": r.component}  # fmt: skip
    return [json.dumps(row | ({"full_message": "\n".join(r.below)} if r.below else {}), ensure_ascii=False)]


def cloud_json(r: Record) -> list[str]:
    """One record as cloud json writes it."""
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_micro(r.time)}Z"
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(r.level, r.level)
    return [
        json.dumps(
            {"severity": name, "timestamp": stamp, "message": "\n".join([r.text, *r.below]), "component": r.component},
            ensure_ascii=False,
        )
    ]


def logfmt(r: Record) -> list[str]:
    """One record as logfmt writes it."""
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_milli(r.time)}Z"
    text = r.text.replace('"', "'")
    return [f'time={stamp} level={r.level.lower()} component={r.component} msg="{text}"', *r.below]


def serilog(r: Record) -> list[str]:
    """One record as serilog writes it."""
    short = {"DEBUG": "DBG", "INFO": "INF", "WARN": "WRN", "ERROR": "ERR", "FATAL": "FTL"}[r.level]
    return [f"{_date(r.time, '%Y-%m-%d %H:%M:%S')}.{_milli(r.time)} +00:00 [{short}] {r.text}", *r.below]


def apache_error(r: Record) -> list[str]:
    """One record as apache error writes it."""
    name = {"WARN": "warn", "FATAL": "crit"}.get(r.level, r.level.lower())
    stamp = f"{_date(r.time, '%a %b %d %H:%M:%S')}.{_micro(r.time)} {_date(r.time, '%Y')}"
    return [f"[{stamp}] [{r.component}:{name}] [pid 811:tid 1402] {r.text}", *r.below]


def nginx_error(r: Record) -> list[str]:
    """One record as nginx error writes it."""
    name = {"WARN": "warn", "FATAL": "emerg"}.get(r.level, r.level.lower())
    return [f"{_date(r.time, '%Y/%m/%d %H:%M:%S')} [{name}] 811#811: *{int(r.time) % 9973} {r.text}", *r.below]


def go_log(r: Record) -> list[str]:
    """One record as go log writes it."""
    return [f"{_date(r.time, '%Y/%m/%d %H:%M:%S')} {r.component}: {r.text}", *r.below]


def cri(r: Record) -> list[str]:
    """One record as cri writes it."""
    stamp = f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_micro(r.time)}789Z"
    stream = "stderr" if r.level in ("ERROR", "FATAL") else "stdout"
    return [f"{stamp} {stream} F {text}" for text in (f"{r.level} {r.component} {r.text}", *r.below)]


def compose(r: Record) -> list[str]:
    """One record as compose writes it."""
    head = f"{r.component + '-1':10} | "
    return [head + text for text in (f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}Z {r.level} {r.text}", *r.below)]


def windows_csv(r: Record) -> list[str]:
    """One record as windows csv writes it."""
    name = {"DEBUG": "Verbose", "INFO": "Information", "WARN": "Warning", "ERROR": "Error", "FATAL": "Critical"}[
        r.level
    ]
    text = r.text.replace('"', '""')
    return [f'{name},{_date(r.time, "%m/%d/%Y %I:%M:%S %p")},{r.component},{1000 + len(r.component)},None,"{text}"']


def catalina(r: Record) -> list[str]:
    """One record as catalina writes it."""
    name = {"DEBUG": "FINE", "WARN": "WARNING", "ERROR": "SEVERE", "FATAL": "SEVERE"}.get(r.level, r.level)
    stamp = f"{_date(r.time, '%d-%b-%Y %H:%M:%S')}.{_milli(r.time)}"
    return [f"{stamp} {name} [{r.thread}] org.example.{r.component}.run {r.text}", *r.below]


def rails(r: Record) -> list[str]:
    """One record as rails writes it."""
    return [
        f"{r.level[0]}, [{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_micro(r.time)} #811] {r.level:>5} -- : {r.text}",
        *r.below,
    ]


def php_monolog(r: Record) -> list[str]:
    """One record as php monolog writes it."""
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(r.level, r.level)
    return [
        f"[{_date(r.time, '%Y-%m-%dT%H:%M:%S')}.{_micro(r.time)}+00:00] {r.component}.{name}: {r.text} [] []",
        *r.below,
    ]


def pipes(r: Record) -> list[str]:
    """One record as pipes writes it."""
    return [f"{_date(r.time, '%H:%M:%S')}.{_milli(r.time)}|{r.level}|{r.component}|{r.text}", *r.below]


def square(r: Record) -> list[str]:
    """One record as square writes it."""
    return [f"[{_date(r.time, '%d/%m/%Y %H:%M:%S')}][{r.component}] {r.text}", *r.below]


def dashes(r: Record) -> list[str]:
    """One record as dashes writes it."""
    return [f"{r.level.lower()} -- {_date(r.time, '%Y%m%d-%H%M%S')} -- {r.component}: {r.text}", *r.below]


def stamps(r: Record) -> list[str]:
    """One record as stamps writes it."""
    return [f"{r.time:.3f} {r.component} {r.text}", *r.below]


def columns(r: Record) -> list[str]:
    """One record as columns writes it."""
    return [f"{_date(r.time, '%Y-%m-%d')}\t{_date(r.time, '%H:%M:%S')}\t{r.level}\t{r.component}\t{r.text}", *r.below]


def no_header(r: Record) -> list[str]:
    """One record as no header writes it."""
    return [r.text, *r.below]


def german(r: Record) -> list[str]:
    """One record as german writes it."""
    return [f"{_date(r.time, '%d.%m.%Y %H:%M:%S')} [{GERMAN[r.level]}] {r.text}", *r.below]


def french(r: Record) -> list[str]:
    """One record as french writes it."""
    return [f"{_date(r.time, '%d/%m/%Y %H:%M:%S')} {FRENCH[r.level]} {r.component} - {r.text}", *r.below]


# Formats that name a level, and formats that do not.
LEVELLED: dict[str, Callable[[Record], list[str]]] = {
    f.__name__: f
    for f in (iso_bracket, python_logging, python_dashes, log4j, spark, spring, klog, logcat, rfc5424, zap, pino, ecs, gelf, cloud_json,
              logfmt, serilog, apache_error, nginx_error, cri, compose, windows_csv, catalina, rails, php_monolog, pipes, dashes, columns)
}  # fmt: skip
PLAIN: dict[str, Callable[[Record], list[str]]] = {f.__name__: f for f in (syslog, go_log, square, stamps, no_header)}


# Request logs: the text is "METHOD path" and the status and size are fields.
def _path(r: Record) -> tuple[str, str]:
    method, _, path = r.text.partition(" ")
    return method, path


def _client(r: Record) -> str:
    return f"10.{int(r.time) % 7}.{int(r.time * 7) % 250}.{int(r.time * 13) % 250}"


def nginx(r: Record) -> list[str]:
    """One record as nginx writes it."""
    method, path = _path(r)
    return [
        f'{_client(r)} - - [{_date(r.time, "%d/%b/%Y:%H:%M:%S")} +0000] "{method} {path} HTTP/1.1" {r.status} {r.size} "-" "curl/8.1"'
    ]


def apache_vhost(r: Record) -> list[str]:
    """One record as apache vhost writes it."""
    method, path = _path(r)
    return [
        f'shop.example.org:443 {_client(r)} - - [{_date(r.time, "%d/%b/%Y:%H:%M:%S")} +0000] "{method} {path} HTTP/1.1" {r.status} {r.size}'
    ]


def haproxy(r: Record) -> list[str]:
    """One record as haproxy writes it."""
    method, path = _path(r)
    return [f'{_date(r.time, "%b %d %H:%M:%S")} lb1 haproxy[811]: {_client(r)}:{40000 + r.size % 9999} [{_date(r.time, "%d/%b/%Y:%H:%M:%S")}.{_milli(r.time)}] '
            f'web~ app/srv1 0/0/1/{r.size % 90}/{r.size % 97} {r.status} {r.size} - - ---- 12/12/1/1/0 0/0 "{method} {path} HTTP/1.1"']  # fmt: skip


def iis(r: Record) -> list[str]:
    """One record as iis writes it."""
    method, path = _path(r)
    return [
        f"{_date(r.time, '%Y-%m-%d %H:%M:%S')} 10.0.0.4 {method} {path} - 443 - {_client(r)} curl/8.1 - {r.status} 0 0 {r.size % 300}"
    ]


def squid(r: Record) -> list[str]:
    """One record as squid writes it."""
    method, path = _path(r)
    return [
        f"{r.time:.3f} {r.size % 400:6} {_client(r)} TCP_MISS/{r.status} {r.size} {method} http://shop.example.org{path} - DIRECT/10.0.0.9 text/html"
    ]


def caddy(r: Record) -> list[str]:
    """One record as caddy writes it."""
    method, path = _path(r)
    row = {"level": "info", "ts": round(r.time, 4), "logger": "http.log.access", "msg": "handled request",
           "request": {"method": method, "uri": path, "remote_ip": _client(r)}, "status": r.status, "size": r.size, "duration": (r.size % 300) / 1e4}  # fmt: skip
    return [json.dumps(row)]


def gin(r: Record) -> list[str]:
    """One record as gin writes it."""
    method, path = _path(r)
    return [
        f'[GIN] {_date(r.time, "%Y/%m/%d - %H:%M:%S")} | {r.status} | {(r.size % 3000) / 100:>10.2f}ms | {_client(r):>15} | {method:<7} "{path}"'
    ]


def own_request(r: Record) -> list[str]:
    """One record as own request writes it."""
    method, path = _path(r)
    return [
        f"{_date(r.time, '%H:%M:%S')} rq={int(r.time * 1000) % 99991} {method} {path} -> {r.status} in {r.size % 300}ms"
    ]


def own_status(r: Record) -> list[str]:
    """One record as own status writes it."""
    method, path = _path(r)
    return [f"{_date(r.time, '%Y-%m-%dT%H:%M:%S')}Z gateway {method} {path} status={r.status} bytes={r.size}"]


REQUESTS: dict[str, Callable[[Record], list[str]]] = {
    f.__name__: f for f in (nginx, apache_vhost, haproxy, iis, squid, caddy, gin, own_request, own_status)
}
