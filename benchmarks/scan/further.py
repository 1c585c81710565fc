"""Further made-up cases: formats that no row of the program's table describes, other languages, and the hard kinds.

Kinds: a burst of a status that is no HTTP field, a component that falls silent or slows down among others, a step missing
in interleaved sessions, short logs in which everything is new, faults told in other languages without a word that names
one, and a first message among many lines. `further_clean` holds twenty applications in which nothing is wrong, with
starts, deployments, rotation, jobs at night and the rhythm of days.

    python -m benchmarks scan.field --seeds 700:708 --kinds further     # all of these kinds but the clean logs
    python -m benchmarks scan.field --seeds 700:720 --kinds further_clean

Seeds 10 to 99 are for settings, 700 and up for reporting.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from .formats import Record
from .generate import RARE, Case, Log, fill

START = 1_714_550_400.0
Form = Callable[[Record], list[str]]


def _at(time: float, pattern: str) -> str:
    return datetime.fromtimestamp(time, UTC).strftime(pattern.replace("%f3", f"{int(time * 1000) % 1000:03d}"))


def akka(r: Record) -> list[str]:
    """One record as an actor system writes it."""
    return [f"[{r.level}] [{_at(r.time, '%m/%d/%Y %H:%M:%S.%f3')}] [{r.thread}] [akka://main/user/{r.component}] {r.text}", *r.below]  # fmt: skip


def elixir(r: Record) -> list[str]:
    """One record as Elixir's console writes it."""
    return [f"{_at(r.time, '%H:%M:%S.%f3')} [{r.level.lower()}] {r.text}", *r.below]


def envoy(r: Record) -> list[str]:
    """One record as a proxy writes it."""
    level = {"WARN": "warning", "FATAL": "critical"}.get(r.level, r.level.lower())
    return [f"[{_at(r.time, '%Y-%m-%d %H:%M:%S.%f3')}][14][{level}][{r.component}] {r.text}", *r.below]


def asterisk(r: Record) -> list[str]:
    """One record as a telephone exchange writes it."""
    level = {"INFO": "NOTICE", "WARN": "WARNING", "FATAL": "ERROR"}.get(r.level, r.level)
    return [f"[{_at(r.time, '%Y-%m-%d %H:%M:%S')}] {level}[1402] {r.component}.c: {r.text}", *r.below]


def game(r: Record) -> list[str]:
    """One record as a game server writes it."""
    level = {"INFO": "", "WARN": "Warning: ", "ERROR": "Error: ", "FATAL": "Fatal: ", "DEBUG": "Verbose: "}[r.level]
    return [f"[{_at(r.time, '%Y.%m.%d-%H.%M.%S:%f3')}][{int(r.time * 30) % 1000:3d}]Log{r.component.title()}: {level}{r.text}", *r.below]  # fmt: skip


def mongo(r: Record) -> list[str]:
    """One record as a document database writes it."""
    row = {"t": {"$date": _at(r.time, "%Y-%m-%dT%H:%M:%S.%f3+00:00")}, "s": r.level[0], "c": r.component.upper(), "ctx": r.thread, "msg": r.text}  # fmt: skip
    return [json.dumps(row, ensure_ascii=False)]


def semicolons(r: Record) -> list[str]:
    """One record of an own format, a table with semicolons."""
    return [f"{_at(r.time, '%d.%m.%y;%H:%M:%S')};{r.level};{r.component};{r.text}", *r.below]


def tail_level(r: Record) -> list[str]:
    """One record of an own format with the level at the end."""
    return [f"{_at(r.time, '%Y%m%d%H%M%S')} {r.component}> {r.text} <{r.level.lower()}>"]


def angle(r: Record) -> list[str]:
    """One record of an own format that names a component only."""
    return [f"<{_at(r.time, '%Y-%m-%d %H:%M:%S')}> <{r.component}> {r.text}", *r.below]


def host_first(r: Record) -> list[str]:
    """One record of an own format with a host before the time."""
    return [f"{r.component}01 {_at(r.time, '%d/%b/%Y %H:%M:%S')} {r.text}", *r.below]


def tplus(r: Record) -> list[str]:
    """One record of an own format with seconds since the start."""
    return [f"T+{r.time - START:012.3f} {r.component}: {r.text}", *r.below]


