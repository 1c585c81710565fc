"""Structured records: keys and values that stand out, records without a message, and what has no part in a silence."""

import json
import random

import pytest

from logllm.signals import scan_logs
from logllm.signals.refine import rows_by_keys

START = 1_718_172_000


def scan(tmp_path, records):
    path = tmp_path / "app.log"
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return scan_logs([path])


def flagged(result):
    return [(one.kind, int(result.table.number[one.lead.lead]), one.reason) for one in result.flagged]


def logins(n=900, seed=0):
    """Logins and reads of a vault."""
    rng, records, at = random.Random(seed), [], START
    for _ in range(n):
        at += rng.randrange(1, 9)
        one = {"ts": at, "level": "info"}
        if rng.random() < 0.4:
            one |= {
                "msg": "signed in",
                "user": rng.choice(["ines", "tomas", "wen"]),
                "mfa": True,
                "took": rng.randrange(90),
            }
        else:
            one |= {"msg": "item read", "vault": {"state": "unsealed", "item": f"{rng.getrandbits(40):x}"}}
        records.append(one)
    return records


def signed_in(records, first):
    return next(at for at in range(first, len(records)) if records[at]["msg"] == "signed in")


@pytest.mark.parametrize("first", [200, 700])
def test_a_value_that_a_key_never_took(tmp_path, first):
    records = logins(seed=first)
    at = signed_in(records, first)
    records[at]["mfa"] = False
    [(kind, number, reason)] = flagged(scan(tmp_path, records))
    count = sum(one["msg"] == "signed in" for one in records)
    assert (kind, number) == ("unexpected", at + 1)
    assert reason == f"field mfa is false, in {count - 1} of {count} records true"


def test_a_value_inside_an_object_and_beside_a_few_common_ones(tmp_path):
    records = logins()
    reads = [one for one in records if one["msg"] == "item read"]
    for at, one in enumerate(reads):
        one["vault"]["state"] = ("unsealed", "cached")[at % 2]
    reads[300]["vault"]["state"] = "sealed"
    [(kind, number, reason)] = flagged(scan(tmp_path, records))
    assert (kind, records[number - 1]) == ("unexpected", reads[300])
    assert reason.startswith("field vault.state is sealed, in ") and "one of " in reason


def test_keys_that_no_other_record_has(tmp_path):
    records = logins()
    at = signed_in(records, 500)
    records[at] |= {"degraded": True, "source": "stale"}
    [(kind, number, reason)] = flagged(scan(tmp_path, records))
    assert (kind, number) == ("new", at + 1)
    assert reason.startswith("keys degraded and source, in none of ")


def released(records, rng):
    for at, one in enumerate(records):
        one["version"] = "1.2.0" if at < 500 else "1.3.0"


def optional_keys(records, rng):
    for key in ("note", "hint", "via", "tag"):
        for one in rng.sample(records, 4):
            one[key] = "x"


def rare_values(records, rng):
    for one in records:
        one["plan"] = rng.choices(["free", "team", "pro", "gold", "edu", "lab"], [300, 80, 30, 8, 3, 1])[0]


def free_text_and_ids(records, rng):
    for one in records:
        one["note"] = " ".join(rng.choices(["red", "green", "blue", "grey", "pink"], k=4))
        one["request"] = f"{rng.getrandbits(64):x}"
        one["offset"] = rng.randrange(10**6)


@pytest.mark.parametrize("change", [None, released, optional_keys, rare_values, free_text_and_ids])
@pytest.mark.parametrize("seed", [1, 2])
def test_usual_fields_are_no_finding(tmp_path, change, seed):
    records = logins(seed=seed)
    if change is not None:
        change(records, random.Random(seed))
    assert flagged(scan(tmp_path, records)) == []


@pytest.mark.parametrize("name", ["route", "path"])
def test_records_without_a_message_have_a_shape(tmp_path, name):
    rng, records, at = random.Random(3), [], START
    for i in range(1500):
        at += rng.randrange(4)
        status = rng.choices([200, 304, 404, 429], [80, 12, 6, 2])[0]
        client = f"c-{rng.randrange(60)}"
        if 900 <= i < 940:
            status, client = 429, "c-17"
        route = rng.choice(["/v1/maps/:id", "/v1/tiles", "/v1/search"])
        records.append({"time": at, "client": client, name: route, "status": status, "bytes": rng.randrange(9999)})
    result = scan(tmp_path, records)
    assert not any("no structure" in note for note in result.notes)
    [(kind, number, reason)] = flagged(result)
    assert kind == "burst" and 895 <= number <= 945 and reason.endswith("with status 429 and client c-17")


def test_few_records_join_those_whose_keys_they_extend():
    fields = [{"a": "1", "b": "2"}] * 60 + [{"a": "1", "b": "2", "c": "3"}, {"d": "4"}]
    assert rows_by_keys(range(62), fields) == [(["a", "b"], list(range(61))), (["d"], [61])]


def test_numbers_are_no_subject_of_a_silence(tmp_path):
    rng, records = random.Random(4), []
    for i in range(1200):
        open_now = rng.choice([64, 65, 66]) if i > 500 else rng.choice([63, 64, 65, 66])
        records.append({"ts": START + 5 * i, "level": "info", "msg": "connection ended", "open": open_now})
    assert [one for one in scan(tmp_path, records).findings if one.kind == "silence"] == []


def test_lines_without_an_id_are_no_session(tmp_path):
    rng, records, at = random.Random(5), [], START
    for i in range(120):
        for step in ("order placed", "stock held", "paid", "sent"):
            at += 1
            records.append({"ts": at, "level": "info", "logger": "shop", "trace_id": f"{i:032x}", "msg": step})
            if i > 25 and rng.random() < 0.3:
                records.append({"ts": at, "level": "info", "logger": "jobs", "msg": rng.choice(["sweep", "probe"])})
    del records[next(at for at in range(250, 300) if records[at]["msg"] == "paid")]
    result = scan(tmp_path, records)
    assert [one.kind for one in result.flagged] == ["missing"]
    assert not any("begins with" in one.reason for one in result.findings)
