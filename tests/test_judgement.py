"""Kinds of faults and of ordinary events that whole logs are judged by: rates, starts, dumps, codes, hosts, order."""

import random

import numpy as np
import pytest

from benchmarks.scan.cases import make_case, write_case
from logllm.signals import scan_logs
from logllm.signals.candidates import _deepest
from logllm.signals.facets import find_facets
from logllm.signals.scan import EventLog, read_table

START = "2024-05-01 {:02d}:{:02d}:{:02d}"


def stamp(second):
    return START.format(8 + int(second) // 3600, int(second) // 60 % 60, int(second) % 60)


def scan(tmp_path, lines, name="app.log"):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return scan_logs([path])


def flagged(result):
    return [(one.kind, int(result.table.number[one.lead.lead])) for one in result.flagged]


def plant(n=2400, seed=0, gone=None, share=0.0, first=900, last=1700):
    """Lines of three components; of one of them only a share stands between two places."""
    rng, lines = random.Random(seed), []
    for i in range(n):
        component = rng.choice(["intake", "oven", "packer"])
        if component == gone and first <= i < last and rng.random() >= share:
            continue
        text = rng.choice({"intake": ["tray {} weighed", "gate {} passed"], "oven": ["batch {} in", "zone {} warm"],
                           "packer": ["carton {} folded", "carton {} closed"]}[component])  # fmt: skip
        lines.append(f"{stamp(3 * i)} [INFO] {component}: {text.format(rng.randrange(9999))}")
    return lines


@pytest.mark.parametrize("component", ["intake", "oven", "packer"])
@pytest.mark.parametrize("last", [1700, 2400])
def test_a_component_at_a_third_of_its_rate_is_a_drop(tmp_path, component, last):
    result = scan(tmp_path, plant(gone=component, share=1 / 3, last=last, seed=last))
    kinds = flagged(result)
    assert kinds and kinds[0][0] == "drop" and 840 <= kinds[0][1] <= last  # a block of rows may begin before it
    assert "are usual" in result.flagged[0].reason and component in result.flagged[0].reason


@pytest.mark.parametrize("seed", range(4))
def test_usual_rates_are_no_drop(tmp_path, seed):
    assert flagged(scan(tmp_path, plant(seed=seed))) == []


def test_a_component_that_is_gone_is_a_silence_and_no_drop(tmp_path):
    assert [kind for kind, _ in flagged(scan(tmp_path, plant(gone="oven", share=0.0)))][:1] == ["silence"]


@pytest.mark.parametrize(
    ("counts", "found"),
    [
        ([10.0] * 20 + [3.0] * 8 + [10.0] * 12, True),
        ([10.0] * 40, False),
        ([30.0, 0.0, 1.0, 12.0] * 10, False),  # comes and goes anyway
    ],
)
def test_the_deepest_stretch(counts, found):
    best = _deepest(np.array(counts), np.full(len(counts), 40.0), None)
    assert (best is not None and best[0] > 5) == found
    if found:
        assert (best[1], best[2]) == (20, 28)


def test_a_program_that_starts_again_is_no_finding(tmp_path):
    rng = random.Random(2)
    boot = [
        "version 4.1 starting",
        "reading settings",
        "module cache ready",
        "store is open",
        "listening on port 9000",
    ]
    texts = [
        "order {} accepted",
        "invoice {} sent",
        "connection {} opened",
        "connection {} closed",
        "stock of {} kept",
    ]
    lines = [f"{stamp(i)} [INFO] {text}" for i, text in enumerate(boot)]
    for i in range(10, 2000):
        lines.append(f"{stamp(3 * i)} [INFO] {rng.choice(texts).format(rng.randrange(9999))}")
        if i == 1100:
            more = ["SIGTERM received, draining", "drained", *boot]
            lines += [f"{stamp(3 * i + k)} [INFO] {text}" for k, text in enumerate(more)]
    assert flagged(scan(tmp_path, lines)) == []
    lines.insert(1105, f"{stamp(3300)} [ERROR] ledger balance negative")
    assert [kind for kind, _ in flagged(scan(tmp_path, lines))] == ["new"]


def test_codes_of_other_programs_are_a_status(tmp_path):
    rng = random.Random(1)
    lines = [f"{stamp(i)} INVITE sip:u{rng.randrange(999)} answered {rng.choice([200, 200, 183])}" for i in range(900)]
    lines[400:400] = [f"{stamp(400)} INVITE sip:u{rng.randrange(999)} answered 408" for _ in range(25)]
    result = scan(tmp_path, lines)
    assert flagged(result)[0] == ("burst", 401) and "408" in result.flagged[0].reason


def test_labels_of_published_logs_are_not_seen(tmp_path):
    rng = random.Random(0)
    lines = []
    for i in range(400):
        label = "KERNDTLB" if rng.random() < 0.3 else "-"
        second = 1117838570 + i
        lines.append(
            f"{label} {second} 2005.06.03 R02-M1-N0-C:J12-U11 2005-06-03-15.{42 + i // 60:02d}.{i % 60:02d}.000000 R02-M1-N0-C:J12-U11 RAS KERNEL INFO "
            f"{rng.choice(['instruction cache parity error corrected', 'CE sym 2, at 0x0b85eee0, mask 0x05'])}"
        )
    (tmp_path / "bgl.log").write_text("\n".join(lines))
    log = EventLog([str(tmp_path / "bgl.log")])
    table, _ = read_table(log)
    events = list(log.read(0))
    assert any("label" in one.attributes for one in events)
    names = [
        one.name for one in find_facets(table, [one.message for one in events], [one.attributes for one in events])
    ]
    assert "label" not in names


def test_lines_of_a_dump_are_one_finding(tmp_path):
    rng = random.Random(3)
    lines = []
    for i in range(4000):
        lines.append(
            f"{stamp(3 * i)} [INFO] {rng.choice(['job {} done', 'node {} idle', 'queue of {}']).format(rng.randrange(99))}"
        )
        if i in (800, 2500):
            dump = ["kernel panic, stopping", "machine check enable....0", "lr: 0x0000d9ac", "debug wait enable....1"]
            for text in dump:
                lines += [f"{stamp(3 * i)} [FATAL] {text}"] + lines[-6:]
    result = scan(tmp_path, lines)
    assert (
        len(result.flagged) == 1
        and "panic" in result.table.templates[result.table.kind_template[result.flagged[0].lead.kind]]
    )


def pairs_of(rng, n, interleaved):
    """A log in which "lock" is always followed by "unlock", of two that overlap now and then."""
    lines, second = [], 0
    while len(lines) < n:
        second += 2
        lines.append(
            f"{stamp(second)} [INFO] {rng.choice(['tick', 'order taken', 'mail sent', 'page read', 'seat freed'])}"
        )
        if rng.random() < 0.15:
            step = ["lock taken", "lock given back"]
            if interleaved and len(lines) > n // 2:
                step, interleaved = [step[0], step[0], step[1], step[1]], False
            lines += [f"{stamp(second)} [INFO] {one}" for one in step]
    return lines


def test_pairs_that_overlap_lack_nothing(tmp_path):
    assert flagged(scan(tmp_path, pairs_of(random.Random(4), 1500, True))) == []
    lines = pairs_of(random.Random(4), 1500, False)
    at = next(i for i in range(800, len(lines)) if "given back" in lines[i])
    del lines[at]
    result = scan(tmp_path, lines)
    assert len(flagged(result)) == 1 and "lock given back" in result.flagged[0].reason


@pytest.mark.parametrize(
    "kind", ["status_burst", "silent_component", "slow_component", "lost_step", "all_new", "foreign_fault"]
)
def test_made_up_cases_of_further_kinds(tmp_path, kind):
    case = make_case(kind, 11)
    write_case(case, tmp_path)
    result = scan_logs([tmp_path / name for name in case.files])
    numbers = {int(result.table.number[row]) for row in result.flagged[0].rows}
    assert any(a <= number <= b for number in numbers for a, b in case.planted)


def test_a_clean_application_gives_nothing(tmp_path):
    case = make_case("further_clean", 25)
    write_case(case, tmp_path)
    assert scan_logs([tmp_path / name for name in case.files]).flagged == []


def test_a_level_at_the_end_of_a_line_leaves_the_message(tmp_path):
    path = tmp_path / "x.log"
    path.write_text(
        "".join(
            f"20240502{i // 3600 % 24:02d}{i // 60 % 60:02d}{i % 60:02d} beta> tray {i} weighed <info>\n"
            for i in range(60)
        )
    )
    events = list(EventLog([str(path)]).read(0))
    assert events[7].message == "beta> tray 7 weighed" and events[7].severity == 9


def test_names_that_no_mask_takes_are_parameters(tmp_path):
    rng, lines, running = random.Random(6), [], []
    steps = ["begin", "header ok", "body read", "end"]
    while len(lines) < 900:
        if len(running) < 4:
            running.append(
                ["".join(rng.choices("bdfgklm", k=3)) + "oua"[rng.randrange(3)] + str(rng.randrange(1, 9)), 0]
            )
        one = rng.choice(running)
        lines.append(f"{stamp(2 * len(lines))} [INFO] xfer={one[0]} {steps[one[1]]}")
        one[1] += 1
        if one[1] == len(steps):
            running.remove(one)
    result = scan(tmp_path, lines)
    used = {result.table.templates[at] for at in result.table.kind_template.tolist()}
    assert sorted(text.partition("<*> ")[2] for text in used) == sorted(steps) and result.flagged == []


@pytest.mark.parametrize(
    ("unit", "usual", "value", "reason"),
    [
        ("temp={} °C", lambda rng: round(rng.gauss(61, 1.1), 1), 118.4, "temp 118.4 °C, usual 6"),
        ("temp={}", lambda rng: round(rng.gauss(61, 1.1), 1), 400, "temp 400, usual 6"),
        ("read {} rows", lambda rng: rng.randrange(5000, 90000), 0, "read 0 rows, usual"),
        ("took {} ms", lambda rng: round(rng.lognormvariate(3, 0.5), 1), 60000, "took 60,000 ms, usual "),
    ],
)
def test_a_value_is_judged_by_the_spread_of_its_place(tmp_path, unit, usual, value, reason):
    rng = random.Random(3)
    lines = [f"{stamp(3 * i)} INFO press: cycle done, {unit.format(usual(rng))}" for i in range(600)]
    lines[350] = f"{stamp(1050)} INFO press: cycle done, {unit.format(value)}"
    result = scan(tmp_path, lines)
    assert flagged(result) == [("value", 351)] and reason in result.flagged[0].reason


@pytest.mark.parametrize(
    "usual",
    [
        lambda rng, i: rng.lognormvariate(3, 1.2), lambda rng, i: rng.paretovariate(2) * 10, lambda rng, i: i * 40 + rng.randrange(30),
        lambda rng, i: rng.choice([1, 1, 1, 2]), lambda rng, i: rng.randrange(10**4, 10**5), lambda rng, i: 10 if i % 97 else 700,
        lambda rng, i: 0 if i % 50 else i, lambda rng, i: 10.0 ** rng.uniform(-150, 150),
    ],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(3))
def test_ordinary_spreads_are_no_unusual_value(tmp_path, usual, seed):
    rng = random.Random(seed)
    lines = [f"{stamp(3 * i)} INFO store: item kept, amount={usual(rng, i):.6g}" for i in range(600)]
    assert flagged(scan(tmp_path, lines)) == []


@pytest.mark.parametrize(("value", "unusual"), [(152, False), (3000, True)])
def test_a_duration_is_unusual_only_far_above_all_others(tmp_path, value, unusual):
    rng = random.Random(5)
    lines = [f"{stamp(3 * i)} INFO web: rendered page (Duration: {rng.gauss(9, 1.5):.1f}ms)" for i in range(600)]
    lines[350] = f"{stamp(1050)} INFO web: rendered page (Duration: {value}.0ms)"
    assert flagged(scan(tmp_path, lines)) == ([("value", 351)] if unusual else [])


def test_values_of_templates_that_differ_in_a_name_are_judged_together(tmp_path):
    rng = random.Random(5)
    names = ["visits", "clicks", "prices", "stock", "returns", "lines"]
    lines = [
        f"{stamp(9 * i)} INFO etl: {rng.choice(names)}: {rng.randrange(5000, 90000)} rows read" for i in range(150)
    ]
    lines[80] = f"{stamp(720)} INFO etl: stock: 0 rows read"
    assert flagged(scan(tmp_path, lines)) == [("value", 81)]


@pytest.mark.parametrize(
    "text", ["end rc={} elapsed={}s", "done after {1} s with return code {0}.", "exited with {} in {} s"]
)
@pytest.mark.parametrize("code", [2, 2147942467])
def test_a_code_that_is_not_zero_for_once(tmp_path, text, code):
    rng = random.Random(6)
    jobs = ["prune", "digest", "import", "export"]
    lines = [f"{stamp(40 * i)} | {rng.choice(jobs)} | {text.format(0, rng.randrange(1, 90))}" for i in range(160)]
    lines[90] = f"{stamp(3600)} | prune | {text.format(code, 1)}"
    result = scan(tmp_path, lines)
    assert (
        flagged(result) == [("new", 91)]
        and str(code) in result.flagged[0].reason
        and "are 0" in result.flagged[0].reason
    )


def test_a_code_that_is_often_not_zero_is_usual(tmp_path):
    rng = random.Random(7)
    lines = [
        f"{stamp(40 * i)} | prune | end rc={rng.choice([0, 0, 0, 0, 0, 1, 2])} elapsed={i % 7}s" for i in range(300)
    ]
    assert flagged(scan(tmp_path, lines)) == []


NAMES = "anna bert carla dora emil finn greta hugo ida jan kim lena".split()


def named_lines(n=900, seed=8):
    rng = random.Random(seed)
    lines = []
    for i in range(n):
        name = NAMES[min(int(rng.expovariate(0.5)), 9)]
        lines.append(
            f"{stamp(5 * i)} INFO game: "
            + rng.choice([f"{name} moved too quickly", f"tick took {rng.randrange(90)} ms"])
        )
    return lines


def test_one_more_name_where_many_were_is_not_new(tmp_path):
    lines = named_lines()
    lines[500] = f"{stamp(2500)} INFO game: lena moved too quickly"
    assert flagged(scan(tmp_path, lines)) == []


@pytest.mark.parametrize("text", ["anna chunk relocated, recreating", "world save failed too quickly"])
def test_other_words_are_new_among_names(tmp_path, text):
    lines = named_lines()
    lines[500] = f"{stamp(2500)} INFO game: {text}"
    assert flagged(scan(tmp_path, lines)) == [("new", 501)]


def test_steps_of_a_session_that_differ_in_a_name_are_one_step(tmp_path):
    rng, lines, clock = random.Random(9), [], 0
    for job in range(240):
        table = rng.choice(NAMES[:8])
        steps = [
            f"extracting {table} now",
            "throttled, retrying" if rng.random() < 0.1 or job == 90 else "",
            "staged to lake",
            "counts match",
        ]
        for step in filter(None, steps):
            clock += 3
            if not (job == 150 and step == "counts match"):
                lines.append(f"{stamp(clock)} INFO etl [job-{40000 + job}] {step}")
    found = scan(tmp_path, lines).flagged
    assert len(found) == 1 and "counts match" in found[0].reason and "239 of 240" in found[0].reason


def paced(rate, n=4000, seed=10):
    """Lines whose number a second is told by the time."""
    rng, lines, clock = random.Random(seed), [], 0.0
    while len(lines) < n:
        clock += rng.expovariate(rate(clock))
        lines.append(
            f"{stamp(clock)} INFO web: "
            + rng.choice(["page {} sent", "image {} sent", "cart {} changed"]).format(rng.randrange(999))
        )
    return lines


def test_a_drop_of_the_whole_log(tmp_path):
    result = scan(tmp_path, paced(lambda clock: 0.03 if 4000 < clock < 4600 else 0.6))
    assert [one.kind for one in result.flagged] == ["drop"] and "the whole log" in result.flagged[0].reason


@pytest.mark.parametrize(
    "rate",
    [lambda clock: 0.6, lambda clock: 0.5 + 0.47 * np.sin(clock / 900), lambda clock: 0.05 if clock % 1500 < 500 else 1.0],
    ids=["even", "rhythm", "pauses"],
)  # fmt: skip
def test_usual_rates_of_the_whole_log(tmp_path, rate):
    assert flagged(scan(tmp_path, paced(rate))) == []