STATED: dict[str, Form] = {f.__name__: f for f in (akka, elixir, envoy, asterisk, game, mongo, semicolons, tail_level)}
BARE: dict[str, Form] = {f.__name__: f for f in (angle, host_first, tplus)}
NAMED: dict[str, Form] = {
    f.__name__: f for f in (akka, envoy, asterisk, game, mongo, semicolons, angle, host_first, tplus)
}

LANGUAGES: dict[str, tuple[list[str], list[str]]] = {
    "italian": (["ordine <n> accettato dal cliente <n>", "connessione da <i> aperta", "connessione da <i> chiusa dopo <t>", "fattura <n> inviata alla coda",
                 "sessione <h> creata per l'utente u<n>", "cache aggiornata, <n> voci", "file <p> letto (<s>)"],
                ["il disco d non risponde più, volume smontato", "la linea del fornitore è rimasta muta"]),
    "polish": (["zamówienie <n> przyjęte od klienta <n>", "połączenie z <i> otwarte", "połączenie z <i> zamknięte po <t>", "faktura <n> wysłana do kolejki",
                "sesja <h> utworzona dla użytkownika u<n>", "pamięć podręczna odświeżona, <n> wpisów", "plik <p> odczytany (<s>)"],
               ["dysk d przestał odpowiadać, wolumin odmontowany", "zasilanie szafy 4 zniknęło"]),
    "dutch": (["bestelling <n> aanvaard van klant <n>", "verbinding van <i> geopend", "verbinding van <i> gesloten na <t>", "factuur <n> naar wachtrij gestuurd",
               "sessie <h> gemaakt voor gebruiker u<n>", "cache ververst, <n> items", "bestand <p> gelezen (<s>)"],
              ["schijf d reageert niet meer, volume ontkoppeld", "de pomp van hal 2 staat stil"]),
    "turkish": (["sipariş <n> kabul edildi müşteri <n>", "<i> bağlantısı açıldı", "<i> bağlantısı kapandı süre <t>", "fatura <n> kuyruğa gönderildi",
                 "oturum <h> oluşturuldu kullanıcı u<n>", "önbellek yenilendi, <n> kayıt", "dosya <p> okundu (<s>)"],
                ["disk d artık yanıt vermiyor, birim ayrıldı", "soğutma suyu akmıyor"]),
    "japanese": (["注文 <n> を受け付けました", "<i> から接続しました", "<i> との接続を閉じました 時間 <t>", "請求書 <n> をキューに送りました", "セッション <h> を作成しました",
                  "キャッシュを更新しました 件数 <n>", "ファイル <p> を読みました"], ["ディスク d が応答しなくなりました", "冷却水の流れが止まりました"]),
    "korean": (["주문 <n> 접수됨 고객 <n>", "<i> 에서 연결됨", "<i> 연결 종료 시간 <t>", "청구서 <n> 대기열로 전송", "세션 <h> 생성됨 사용자 u<n>", "캐시 갱신됨 항목 <n>",
                "파일 <p> 읽음"], ["디스크 d 가 더 이상 응답하지 않음", "냉각수 흐름이 멈춤"]),
    "czech": (["objednávka <n> přijata od zákazníka <n>", "spojení z <i> otevřeno", "spojení z <i> uzavřeno po <t>", "faktura <n> odeslána do fronty",
               "relace <h> vytvořena pro uživatele u<n>", "mezipaměť obnovena, <n> položek", "soubor <p> načten (<s>)"],
              ["disk d přestal odpovídat, svazek odpojen", "čerpadlo v hale 2 stojí"]),
    "greek": (["παραγγελία <n> δεκτή από πελάτη <n>", "σύνδεση από <i> άνοιξε", "σύνδεση από <i> έκλεισε μετά <t>", "τιμολόγιο <n> στάλθηκε στην ουρά",
               "συνεδρία <h> για χρήστη u<n>", "κρυφή μνήμη ανανεώθηκε, <n> εγγραφές"], ["ο δίσκος d δεν απαντά πλέον", "η αντλία της αίθουσας 2 σταμάτησε"]),
    "arabic": (["تم قبول الطلب <n> من العميل <n>", "تم فتح اتصال من <i>", "تم إغلاق اتصال من <i> بعد <t>", "أرسلت الفاتورة <n> إلى الطابور", "جلسة <h> للمستخدم u<n>",
                "تم تحديث الذاكرة <n>"], ["القرص d لم يعد يستجيب", "توقفت مضخة القاعة"]),
    "swedish": (["order <n> mottagen från kund <n>", "anslutning från <i> öppnad", "anslutning från <i> stängd efter <t>", "faktura <n> skickad till kön",
                 "session <h> skapad för användare u<n>", "cache förnyad, <n> poster"], ["disken d svarar inte längre, volymen är borta", "pumpen i hall 2 står still"]),
    "ukrainian": (["замовлення <n> прийнято від клієнта <n>", "з'єднання з <i> відкрито", "з'єднання з <i> закрито через <t>", "рахунок <n> надіслано до черги",
                   "сеанс <h> для користувача u<n>", "кеш оновлено, записів <n>"], ["диск d більше не відповідає, том від'єднано", "насос зали 2 стоїть"]),
    "hungarian": (["rendelés <n> elfogadva, ügyfél <n>", "kapcsolat megnyitva: <i>", "kapcsolat lezárva: <i>, idő <t>", "számla <n> a sorba került",
                   "munkamenet <h> létrejött u<n> számára", "gyorsítótár frissítve, <n> elem"], ["a d lemez nem válaszol többé", "a 2. csarnok szivattyúja áll"]),
}  # fmt: skip
PLANT: dict[str, list[str]] = {
    "intake": ["tray <n> weighed at <f> g", "belt <k> speed set to <f>", "tray <n> passed gate <k>", "label <h> printed"],
    "oven": ["zone <k> at <f> C", "batch <n> entered", "batch <n> left after <t>", "door cycle <n>"],
    "packer": ["carton <n> folded", "carton <n> closed, <k> trays", "film advanced <f> mm"],
    "store": ["pallet <n> put in lane <k>", "lane <k> holds <n> pallets", "shuttle <k> moved <f> m"],
    "ledger": ["posting <n> of <f> booked", "posting <n> confirmed by <i>", "day sheet page <n>"],
}  # fmt: skip
STEPS = [
    ["ticket <id> opened by u<n>", "ticket <id> assigned to desk <k>", "ticket <id> answered in <t>", "ticket <id> rated <k>", "ticket <id> archived"],
    ["xfer=<id> begin from <i>", "xfer=<id> header ok", "xfer=<id> body <s>", "xfer=<id> fsync", "xfer=<id> ack sent", "xfer=<id> end"],
    ["(<id>) dequeued", "(<id>) rendered in <t>", "(<id>) stamped", "(<id>) mailed to <w>@example.org"],
    ["Vorgang <id> angelegt", "Vorgang <id> geprüft", "Vorgang <id> freigegeben", "Vorgang <id> gebucht nach <t>", "Vorgang <id> abgelegt"],
    ["txn <id>: BEGIN", "txn <id>: <n> rows locked", "txn <id>: prepared", "txn <id>: COMMIT", "txn <id>: locks released"],
    ["commande <id> reçue", "commande <id> pesée", "commande <id> emballée", "commande <id> remise au transporteur"],
]  # fmt: skip
# Statuses that are no HTTP field: the message with its mark <z>, usual values, values of a fault.
STATUSES: list[tuple[str, list[str], list[str]]] = [
    ("query <w>.example.org A from <i> -> <z> <t>", ["NOERROR", "NOERROR", "NOERROR", "NXDOMAIN"], ["SERVFAIL", "REFUSED"]),
    ("rpc /inventory.Stock/Get peer=<i> code=<z> in <t>", ["OK"], ["Unavailable", "DeadlineExceeded"]),
    ("INVITE sip:u<n>@example.org answered <z> after <t>", ["200", "200", "200", "183"], ["503", "408"]),
    ("step <n> of plan <h> rc=<z>", ["0"], ["137", "70"]),
    ("op PUT /bucket/<h> => <z> (<t>)", ["201", "200"], ["507", "503"]),
    ("probe of gate <k>: <z>, <f> V", ["green"], ["red", "dark"]),
    ("<i> GET /tiles/<n>/<n>.png HTTP/2 [<z>] <n>", ["200", "304"], ["502", "504"]),
    ("printer <k> page <n> state <z>", ["done"], ["jammed", "held"]),
    ("card <h> read, verdict <z>", ["A00", "A00", "A05"], ["E91", "E96"]),
    ("upload <p> to <i> ended with <z> after <t>", ["226"], ["426", "552"]),
]  # fmt: skip
NEUTRAL = ["valve 3 handed over to manual", "the mirror is now read from the old tape", "quorum is down to one vote", "lane 4 continues without a scanner",
           "the clock of this node was set back by an hour", "billing runs on the reserve line"]  # fmt: skip


