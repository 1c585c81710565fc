"""Times of many layouts, one by one and as columns; what they leave out is added by a clock."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from logllm.hf_datasets.events.times import Clock, best_order, find_pattern, fold, layout_of, read_column, read_texts

WRITTEN = datetime(2024, 6, 15, tzinfo=UTC).timestamp()
MOMENTS = [
    ("2024-05-01 09:07:41", "2024-05-01T09:07:41"),
    ("2024-05-01T09:07:41.123456789Z", "2024-05-01T09:07:41.123457"),
    ("2024-05-01 09:07:41,123 +0200", "2024-05-01T07:07:41.123000"),
    ("2024-05-01T09:07:41+05:30", "2024-05-01T03:37:41"),
    ("2024-05-01 09:07:41 CEST", "2024-05-01T07:07:41"),
    ("2024/05/01 09:07:41", "2024-05-01T09:07:41"),
    ("20240501T090741Z", "2024-05-01T09:07:41"),
    ("20240501 09:07:41.5", "2024-05-01T09:07:41.500000"),
    ("2024-05-01-09.07.41.675872", "2024-05-01T09:07:41.675872"),
    ("01/May/2024:09:07:41 -0500", "2024-05-01T14:07:41"),
    ("1 May 2024 09:07:41.231", "2024-05-01T09:07:41.231000"),
    ("01-May-2024 09:07:41.123", "2024-05-01T09:07:41.123000"),
    ("Wed May  1 09:07:41 2024", "2024-05-01T09:07:41"),
    ("Wed, 01 May 2024 09:07:41 GMT", "2024-05-01T09:07:41"),
    ("Wed May  1 09:07:41 UTC 2024", "2024-05-01T09:07:41"),
    ("May 1, 2024 9:07:41 PM", "2024-05-01T21:07:41"),
    ("May 01, 2024 12:07:41 AM", "2024-05-01T00:07:41"),
    ("05/01/2024 9:07:41 AM", "2024-05-01T09:07:41"),
    ("01.05.2024 09:07:41", "2024-05-01T09:07:41"),
    ("240501 090741", "2024-05-01T09:07:41"),
    ("1714554461", "2024-05-01T09:07:41"),
    ("1714554461.5", "2024-05-01T09:07:41.500000"),
    ("1714554461123", "2024-05-01T09:07:41.123000"),
    ("1714554461123456", "2024-05-01T09:07:41.123456"),
    ("1714554461123456789", "2024-05-01T09:07:41.123457"),
    ("May  1 09:07:41", "2024-05-01T09:07:41"),
    ("1 mai 09:07:41", "2024-05-01T09:07:41"),
    ("05-01 09:07:41.690", "2024-05-01T09:07:41.690000"),
    ("0501 09:07:41.126794", "2024-05-01T09:07:41.126794"),
    ("Jul  1 09:07:41", "2023-07-01T09:07:41"),
    ("Feb 29 09:07:41", "2024-02-29T09:07:41"),
    ("09:07:41.5", "2024-06-14T09:07:41.500000"),
    ("2024-05-01 09:07", "2024-05-01T09:07:00"),
]  # fmt: skip
NONE = [
    "",
    "abc",
    "2024-13-01 09:07:41",
    "2024-05-32 09:07:41",
    "99:99:99",
    "12345",
    "1",
    "2024-05-01 09:61:00",
    "9" * 40,
]


@pytest.mark.parametrize(("text", "moment"), MOMENTS)
def test_layouts(text, moment):
    order = best_order([text], WRITTEN)
    seconds = Clock(WRITTEN).finish(read_texts([text], order))[0]
    assert seconds == pytest.approx(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp(), abs=1e-5)


@pytest.mark.parametrize("text", NONE)
def test_no_times(text):
    assert np.isnan(Clock(WRITTEN).finish(read_texts([text]))[0])


def test_columns_are_the_same_as_one_by_one():
    texts = [text for text, _ in MOMENTS if text.isascii()] + NONE
    whole = read_texts(texts, "mdy")
    for at, text in enumerate(texts):
        one = read_texts([text], "mdy")
        assert np.array_equal(one.seconds, whole.seconds[at : at + 1], equal_nan=True), text
        assert one.kind[0] == whole.kind[at]


def test_a_column_of_one_layout_is_read_in_place():
    text = b"x 2024-05-01 09:07:41,5 y\nx 2024-12-31 23:59:59,9 y\n"
    layout = layout_of("2024-05-01 09:07:41,5")
    found = read_column(np.frombuffer(text, np.uint8), np.array([2, 28]), layout)
    assert [datetime.fromtimestamp(one, UTC).isoformat() for one in found.seconds] == [
        "2024-05-01T09:07:41.500000+00:00",
        "2024-12-31T23:59:59.900000+00:00",
    ]


def test_every_date_of_four_centuries():
    dates = [
        datetime(year, month, day, tzinfo=UTC)
        for year in range(1971, 2100, 7)
        for month in range(1, 13)
        for day in (1, 28, 15)
    ]
    found = read_texts([f"{one:%Y-%m-%d} 12:00:00" for one in dates])
    assert found.seconds.tolist() == [one.timestamp() + 43_200 for one in dates]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["24/05/01 08:00:00"], "ymd"),
        (["05/01/2024 09:07:41 AM"], "mdy"),
        (["13/05/2024 09:07:41"], "dmy"),
        (["01.05.2024 09:07:41"], "dmy"),
        (["05/13/24 09:07:41"], "mdy"),
        (["05/01/2024 23:59:59", "05/02/2024 00:00:01", "05/03/2024 00:00:01"], "mdy"),
        (["01/05/2024 23:59:59", "02/05/2024 00:00:01", "03/05/2024 00:00:01"], "dmy"),
    ],
)
def test_order(texts, order):
    assert best_order(texts, WRITTEN) == order


def test_the_year_goes_on():
    clock = Clock(datetime(2024, 1, 5, tzinfo=UTC).timestamp())
    texts = ["Dec 31 23:59:59", "Jan  1 00:00:01", "Dec 31 23:59:58", "Jan  1 00:00:02"]
    years = [datetime.fromtimestamp(one, UTC).year for one in clock.finish(read_texts(texts))]
    assert years == [2023, 2024, 2023, 2024]
    assert clock.finish(read_texts(["Jan  2 00:00:00"]))[0] == datetime(2024, 1, 2, tzinfo=UTC).timestamp()


def test_a_full_date_near_by_tells_the_year():
    clock = Clock(WRITTEN)
    seconds = clock.finish(read_texts(["2019-03-01 00:00:00", "Mar  2 00:00:00"]))
    assert datetime.fromtimestamp(seconds[1], UTC).year == 2019


def test_a_clock_passes_midnight():
    clock = Clock(WRITTEN)
    seconds = clock.finish(read_texts(["23:59:59", "00:00:01", "23:59:58"]))
    assert np.diff(seconds).tolist() == [2.0, -3.0]


def test_search_pattern_finds_times_in_lines():
    import re

    pattern = re.compile(find_pattern(), re.IGNORECASE)
    assert pattern.search(fold("at [01/May/2024:09:07:41 +0000] x"))[0] == "00/May/0000:00:00:00 +0000"
