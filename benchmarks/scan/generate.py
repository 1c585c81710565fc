"""Made-up logs with one planted fault each, or none: many formats, contents in ten languages, a seed for each log.

    python -m benchmarks scan.cases --seeds 0:4 --out DIR       # writes the logs and cases.json

`cases.json` is a list with, for each case: name, files, kind, planted lines ([[first, last], ...] from 1, of
`planted_file`), `top` (the finding must be among the first so many) and `max_flagged` (other findings that may be
flagged). A log without planted lines must give no flagged finding.

The seeds are divided: 0 to 9 are for settings, 100 and up for reporting.
"""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .formats import LEVELLED, PLAIN, REQUESTS, Record, french, german

START = 1_714_550_400.0  # 2024-05-01 08:00:00 UTC


def _id(rng: random.Random, kind: str) -> str:
    if kind == "n":
        return str(rng.randrange(1, 99999))
    if kind == "k":
        return str(rng.randrange(1, 9))
    if kind == "h":
        return f"{rng.getrandbits(32):08x}"
    if kind == "u":
        bits = f"{rng.getrandbits(128):032x}"
        return "-".join((bits[:8], bits[8:12], bits[12:16], bits[16:20], bits[20:]))
    if kind == "i":
        return f"10.{rng.randrange(9)}.{rng.randrange(256)}.{rng.randrange(256)}"
    if kind == "t":
        return f"{int(rng.lognormvariate(3, 0.7)) + 1}ms"
    if kind == "f":
        return f"{rng.uniform(1, 900):.2f}"
    if kind == "s":
        return f"{rng.uniform(0.1, 40):.1f}MiB"
    if kind == "p":
        return f"/var/data/{rng.choice('abcdef')}{rng.randrange(999)}.bin"
    if kind == "w":
        return "".join(rng.choice("bcdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randrange(2, 5)))
    raise ValueError(kind)


def fill(rng: random.Random, text: str) -> str:
    """Fill `<n>` and its like with values."""
    return re.sub(r"<([nkhuitfspw])>", lambda mark: _id(rng, mark[1]), text)


# Usual messages; the marks are n number, k small number, h hex, u uuid, i address, t duration, f float, s size, p path.
DOMAINS: dict[str, list[str]] = {
    "shop": ["order <n> accepted for customer <n>", "stock reserved for order <n> in warehouse <k>", "payment <h> authorised amount=<f> EUR",
             "connection from <i> opened", "connection from <i> closed after <t>", "session <h> created for user u<n>", "session <h> expired",
             "cache refresh finished, <n> entries", "invoice <n> sent to queue billing", "health check ok", "GET /api/items/<n> 200 <t>"],
    "video": ["job <u> queued, profile hd<k>", "job <u> started on worker <k>", "encoded segment <n> of job <u> in <t>", "uploaded <p> (<s>)",
              "thumbnail made for asset <n>", "worker <k> idle", "lease renewed for <u>", "manifest written to <p>", "queue depth is <k>"],
    "sensors": ["reading from station <n>: <f> C", "station <n> reports battery <k>0%", "batch of <n> readings stored in <t>", "gateway <i> polled",
                "calibration of station <n> unchanged", "forwarded <n> readings to <i>", "compacted table t<k> from <s> to <s>", "clock offset <t>"],
    "mail": ["from=<<w>@example.org> size=<n> queued as <h>", "<h>: to=<<w>@example.net> relay=<i> delivered", "<h>: removed", "connect from unknown[<i>]",
             "disconnect from unknown[<i>] commands=<k>", "statistics: max rate <k>/60s", "TLS connection established from <i>", "greylist entry <n> renewed"],
    "german": ["Bestellung <n> angenommen", "Verbindung von <i> geöffnet", "Verbindung von <i> geschlossen nach <t>", "Rechnung <n> an Warteschlange übergeben",
               "Sitzung <h> erzeugt für Benutzer u<n>", "Sitzung <h> abgelaufen", "Zwischenspeicher mit <n> Einträgen erneuert", "Datei <p> gelesen (<s>)"],
    "french": ["commande <n> reçue du client <n>", "connexion de <i> ouverte", "connexion de <i> fermée après <t>", "facture <n> envoyée à la file",
               "séance <h> créée pour l'utilisateur u<n>", "cache rafraîchi, <n> entrées", "fichier <p> lu (<s>)", "tâche <k> terminée en <t>"],
    "spanish": ["pedido <n> aceptado del cliente <n>", "conexión de <i> abierta", "conexión de <i> cerrada después de <t>", "factura <n> enviada a la cola",
                "sesión <h> creada para el usuario u<n>", "caché renovada con <n> entradas", "archivo <p> leído (<s>)", "tarea <k> terminada en <t>"],
    "russian": ["заказ <n> принят от клиента <n>", "соединение с <i> открыто", "соединение с <i> закрыто через <t>", "счёт <n> отправлен в очередь",
                "сеанс <h> создан для пользователя u<n>", "кэш обновлён, записей <n>", "файл <p> прочитан (<s>)", "задача <k> завершена за <t>"],
    "chinese": ["订单 <n> 已接受 客户 <n>", "来自 <i> 的连接已打开", "来自 <i> 的连接已关闭 耗时 <t>", "发票 <n> 已发送到队列", "会话 <h> 已创建 用户 u<n>", "缓存已刷新 共 <n> 条",
                "文件 <p> 已读取 (<s>)", "任务 <k> 已完成 耗时 <t>"],
    "portuguese": ["pedido <n> aceite do cliente <n>", "ligação de <i> aberta", "ligação de <i> fechada após <t>", "fatura <n> enviada para a fila",
                   "sessão <h> criada para o utilizador u<n>", "cache renovada com <n> entradas", "ficheiro <p> lido (<s>)", "tarefa <k> concluída em <t>"],
}  # fmt: skip
WARNINGS = [
    "slow query took <t>",
    "retrying request <n> to <i>",
    "buffer pool at <k>0%",
    "deprecated option used by client <i>",
    "certificate expires in <k> days",
]
RARE = ["plugin <w> loaded", "feature flag <w> is now on", "user <w> changed the colour of <w>", "imported <w> from <w>", "schema of <w> migrated to <w>",
        "report <w> rendered for <w>", "mirror <w> chosen because <w> was <w>", "<w> <w> <w> noted", "<w> rescheduled by <w>"]  # fmt: skip
# Faults with level: message and lines below.
FAULTS = [
    ("write to volume d refused, device does not answer", []),
    ("replica lag exceeded, giving up leadership", []),
    ("unhandled exception", ["Traceback (most recent call last):", '  File "/srv/app/worker.py", line 88, in handle', "    ledger.close(batch)",
                             '  File "/srv/app/ledger.py", line 41, in close', "    raise BalanceError(total)", "app.ledger.BalanceError: total is -3"]),
    ("request failed", ["java.lang.IllegalStateException: pool is closed", "\tat com.example.Pool.take(Pool.java:71)", "\tat com.example.Worker.run(Worker.java:19)",
                        "Caused by: java.net.SocketException: Connection reset", "\tat java.base/java.net.Socket.read(Socket.java:11)", "\t... 12 more"]),
    ("ledger closed: balance negative", []),
    ("cannot open segment 00017: no space left on device", []),
]  # fmt: skip
# Faults whose words name no fault, or name it in another language.
QUIET = {
    "german": "Gerät /dev/sdb antwortet nicht mehr, Datenträger ausgehängt", "french": "le disque d ne répond plus, volume démonté",
    "spanish": "el disco d ya no responde, volumen desmontado", "russian": "диск d больше не отвечает, том отключён", "chinese": "磁盘 d 不再响应 卷已卸载",
    "portuguese": "o disco d deixou de responder, volume desmontado",
}  # fmt: skip
NEUTRAL = [
    "ledger switched to read only mode",
    "leadership handed over to nobody",
    "falling back to the paper ledger",
    "volume d is now detached",
]
COMPONENTS = ["orders", "billing", "gateway", "store", "auth", "notifier"]
PATHS = [
    "/api/items/<n>",
    "/api/orders/<n>",
    "/login",
    "/static/<h>.js",
    "/healthz",
    "/api/users/<n>/cart",
    "/search?q=<w>",
]


@dataclass
class Log:
    """A log in the making: records in order, and which of them are planted."""

    rng: random.Random
    records: list[Record] = field(default_factory=list)
    planted: set[int] = field(default_factory=set)  # positions of planted records

    def plant(self, at: int, records: list[Record]) -> None:
        """Put records before position `at`."""
        self.records[at:at] = records
        self.planted |= set(range(at, at + len(records)))

    def lines(self, form: Callable[[Record], list[str]]) -> tuple[list[str], list[list[int]]]:
        """Raw lines, and the ranges of planted lines."""
        lines: list[str] = []
        ranges: list[list[int]] = []
        for position, record in enumerate(self.records):
            first = len(lines) + 1
            lines += form(record)
            if position in self.planted:
                if ranges and ranges[-1][1] == first - 1:
                    ranges[-1][1] = len(lines)
                else:
                    ranges.append([first, len(lines)])
        return lines, ranges


def usual(rng: random.Random, n: int, domain: str, *, step: float = 3.0, warn: float = 0.0, rare: float = 0.0, rhythm: bool = False,
          parts: int = 0, sessions: int = 0) -> Log:  # fmt: skip
    """A log in which nothing is wrong.

    Args:
        rng: source of randomness.
        n: number of records.
        domain: which messages.
        step: mean seconds between records.
        warn: share of usual warnings.
        rare: share of INFO records with words of their own.
        rhythm: the rate swings by a factor of four over the log, as from day to night.
        parts: number of components; each has its own messages. 0: the component is drawn at random.
        sessions: number of sessions that run interleaved at any time, each in fixed steps; 0: none.
    """
    messages = DOMAINS[domain]
    weights = [rng.uniform(0.4, 3) for _ in messages]
    home = {text: COMPONENTS[place % max(parts, 1)] for place, text in enumerate(messages)}
    time = START + rng.uniform(0, 86400)
    records: list[Record] = []
    tight = rng.random() < 0.5  # lines at an even pace, or at random
    open_sessions: list[tuple[str, int]] = []
    kind = rng.choice("hun")
    for place in range(n):
        pace = step * (0.4 + 1.2 * (place % (n // 2 + 1)) / (n // 2 + 1)) if rhythm else step
        time += pace * rng.uniform(0.7, 1.3) if tight else rng.expovariate(1 / pace)
        if sessions:
            if (len(open_sessions) < sessions and rng.random() < 0.6) or not open_sessions:
                open_sessions.append((_id(rng, kind), 0))
            choice = rng.randrange(len(open_sessions))
            name, done = open_sessions.pop(choice)
            steps = SESSION_STEPS[domain] if domain in SESSION_STEPS else SESSION_STEPS["shop"]
            records.append(
                Record(
                    time,
                    "INFO",
                    COMPONENTS[done % 3],
                    f"worker-{choice}",
                    fill(rng, steps[done].replace("<id>", name)),
                )
            )
            if done + 1 < len(steps):
                open_sessions.append((name, done + 1))
            continue
        draw = rng.random()
        if draw < warn:
            text, level = rng.choice(WARNINGS[:3]), "WARN"
        elif draw < warn + rare:
            text, level = rng.choice(RARE), "INFO"
        else:
            text, level = rng.choices(messages, weights)[0], "INFO"
        component = home.get(text, "main") if parts else rng.choice(COMPONENTS[:3])
        records.append(Record(time, level, component, f"worker-{rng.randrange(4)}", fill(rng, text)))
    return Log(rng, records)


SESSION_STEPS = {
    "shop": ["request <id> received from <i>", "request <id> authenticated in <t>", "request <id> priced at <f>", "request <id> stored", "request <id> answered after <t>"],
    "video": ["job=<id> fetch <p>", "job=<id> probe took <t>", "job=<id> transcode done", "job=<id> checksum ok", "job=<id> publish to <i>", "job=<id> closed"],
    "sensors": ["[<id>] poll begun", "[<id>] <n> bytes read", "[<id>] parsed", "[<id>] written in <t>"],
    "german": ["Auftrag <id> begonnen", "Auftrag <id> geprüft in <t>", "Auftrag <id> gebucht", "Auftrag <id> beendet"],
}  # fmt: skip


def requests(rng: random.Random, n: int, usual_404: float = 0.0) -> Log:
    """A log of requests; a few statuses are usual."""
    time = START + rng.uniform(0, 86400)
    records = []
    weights = [rng.uniform(0.4, 3) for _ in PATHS]
    for _ in range(n):
        time += rng.expovariate(1.0)
        path = fill(rng, rng.choices(PATHS, weights)[0])
        status = 404 if rng.random() < usual_404 else rng.choices([200, 304, 201], [10, 2, 1])[0]
        method = rng.choices(["GET", "POST"], [5, 1])[0]
        records.append(
            Record(time, "INFO", "web", "t", f"{method} {path}", status=status, size=int(rng.lognormvariate(7, 1)))
        )
    return Log(rng, records)


BANNER = [
    "starting version 3.<k>.<k> build <h>", "configuration read from <p>", "listening on <i>:8443", "connected to database at <i>", "migrations are up to date",
    "loaded <n> rules", "worker pool of <k> threads ready", "metrics served on port 9100", "cluster id <u>", "feature set: default", "accepting requests",
]  # fmt: skip
JOB = [
    "nightly job <n> begins",
    "job <n>: <n> rows exported",
    "job <n>: archive written to <p>",
    "job <n> ends after <t>",
]
USUAL_ERRORS = [
    "upstream <i> refused the connection, trying the next",
    "could not parse the date sent by client <n>",
    "mail to user <n> bounced",
]


def realistic(rng: random.Random, n: int, domain: str) -> Log:
    """A log as services write them: a banner, hourly jobs, a heartbeat, usual warnings and errors, traces, nights."""
    log = usual(
        rng,
        n,
        domain,
        step=rng.choice([2, 8, 30]),
        warn=0.03,
        rare=rng.choice([0, 0, 0.01]),
        rhythm=True,
        parts=rng.choice([0, 3]),
    )
    first, last = log.records[0].time, log.records[-1].time
    more = [
        Record(first - 5 + 0.1 * k, "INFO", "main", "main", fill(rng, text))
        for k, text in enumerate(BANNER[: rng.randrange(5, 11)])
    ]
    every = max((last - first) / rng.randrange(6, 14), 60)
    at = first + every * rng.random()
    while at < last:
        number = fill(rng, "<n>")
        more += [
            Record(at + 2 * k, "INFO", "jobs", "cron", fill(rng, text.replace("<n>", number, 1)))
            for k, text in enumerate(JOB)
        ]
        at += every
    beat = (last - first) / rng.randrange(80, 200)
    more += [
        Record(first + beat * k, "DEBUG", "main", "timer", "heartbeat") for k in range(int((last - first) / beat))
    ]
    for record in rng.sample(log.records, max(n // 40, 24)):
        record.level, record.text = "ERROR", fill(rng, rng.choice(USUAL_ERRORS))
    for record in rng.sample(log.records, max(n // 80, 12)):
        record.level, record.text, record.below = "ERROR", "request failed again", list(FAULTS[3][1])
    log.records = sorted([*log.records, *more], key=lambda one: one.time)
    return log


def later(records: list[Record], seconds: float) -> None:
    """Shift records in time."""
    for record in records:
        record.time += seconds


@dataclass
class Case:
    """One case: raw lines of each file, and what must be found."""

    name: str
    kind: str
    files: dict[str, list[str]]
    planted: list[list[int]]
    top: int = 1
    max_flagged: int = 0
    planted_file: str | None = None
    ending: str = "\n"
    encoding: str = "utf-8"


def _pick(
    rng: random.Random, table: dict[str, Callable[[Record], list[str]]]
) -> tuple[str, Callable[[Record], list[str]]]:
    name = rng.choice(sorted(table))
    return name, table[name]


def _fault(rng: random.Random, time: float, fatal: bool | None = None) -> list[Record]:
    text, below = rng.choice(FAULTS)
    level = "FATAL" if (rng.random() < 0.3 if fatal is None else fatal) else "ERROR"
    records = [Record(time, level, rng.choice(COMPONENTS[:3]), "worker-1", text, list(below))]
    if rng.random() < 0.3:
        records.append(
            Record(time + 0.2, "ERROR", records[0].component, "worker-1", "shutting down worker after a fault")
        )
    return records


def _languages(rng: random.Random) -> str:
    return rng.choice(sorted(DOMAINS))


def _base(rng: random.Random, n: int, domain: str | None = None) -> Log:
    """A usual log with some of the complications at random."""
    return usual(rng, n, domain or _languages(rng), step=rng.choice([0.05, 1, 3, 20]), warn=rng.choice([0, 0, 0.05]), rhythm=rng.random() < 0.25,
                 parts=rng.choice([0, 0, 3]))  # fmt: skip


def make_case(kind: str, seed: int) -> Case:
    """One case of a kind."""
    rng = random.Random(f"{kind}/{seed}")
    n = rng.choice([900, 1500, 2200, 3000])
    name, form = _pick(rng, LEVELLED)
    top, others = 1, 0
    if kind == "clean":
        shape = seed % 8
        if shape == 0:
            log = usual(rng, n, _languages(rng), rare=rng.choice([0.02, 0.1]), warn=0.04)
        elif shape == 1:
            log = usual(rng, n, rng.choice(sorted(SESSION_STEPS)), sessions=rng.randrange(2, 7))
        elif shape == 2:
            log = requests(rng, n, 0.03)
            name, form = _pick(rng, REQUESTS)
        elif shape == 3:
            log = usual(rng, n, _languages(rng), rhythm=True, step=60, warn=0.05)
        elif shape == 4:
            log = usual(rng, rng.choice([30, 60, 100, 200]), _languages(rng))
        elif shape == 5:
            name, form = _pick(rng, PLAIN)
            log = _base(rng, n)
        else:
            log = _base(rng, n)
    elif kind in (
        "unit_numbers",
        "level_outside",
        "early_fault",
        "late_fault",
        "multi_line",
        "format",
        "encoding",
        "long_lines",
    ):
        domain = (
            "shop"
            if kind == "unit_numbers"
            else rng.choice(["german", "french", "spanish", "russian", "chinese"])
            if kind == "encoding"
            else None
        )
        log = _base(rng, n, domain)
        share = {"early_fault": rng.uniform(0.1, 0.4), "late_fault": 0.999}.get(kind, rng.uniform(0.3, 0.95))
        at = int(share * len(log.records))
        time = log.records[at - 1].time
        if kind == "level_outside":
            new = [Record(time, rng.choice(["ERROR", "FATAL"]), COMPONENTS[0], "worker-1", rng.choice(NEUTRAL))]
        elif kind == "multi_line":
            text, below = rng.choice([fault for fault in FAULTS if fault[1]])
            new = [Record(time, "ERROR", COMPONENTS[0], "worker-1", text, list(below))]
            known = FAULTS[3 if below is FAULTS[2][1] else 2]
            for place in range(40, len(log.records), rng.choice([60, 90])):
                if rng.random() < 0.9 and seed % 2:
                    log.records[place] = Record(
                        log.records[place].time,
                        "ERROR",
                        COMPONENTS[1],
                        "worker-2",
                        known[0] + " again",
                        list(known[1]),
                    )
        elif kind == "encoding" and rng.random() < 0.6:
            new = [Record(time, "ERROR", COMPONENTS[0], "worker-1", QUIET[domain or "german"])]
            if domain in ("german", "french"):
                name, form = domain, german if domain == "german" else french
        else:
            new = _fault(rng, time)
        if kind == "long_lines":
            for place in range(50, len(log.records), 300):
                log.records[place].text += " payload=" + "x7f" * 30000
            new[0].text += " payload=" + "0a" * 50000
        log.plant(at, new)
    elif kind == "burst":
        shape = seed % 4
        if shape == 0:
            log = requests(rng, n, rng.choice([0, 0.02]))
            name, form = _pick(rng, REQUESTS)
            at = int(rng.uniform(0.2, 0.9) * n)
            status = rng.choice([500, 502, 503, 429, 401])
            run = [Record(log.records[at].time + 0.1 * k, "INFO", "web", "t", f"GET {fill(rng, rng.choice(PATHS))}", status=status, size=rng.randrange(100, 900))
                   for k in range(rng.randrange(20, 40))]  # fmt: skip
        elif shape == 1:
            log = requests(rng, n)
            name, form = _pick(rng, REQUESTS)
            for place in rng.sample(range(n), 6):
                log.records[place].status = 503
            at = int(rng.uniform(0.2, 0.9) * n)
            run = [Record(log.records[at].time + 0.1 * k, "INFO", "web", "t", f"GET {fill(rng, rng.choice(PATHS))}", status=503, size=rng.randrange(100, 900))
                   for k in range(rng.randrange(25, 40))]  # fmt: skip
        else:
            log = _base(rng, n)
            if seed % 3 == 0:
                name, form = _pick(rng, PLAIN)
            at = int(rng.uniform(0.2, 0.9) * n)
            model = log.records[at]
            alike = [r for r in log.records if r.text.split()[0] == model.text.split()[0]] or [model]
            run = [Record(model.time + 0.02 * k, model.level, model.component, model.thread, rng.choice(alike).text if seed % 2 else model.text)
                   for k in range(rng.randrange(50, 90))]  # fmt: skip
        log.plant(at, run)
        others = 1
    elif kind == "silence":
        shape = seed % 3
        log = usual(rng, n, _languages(rng), step=rng.choice([1, 3, 10]), parts=3 if shape else rng.choice([0, 3]))
        at = int(rng.uniform(0.3, 0.8) * n)
        top, others = 3, 1
        if shape == 0:
            later(log.records[at:], (log.records[-1].time - log.records[0].time) * rng.uniform(1.5, 4))
            log.planted = {at - 1, at}
        elif shape == 1:  # a component falls silent among others
            gone = log.records[at].component
            end = min(at + int(n * rng.uniform(0.2, 0.35)), n) if rng.random() < 0.5 else n
            kept = [r for place, r in enumerate(log.records) if not (at < place < end and r.component == gone)]
            first = log.records[at]
            log.records = kept
            place = next(i for i, r in enumerate(kept) if r is first)
            back = next((i for i in range(place + 1, len(kept)) if kept[i].component == gone), len(kept) - 1)
            log.planted = {place, place + 1, back}
        else:  # a heartbeat stops
            name, form = _pick(rng, {**LEVELLED, **PLAIN} if seed % 2 else LEVELLED)
            beat, first_time = log.records[0].time, log.records[0].time
            period = (log.records[-1].time - first_time) / rng.randrange(60, 200)
            stop = log.records[at].time
            resume = stop + period * rng.randrange(8, 30) if rng.random() < 0.6 else 1e18
            beats = []
            while beat < log.records[-1].time:
                if not stop < beat < resume:
                    beats.append(Record(beat, "INFO", "main", "timer", f"heartbeat of node {fill(rng, '<k>')} sent"))
                beat += period
            log.records = sorted(log.records + beats, key=lambda r: r.time)
            last = max(i for i, r in enumerate(log.records) if r in beats and r.time <= stop)
            end = len(log.records) - 1
            back = next((i for i, r in enumerate(log.records) if i > last and "heartbeat" in r.text), end)
            log.planted = {last, last + 1, back}
    elif kind == "missing_step":
        domain = rng.choice(sorted(SESSION_STEPS))
        log = usual(rng, n, domain, sessions=1 if seed % 3 == 0 else rng.randrange(3, 7))
        steps = SESSION_STEPS[domain]
        lost = rng.randrange(1, len(steps) - 1)
        start = int(rng.uniform(0.3, 0.8) * n)
        key = _stem(steps[lost])
        at = next(i for i in range(start, len(log.records)) if key(log.records[i].text))
        name_of = _session_of(log.records[at].text, steps[lost])
        around = [i for i, r in enumerate(log.records) if name_of in r.text and i != at]
        before, after = max(i for i in around if i < at), min([i for i in around if i > at])
        log.planted = {before, after - 1}
        del log.records[at]
        if seed % 3 == 0:
            log.planted |= {at - 1, at}
    elif kind == "small_log":
        size = rng.choice([30, 30, 60, 100, 300])
        log = usual(rng, size, _languages(rng))
        if seed % 3 == 0:  # everything is new
            for record in log.records:
                record.text = fill(rng, rng.choice(RARE) + " <w>")
        at = len(log.records) if seed % 2 else int(size * rng.uniform(0.4, 0.9))
        log.plant(at, _fault(rng, log.records[at - 1].time))
        others = 0 if seed % 2 else 1
    elif kind == "severity_words":
        log = _base(rng, n)
        for place in range(25, n, 60):
            log.records[place].text = rng.choice(["backup finished: 0 errors, 0 failed", "exception support... done", "no error found in <n> rows".replace("<n>", str(place)),
                                                  "failover test ok", "link ok, error counter 0"])  # fmt: skip
            log.records[place].level = "INFO"
        at = int(0.7 * n)
        if seed % 2:
            log.plant(at, _fault(rng, log.records[at].time))
    elif kind == "first_seen":
        domain = rng.choice([*QUIET, "shop", "sensors"])
        log = usual(rng, n, domain, warn=rng.choice([0, 0.05]), rare=0.0)
        if seed % 2:
            name, form = _pick(rng, PLAIN)
        if seed % 3 == 0:  # lines of one rare kind are usual
            for place in rng.sample(range(n), n // 60):
                log.records[place].text = fill(rng, RARE[seed % 4])
        at = int(rng.uniform(0.3, 0.95) * n)
        log.plant(
            at,
            [
                Record(
                    log.records[at].time, "INFO", COMPONENTS[0], "worker-1", QUIET.get(domain) or rng.choice(NEUTRAL)
                )
            ],
        )
        others = 1
    elif kind == "realistic_clean":
        log = realistic(rng, n, _languages(rng))
    elif kind == "realistic_fault":
        log = realistic(rng, n, _languages(rng))
        at = int(rng.uniform(0.2, 0.95) * len(log.records))
        time = log.records[at].time
        shape = seed % 4
        others = 1
        if shape == 0:
            log.plant(at, [Record(time, "FATAL", "orders", "worker-1", rng.choice(NEUTRAL))])
        elif shape == 1:
            log.plant(at, _fault(rng, time, fatal=False))
        elif shape == 2:
            text = rng.choice(
                [one.text for one in log.records if one.level == "INFO" and one.component != "main"][-200:]
            )
            log.plant(
                at,
                [Record(time + 0.01 * k, "INFO", "orders", "worker-1", text) for k in range(rng.randrange(60, 110))],
            )
        else:
            idle = [number for number, one in enumerate(log.records) if one.text == "heartbeat"]
            unsent = idle[len(idle) // 2 : len(idle) // 2 + rng.randrange(15, 30)]
            last, next_ = idle[len(idle) // 2 - 1], idle[idle.index(unsent[-1]) + 1]
            left = [number for number in range(len(log.records)) if number not in set(unsent)]
            log.planted = {left.index(last), left.index(last) + 1, left.index(next_)}
            log.records = [log.records[number] for number in left]
            top = 3
    elif kind in ("unsorted", "rotated"):
        log = _base(rng, n)
        at = int(rng.uniform(0.2, 0.95) * n)
        log.plant(at, _fault(rng, log.records[at].time, fatal=True)[:1])
        log.records[at].below = []
        if kind == "unsorted":
            name, form = _pick(rng, {k: v for k, v in LEVELLED.items() if k != "windows_csv"})
            order = list(range(len(log.records)))
            if seed % 2:
                order.reverse()
            else:
                rng.shuffle(order)
            log.records = [log.records[i] for i in order]
            log.planted = {order.index(at)}
    else:
        raise ValueError(f"kind must be one of {KINDS}, found {kind}")
    lines, planted = log.lines(form)
    label = f"{kind}-{name}-{seed}"
    if kind == "rotated":
        cut = [len(lines) // 3, 2 * len(lines) // 3]
        parts = [lines[: cut[0]], lines[cut[0] : cut[1]], lines[cut[1] :]]
        names = ["app.log.2.gz", "app.log.1", "app.log"]
        starts = [0, cut[0], cut[1]]
        where = max(k for k in range(3) if starts[k] < planted[0][0])
        moved = [[a - starts[where], b - starts[where]] for a, b in planted]
        return Case(
            label,
            kind,
            dict(reversed(list(zip(names, parts)))),
            moved,
            top,
            1,
            names[where],
        )
    ending = "\r\n" if rng.random() < 0.1 else "\n"
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16"]) if kind == "encoding" else "utf-8"
    return Case(label, kind, {f"{label}.log": lines}, planted, top, others, None, ending, encoding)


def _stem(step: str) -> Callable[[str], bool]:
    """Does a text come from this step? The words outside the marks decide."""
    words = [part.split(">")[-1].strip() for part in step.split("<")]
    return lambda text: all(word in text for word in words if word)


def _session_of(text: str, step: str) -> str:
    """The name that stands where the step has `<id>`."""
    before, _ = step.split("<id>")
    rest = text[len(before) :]
    stop = next((k for k, c in enumerate(rest) if c in " ]"), len(rest))
    return rest[:stop]


KINDS = ("unit_numbers", "level_outside", "burst", "silence", "missing_step", "early_fault", "late_fault", "small_log", "multi_line",
         "format", "severity_words", "encoding", "long_lines", "first_seen", "clean", "unsorted", "rotated", "realistic_clean", "realistic_fault")  # fmt: skip


def write_case(case: Case, folder: Path) -> dict[str, object]:
    """Write the files of a case; returns its row for cases.json."""
    for name, lines in case.files.items():
        data = "".join(line + case.ending for line in lines).encode(case.encoding)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    row: dict[str, object] = {"name": case.name, "files": list(case.files), "kind": case.kind, "planted": case.planted, "top": case.top,
                              "max_flagged": case.max_flagged}  # fmt: skip
    if case.planted_file:
        row["planted_file"] = case.planted_file
    return row