def _stream(
    rng: random.Random,
    n: int,
    messages: list[str],
    step: float,
    components: list[str],
    rare: Sequence[str] = (),
    share: float = 0.0,
) -> list[Record]:
    weights = [rng.uniform(0.3, 3) for _ in messages]
    time, out = START + rng.uniform(0, 86400), []
    for _ in range(n):
        time += rng.expovariate(1 / step)
        text = rng.choice(rare) if rare and rng.random() < share else rng.choices(messages, weights)[0]
        out.append(Record(time, "INFO", rng.choice(components), f"pool-{rng.randrange(4)}", fill(rng, text)))
    return out


def _plant_stream(rng: random.Random, n: int, step: float) -> list[Record]:
    """Five components that work at their own pace."""
    time, out = START + rng.uniform(0, 86400), []
    names = rng.sample(sorted(PLANT), rng.randrange(3, 6))
    paces = [rng.uniform(0.5, 2) for _ in names]
    for _ in range(n):
        time += rng.expovariate(1 / step)
        component = rng.choices(names, paces)[0]
        out.append(Record(time, "INFO", component, "main", fill(rng, rng.choice(PLANT[component]))))
    return out


KINDS = (
    "status_burst",
    "silent_component",
    "slow_component",
    "lost_step",
    "all_new",
    "foreign_fault",
    "first_of_many",
)


def make_further(kind: str, seed: int) -> Case:
    """One case of a kind."""
    rng = random.Random(f"further/{kind}/{seed}")
    n = rng.choice([800, 1600, 2600, 6000])
    step = rng.choice([0.2, 2, 15])
    top, others, name = 1, 0, ""
    forms = {**STATED, **BARE}
    if kind == "further_clean":
        records, name = clean_records(rng, seed)
        log = Log(rng, records)
    elif kind == "status_burst":
        text, usual, bad = STATUSES[seed % len(STATUSES)]
        other = ["cache of <n> tiles kept", "peer <i> greeted", "minute closed, <n> calls"]
        log = Log(rng, _stream(rng, n, [text] * 4 + other, step, ["edge"]))
        for record in log.records:
            record.text = record.text.replace("<z>", rng.choice(usual))
        z = rng.choice(bad)
        if seed % 3 == 0:  # a few are usual
            for record in rng.sample([r for r in log.records if text.split("<")[0].strip() in r.text], 5):
                record.text = fill(rng, text).replace("<z>", z)
        at = int(rng.uniform(0.2, 0.9) * n)
        count = rng.randrange(20, 40)
        log.plant(at, [Record(log.records[at].time + 0.05 * k, "INFO", "edge", "pool-1", fill(rng, text).replace("<z>", z)) for k in range(count)])  # fmt: skip
        others = 1
    elif kind in ("silent_component", "slow_component"):
        log = Log(rng, _plant_stream(rng, max(n, 1600), step))
        n = len(log.records)
        shares = {one: sum(r.component == one for r in log.records) / n for one in {r.component for r in log.records}}
        gone = rng.choice(sorted(one for one in shares if 0.08 < shares[one] < 0.5))
        first = int(rng.uniform(0.35, 0.6) * n)
        last = n if rng.random() < 0.5 else min(first + int(n * rng.uniform(0.25, 0.35)), n)
        kept = [r for at, r in enumerate(log.records) if r.component != gone or not first <= at < last
                or (kind == "slow_component" and rng.random() < 1 / 3)]  # fmt: skip
        inside = [at for at, r in enumerate(kept) if log.records[first].time <= r.time <= log.records[last - 1].time]
        if kind == "slow_component":
            log.planted = set(range(inside[0], inside[-1] + 1))
        else:
            before = max(at for at in range(inside[0]) if kept[at].component == gone)
            back = next((at for at in range(inside[0], len(kept)) if kept[at].component == gone), len(kept) - 1)
            log.planted = {before, before + 1, inside[0], back}
        log.records = kept
        forms, top, others = NAMED, 3, 1
    elif kind == "lost_step":
        steps = STEPS[seed % len(STEPS)]
        width = rng.randrange(3, 9)
        ident = rng.choice(["<h>", "<n>", "<u>", "S-<n>", "<w><k>"])
        open_: list[list[Any]] = []  # name of a session, and its next step
        records, time = [], START
        while len(records) < n:
            time += rng.expovariate(1 / step)
            if len(open_) < width and (not open_ or rng.random() < 0.6):
                open_.append([fill(rng, ident) if ident != "<n>" else str(rng.randrange(10_000, 99_999)), 0])
            one = rng.choice(open_)
            if seed % 2 and rng.random() < 0.1:  # other messages between
                records.append(Record(time, "INFO", "main", "t", fill(rng, "statistics: <n> done, <k> waiting")))
                continue
            records.append(
                Record(time, "INFO", f"part{one[1] % 2}", "t", fill(rng, steps[one[1]].replace("<id>", one[0])))
            )
            records[-1].size = one[1]
            records[-1].thread = one[0]
            one[1] += 1
            if one[1] == len(steps):
                open_.remove(one)
        log = Log(rng, records)
        lost = rng.randrange(1, len(steps) - 1)
        at = next(
            i
            for i in range(int(rng.uniform(0.3, 0.75) * n), n)
            if records[i].size == lost and records[i].thread != "t"
        )
        session = records[at].thread
        around = [i for i, r in enumerate(records) if r.thread == session and i != at]
        del records[at]
        log.planted = {max(i for i in around if i < at), min(i for i in around if i > at) - 1}
        for record in records:
            record.thread = "pool-1"
    elif kind == "all_new":
        size = rng.choice([25, 40, 70, 110])
        words = [fill(rng, rng.choice(RARE) + rng.choice(["", " <w>", " <w> <n>", " in <t>"])) for _ in range(size)]
        log = Log(
            rng,
            [
                Record(START + k * rng.uniform(0.1, 2), "INFO", rng.choice(["main", "core"]), "t", text)
                for k, text in enumerate(words)
            ],
        )
        log.records.sort(key=lambda one: one.time)
        at = size if seed % 2 else int(size * rng.uniform(0.5, 0.9))
        level = rng.choice(["ERROR", "FATAL"])
        log.plant(at, [Record(log.records[at - 1].time, level, "main", "t", rng.choice(NEUTRAL))])
        forms, others = STATED, 0
    elif kind == "foreign_fault":
        language = sorted(LANGUAGES)[seed % len(LANGUAGES)]
        usual, faults = LANGUAGES[language]
        log = Log(rng, _stream(rng, n, usual, step, ["alfa", "beta"]))
        at = int(rng.uniform(0.2, 0.95) * n)
        log.plant(at, [Record(log.records[at].time, "INFO", "alfa", "pool-1", rng.choice(faults))])
        name = language + "-"
        others = 1
    elif kind == "first_of_many":
        n = rng.choice([3000, 6000, 15000])
        domain = [text for part in PLANT.values() for text in part]
        log = Log(rng, _stream(rng, n, domain, step, ["alfa", "beta"], RARE[seed % 4 : seed % 4 + 2], rng.choice([0, 0.01, 0.002])))  # fmt: skip
        at = int(rng.uniform(0.2, 0.97) * n)
        log.plant(at, [Record(log.records[at].time, "INFO", "alfa", "pool-1", rng.choice(NEUTRAL))])
        others = 1
    else:
        raise ValueError(f"kind must be one of {(*KINDS, 'further_clean')}, found {kind}")
    form = rng.choice(sorted(forms))
    lines, planted = log.lines(forms[form])
    label = f"{kind}-{name}{form}-{seed}"
    return Case(label, kind, {f"{label}.log": lines}, planted, top, others)


# --- Twenty applications in which nothing is wrong ------------------------------------------------------------------

BOOT = ["version 4.<k>.<k> of <w> starting", "reading settings from <p>", "<n> settings read", "module <w> ready", "module <w> ready", "module <w> ready",
        "opening store at <p> (<s>)", "store is open, <n> keys", "listening on <i>:9000", "joined ring with <k> members", "ready after <t>"]  # fmt: skip
DEPLOY = ["SIGTERM received, draining", "<n> requests left", "drained in <t>", "bye"]
NIGHT = ["archive run <n> begins", "archive run <n>: table <w> done in <t>", "archive run <n>: <n> rows moved", "archive run <n>: index rebuilt", "archive run <n> ends after <t>"]  # fmt: skip
ROTATE = ["log file reopened after rotation", "kept <k> old files"]
WARN = ["slow answer from <i>: <t>", "queue of worker <k> is long: <n>", "token of u<n> will expire"]
ERROR = [
    "client <i> sent a bad header",
    "address of u<n> could not be read",
    "partner <w> answered late, trying again",
]


def clean_records(rng: random.Random, seed: int) -> tuple[list[Record], str]:
    """A log of one of twenty applications, by the seed."""
    shape = seed % 20
    n = [200, 400, 800, 1500, 2500, 4000, 8000, 15_000, 25_000, 50_000][shape % 10]
    domain = [
        [text for part in PLANT.values() for text in part],
        LANGUAGES[sorted(LANGUAGES)[shape % len(LANGUAGES)]][0],
        [STATUSES[shape % len(STATUSES)][0].replace("<z>", STATUSES[shape % len(STATUSES)][1][0]), "peer <i> greeted", "minute closed, <n> calls"],
    ][shape % 3]  # fmt: skip
    weights = [rng.uniform(0.2, 3) for _ in domain]
    days = rng.choice([0.02, 0.5, 2, 6])
    first, length = START + rng.uniform(0, 86400), days * 86400
    more: list[Record] = []

    def run(time: float, texts: list[str], component: str, pace: float, level: str = "INFO") -> None:
        for k, text in enumerate(texts):
            more.append(Record(time + k * pace, level, component, "main", fill(rng, text)))

    times: list[float] = []
    while len(times) < n:  # more by day than by night
        time = first + rng.random() * length
        if rng.random() < 0.3 + 0.7 * max(math.sin((time % 86400) / 86400 * 2 * math.pi), 0) or shape % 2:
            times.append(time)
    out = [Record(time, "INFO", rng.choice(["alfa", "beta", "gamma"]), f"pool-{rng.randrange(4)}", fill(rng, rng.choices(domain, weights)[0])) for time in sorted(times)]  # fmt: skip
    if shape % 4 != 3:
        run(first - 4, BOOT[: rng.randrange(5, len(BOOT))], "boot", 0.3)
    for k in range(rng.choice([0, 1, 3]) if n >= 800 else 0):  # deployments: the same banner again
        time = first + (k + rng.uniform(0.3, 0.7)) * length / 4
        run(time, DEPLOY, "boot", 0.5)
        run(time + 5, BOOT, "boot", 0.3)
    for k in range(int(days) if days >= 1 else rng.choice([0, 4, 6])):  # a job each night, or a few in a short log
        run(first + (k + 0.5) * length / max(int(days), 6), NIGHT, "archive", 3.0)
    if n >= 800 and shape % 3:
        for k in range(max(int(days), 4)):
            run(first + (k + 0.9) * length / max(int(days), 4), ROTATE, "log", 0.1)
    if shape % 2 and n >= 400:  # a beat
        beat = length / rng.randrange(60, 300)
        run(first, ["alive"] * int(length / beat), "timer", beat, "DEBUG")
    for record in rng.sample(out, int(n * rng.choice([0, 0.01, 0.04]))):
        record.level, record.text = "WARN", fill(rng, rng.choice(WARN))
    if n >= 800:
        for record in rng.sample(out, int(n * rng.choice([0, 0.01, 0.03]))):
            record.level, record.text = "ERROR", fill(rng, rng.choice(ERROR))
    return sorted([*out, *more], key=lambda one: one.time), f"app{shape}-"
