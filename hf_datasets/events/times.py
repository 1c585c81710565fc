"""Times in any common layout -> seconds since 1970 in UTC, one by one and for whole columns.

A layout is found once for a text with every digit written as 0: where year, month, day, hour and so on stand. It then
reads every text of that shape, in Python or by numpy, and both give the same. What a text leaves out (the year, the
date, the zone) is added by a `Clock`, which knows the date of the file and follows the lines across midnight and New
Year.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Order = str  # of three numbers of which it is not clear which is the year, month and day: "dmy", "mdy", "ymd"

_MONTH_NAMES = (
    "jan january janv janvier januar ene enero gen gennaio jän jänner января янв styczeń sty stycznia janeiro januari",
    "feb february févr février fevrier februar febrero febbraio февраля фев luty lutego fev fevereiro februari févr",
    "mar march mars mär märz mrz marzo марта мар marca marzec março maart",
    "apr april avr avril abr abril aprile апреля апр kwietnia kwi",
    "may mai mayo mag maggio мая май maja maj maio mei",
    "jun june juin juni junio giu giugno июня июн czerwca cze junho",
    "jul july juil juillet juli julio lug luglio июля июл lipca lip julho",
    "aug august août aout ago agosto августа авг sierpnia sie augustus",
    "sep sept september septembre septiembre set settembre сентября сен września wrz setembro",
    "oct october octobre okt oktober octubre ott ottobre октября окт października paź outubro out",
    "nov november novembre noviembre ноября ноя listopada lis novembro",
    "dec december déc décembre dez dezember dic diciembre dicembre декабря дек grudnia gru dezembro",
)
MONTHS: dict[str, int] = {name: at for at, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
# Offsets in hours of the abbreviations that logs are seen to hold; CST and IST stand for the commonest reading.
ZONES: dict[str, float] = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2,
    "EEST": 3, "MSK": 3, "IST": 5.5, "SGT": 8, "HKT": 8, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11, "NZST": 12,
    "NZDT": 13, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9,
    "AKDT": -8, "HST": -10, "BRT": -3, "ART": -3, "SAST": 2,
}  # fmt: skip

_B = "(?P<b>" + "|".join(sorted(map(re.escape, MONTHS), key=len, reverse=True)) + r")\b\.?"
_WEEKDAY = (
    r"(?:(?:mon|tue|wed|thu|fri|sat|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mié|jue|vie|sáb|gio|mer|sab|пн|вт|ср|чт|пт|сб|вс)"
    r"[^\W\d_]{0,8}\.?,?\s+)?"
)
_CLOCK = r"(?P<H>\d{1,2}):(?P<M>\d\d)(?::(?P<S>\d\d)(?:[.,:](?P<f>\d{1,9}))?)?(?:\s?(?P<p>[ap])\.?m\b\.?)?"
_CLOCK_S = r"(?P<H>\d{1,2}):(?P<M>\d\d):(?P<S>\d\d)(?:[.,:](?P<f>\d{1,9}))?(?:\s?(?P<p>[ap])\.?m\b\.?)?"
_ZONE = (
    r"(?:\s?(?:(?:utc|gmt)?(?P<zs>[+-])(?P<zh>\d\d):?(?P<zm>\d\d)\b|(?:utc|gmt)?(?P<zs2>[+-])(?P<zh2>\d{1,2})(?![\d:.\-])"
    r"|(?P<z>" + "|".join(sorted(ZONES, key=len, reverse=True)).lower() + r")\b))?(?:\[[A-Za-z_/+\-]+\d*\])?"
)
_SEP = r"(?:[T_.,;|]|\s?-\s?|[:,]?\s+)"
_D = r"(?P<d>\d{1,2})"
_YEAR_SEP = r"(?:\s*,\s*|\s+)"

# In order of preference; every pattern is blind to which digit it meets.
_LAYOUTS: tuple[str, ...] = (
    rf"(?P<Y>\d{{4}})-(?P<m>\d{{1,2}})-{_D}{_SEP}{_CLOCK}{_ZONE}",
    rf"(?P<Y>\d{{4}})(?P<s>[/.])(?P<m>\d{{1,2}})(?P=s){_D}{_SEP}{_CLOCK}{_ZONE}",
    r"(?P<Y>\d{4})[-.](?P<m>\d\d)[-.](?P<d>\d\d)[-T_ ](?P<H>\d\d)[.\-](?P<M>\d\d)[.\-](?P<S>\d\d)(?:[.:](?P<f>\d{1,9}))?Z?",
    rf"(?P<Y>\d{{4}})(?P<m>\d\d)(?P<d>\d\d)[T .\-_:]?(?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)(?:[.,](?P<f>\d{{1,9}}))?{_ZONE}",
    rf"(?P<Y>\d{{4}})(?P<m>\d\d)(?P<d>\d\d)[T \-_]{_CLOCK_S}{_ZONE}",
    r"(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)-(?P<H>\d{1,2}):(?P<M>\d{1,2}):(?P<S>\d{1,2}):(?P<f>\d{1,3})",
    rf"(?P<Y>\d{{4}})年(?P<m>\d{{1,2}})月{_D}日\s*{_CLOCK}{_ZONE}",
    rf"(?P<a1>\d{{1,2}})(?P<s>[-/.])(?P<a2>\d{{1,2}})(?P=s)(?P<a3>\d{{4}}|\d\d){_SEP}{_CLOCK}{_ZONE}",
    rf"{_WEEKDAY}{_D}[-/ .]\s?{_B}[-/ .,]\s?(?P<Y>\d{{4}})(?:[:/T]|,?\s+(?:at\s+)?)\s?{_CLOCK}{_ZONE}",
    rf"{_WEEKDAY}{_D}[-/ .]\s?{_B}[-/ .,]\s?(?P<y>\d\d)\s+{_CLOCK_S}{_ZONE}",
    rf"(?P<Y>\d{{4}})[-/ ]{_B}[-/ ]{_D}[:T ]\s?{_CLOCK}{_ZONE}",
    rf"{_B}[-/]{_D}[-/](?P<Y>\d{{4}})[:T ]\s?{_CLOCK}{_ZONE}",
    rf"{_WEEKDAY}{_B}\s+{_D}(?:st|nd|rd|th)?{_YEAR_SEP}(?P<Y>\d{{4}}),?(?:\s+(?:at|@))?\s+{_CLOCK}{_ZONE}",
    rf"{_WEEKDAY}{_B}[\s/-]\s*{_D},?\s+{_CLOCK_S}{_ZONE}(?:\s+(?P<Y>\d{{4}})\b)?",
    rf"{_WEEKDAY}{_D}\.?\s+{_B}\s+{_CLOCK_S}{_ZONE}",
    r"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d) (?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)",
    rf"(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)\s+{_CLOCK_S}",
    rf"(?P<m>\d\d)(?P<d>\d\d) {_CLOCK_S}",
    rf"(?P<d>\d\d)\.(?P<m>\d\d)\.\s?{_CLOCK_S}{_ZONE}",
    rf"(?P<m>\d\d)[-/.](?P<d>\d\d){_SEP}{_CLOCK_S}{_ZONE}",
    r"(?P<e>\d{9,10})(?:[.,](?P<f>\d{1,9}))?",
    r"(?P<e3>\d{13})(?:\.(?P<f>\d{1,6}))?",
    r"(?P<e6>\d{16})",
    r"(?P<e9>\d{19})",
    rf"{_CLOCK_S}{_ZONE}",
    r"(?P<M>\d{2}):(?P<S>\d\d)\.(?P<f>\d{1,9})",
    r"(?P<H>\d{1,2}):(?P<M>\d\d)\s?(?P<p>[ap])m",
    rf"(?P<Y>\d{{4}})(?P<s>[-/.])(?P<m>\d{{1,2}})(?P=s){_D}",
)


# They only ever meet texts with every digit written as 0; digits of other scripts are none here.
@lru_cache(maxsize=len(_LAYOUTS))
def _compiled(at: int) -> re.Pattern[str]:
    return re.compile(_LAYOUTS[at].replace(r"\d", "0"), re.IGNORECASE)


_TAI = re.compile(r"@?(4[0-9a-f]{15})([0-9a-f]{8})?$")
_DIGITS = str.maketrans("123456789", "0" * 9)
_UNITS = {"e": 1.0, "e3": 1e3, "e6": 1e6, "e9": 1e9}
_LATEST_EPOCH = 4_102_444_800.0  # the year 2100
_EARLIEST_EPOCH = 100_000_000.0


def find_pattern(max_layouts: slice = slice(None)) -> str:
    """The layouts as one regular expression without names, for searching times in a line."""
    bare = [re.sub(r"\(\?P<s>(\[[^\]]*\])\)(.*?)\(\?P=s\)", r"\1\2\1", one) for one in _LAYOUTS[max_layouts]]
    return "|".join(re.sub(r"\(\?P<\w+>", "(?:", one).replace(r"\d", "0") for one in bare)


@dataclass(frozen=True, slots=True)
class TimeLayout:
    """Where the parts of a time stand in texts of one shape; a span is (start, end) in characters, None for none.

    Attributes:
        kind: "date" (full), "no_year", "no_date" or "epoch".
        year, month, day, hour, minute, second: spans; `month` may be a number where it is a word.
        fraction: digits behind the second; `parts` is how many of them a second has.
        epoch: the whole number of an epoch; `unit` is how many of them a second has.
        zone: seconds east of Greenwich, or None where the text does not say.
        zone_sign: 1 or -1 with `zone_hour` and `zone_minute` spans.
        noon: 0 for AM, 12 for PM, None for a clock of 24 hours.
        ascii: whether the text is ASCII, so that spans are byte offsets too.
    """

    kind: str
    year: Span | None = None
    month: Span | int | None = None
    day: Span | None = None
    hour: Span | None = None
    minute: Span | None = None
    second: Span | None = None
    fraction: Span | None = None
    parts: float = 1.0
    epoch: Span | None = None
    unit: float = 1.0
    zone: float | None = None
    zone_sign: int = 0
    zone_hour: Span | None = None
    zone_minute: Span | None = None
    noon: int | None = None
    ascii: bool = True


def fold(text: str) -> str:
    """The text with every digit written as 0."""
    return text.translate(_DIGITS)


def layout_of(text: str, order: Order = "dmy") -> TimeLayout | None:
    """The layout of a time text; None where it is none. `order` settles 01/02/2003 and 01/02/03.

    >>> layout_of("2024-05-01T08:00:00,123+0200").zone_sign
    1
    """
    return _layout_of(fold(text), order)


@lru_cache(maxsize=8192)
def _layout_of(folded: str, order: Order) -> TimeLayout | None:
    for at in range(len(_LAYOUTS)):
        found = _compiled(at).fullmatch(folded)
        if found is not None:
            return _layout(found, order, folded.isascii())
    return None


def layout_in_parts(parts: Sequence[tuple[str, int]], order: Order = "dmy") -> TimeLayout | None:
    """The layout of a date, a time of day and perhaps a zone that stand apart in a line, from the first of them on.

    >>> layout_in_parts([("2024-05-01", 0), ("09:07:41", 16)]).hour
    (16, 18)

    Args:
        parts: texts with the position of each.
        order: settles 01/02/2003.
    """
    (date, _), (clock, _), *zone = parts
    layout = layout_of(f"{date} {clock}{''.join(text for text, _ in zone)}", order)
    if layout is None or layout.day is None or layout.hour is None:
        return None
    begin = min(at for _, at in parts)
    cuts = (len(date), len(date) + 1 + len(clock))
    moves = [parts[0][1] - begin, parts[1][1] - begin - cuts[0] - 1, zone[0][1] - begin - cuts[1] if zone else 0]
    spans: dict[str, Any] = {}
    for name in ("year", "month", "day", "hour", "minute", "second", "fraction", "zone_hour", "zone_minute"):
        span = getattr(layout, name)
        if isinstance(span, tuple):
            move = moves[sum(span[0] >= cut for cut in cuts)]
            spans[name] = (span[0] + move, span[1] + move)
    return replace(layout, **spans)


def _layout(found: re.Match[str], order: Order, is_ascii: bool) -> TimeLayout:
    groups = found.re.groupindex

    def span(name: str) -> Span | None:
        return found.span(name) if name in groups and found.start(name) >= 0 else None

    for name, unit in _UNITS.items():
        if span(name):
            per = _parts(found, span("f"))
            return TimeLayout("epoch", epoch=span(name), unit=unit, fraction=span("f"), parts=per, zone=0.0)
    year, month, day = span("Y") or span("y"), span("m"), span("d")
    if span("a1"):
        parts = {"dmy": (2, 1, 0), "mdy": (2, 0, 1), "ymd": (0, 1, 2)}[order]
        three = [span("a1"), span("a2"), span("a3")]
        year, month, day = (three[at] for at in parts)
    word = found["b"] if "b" in groups else None
    zone: float | None = None
    if "z" in groups and found["z"]:
        zone = ZONES[found["z"].upper()] * 3600
    sign = (found["zs"] or found["zs2"]) if "zs" in groups else None
    noon = {"a": 0, "p": 12}.get((found["p"] or "").lower()) if "p" in groups else None
    return TimeLayout(
        kind="no_date" if day is None else "no_year" if year is None else "date",
        year=year,
        month=MONTHS[word.lower().rstrip(".")] if word else month,
        day=day,
        hour=span("H"),
        minute=span("M"),
        second=span("S"),
        fraction=span("f"),
        parts=_parts(found, span("f")),
        zone=zone,
        zone_sign=0 if sign is None else -1 if sign == "-" else 1,
        zone_hour=span("zh") or span("zh2") if sign else None,
        zone_minute=span("zm") if sign else None,
        noon=noon,
        ascii=is_ascii,
    )


def _parts(found: re.Match[str], fraction: Span | None) -> float:
    """How many units of a fraction a second has: ":6" are six thousandths, ".6" six tenths."""
    if fraction is None:
        return 1.0
    length = fraction[1] - fraction[0]
    return 1000.0 if length < 3 and found.string[fraction[0] - 1] == ":" else 10.0**length


@dataclass(slots=True)
class Moments:
    """Times as far as their texts state them, in equal columns of length `n`; NaN or 0 where not stated.

    Attributes:
        seconds: seconds since 1970 of a full date; seconds since the beginning of the year 1972 of one without a year;
            seconds of the day of one without a date. NaN where the text is no time.
        kind: 0 no time, 1 full, 2 without year, 3 without date.
        zone: whether the zone is stated.
    """

    seconds: NDArray[np.float64]
    kind: NDArray[np.int8]
    zone: NDArray[np.bool_]


FULL, NO_YEAR, NO_DATE = 1, 2, 3
_KINDS = {"date": FULL, "epoch": FULL, "no_year": NO_YEAR, "no_date": NO_DATE}
_LEAP_START = 63_072_000.0  # 1972-01-01, a leap year, so that 29 February is read


def days_from_civil(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Days since 1970-01-01 of dates of the Gregorian calendar (Hinnant's formula for whole numbers)."""
    year = year - (month <= 2)
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


def read_column(text: NDArray[np.uint8], starts: NDArray[np.int64], layout: TimeLayout) -> Moments:
    """The times of one layout that begin at `starts` in a buffer of bytes."""

    def number(span: Span) -> NDArray[np.int64]:
        value = np.zeros(len(starts), np.int64)
        for at in range(*span):
            value = value * 10 + (text[starts + at].astype(np.int64) - 48)
        return value

    count = len(starts)
    fraction = 0.0 if layout.fraction is None else number(layout.fraction) / layout.parts
    if layout.kind == "epoch":
        assert layout.epoch is not None
        whole = number(layout.epoch)
        seconds = whole / layout.unit + (fraction / layout.unit)
        good = (seconds >= _EARLIEST_EPOCH) & (seconds < _LATEST_EPOCH)
        return Moments(np.where(good, seconds, np.nan), good.astype(np.int8) * FULL, np.ones(count, np.bool_))
    hour = number(layout.hour) if layout.hour else np.zeros(count, np.int64)
    if layout.noon is not None:
        hour = hour % 12 + layout.noon
    minute = number(layout.minute) if layout.minute else np.zeros(count, np.int64)
    second = number(layout.second) if layout.second else np.zeros(count, np.int64)
    good = (hour < 25) & (minute < 60) & (second < 61)
    seconds = np.asarray(hour * 3600.0 + minute * 60.0 + second + fraction, np.float64)
    if layout.kind != "no_date":
        assert layout.day is not None and layout.month is not None
        day = number(layout.day)
        month = np.full(count, layout.month, np.int64) if isinstance(layout.month, int) else number(layout.month)
        if layout.year is None:
            year = np.full(count, 1972, np.int64)
        else:
            year = number(layout.year)
            if layout.year[1] - layout.year[0] == 2:
                year += np.where(year < 70, 2000, 1900)
        good &= (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1)
        seconds = seconds + days_from_civil(year, month, day) * 86_400.0
    if layout.zone_sign:
        assert layout.zone_hour is not None
        zone = number(layout.zone_hour) * 3600 + (number(layout.zone_minute) * 60 if layout.zone_minute else 0)
        seconds -= layout.zone_sign * zone
    elif layout.zone is not None:
        seconds -= layout.zone
    stated = bool(layout.zone_sign) or layout.zone is not None
    kind = np.where(good, np.int8(_KINDS[layout.kind]), np.int8(0)).astype(np.int8)
    return Moments(np.where(good, seconds, np.nan), kind, np.full(count, stated))


def read_texts(texts: Sequence[str | float], order: Order = "dmy") -> Moments:
    """The times of some texts of any layouts, and of numbers of seconds, milliseconds and so on; NaN for no time."""
    count = len(texts)
    result = Moments(np.full(count, np.nan), np.zeros(count, np.int8), np.zeros(count, np.bool_))
    numbers = [row for row, text in enumerate(texts) if type(text) is not str]
    if numbers:
        index = np.array(numbers, np.int64)
        values = np.array([texts[row] for row in numbers], np.float64)
        for unit in (1e9, 1e6, 1e3):
            values = np.where(np.abs(values) >= _LATEST_EPOCH * unit / 10, values / unit, values)
        good = (values >= _EARLIEST_EPOCH) & (values < _LATEST_EPOCH)
        result.seconds[index] = np.where(good, values, np.nan)
        result.kind[index], result.zone[index] = np.where(good, FULL, 0), True
        if len(numbers) == count:
            return result
    # Each character is one byte here: what is not ASCII is no digit, and only digits are read.
    joined = "\n".join([text if type(text) is str and "\n" not in text else "" for text in texts])
    raw = joined.encode("ascii", "replace")
    buffer = np.frombuffer(raw, np.uint8)
    offsets = np.concatenate(([0], np.flatnonzero(buffer == 10) + 1))
    shapes: dict[str, int] = {}
    add = shapes.setdefault
    at = np.array([add(one, len(shapes)) for one in fold(joined).split("\n")], np.int32)
    layouts: dict[TimeLayout, list[int]] = {}
    for folded, shape in shapes.items():
        layout = _layout_of(folded, order) if folded else None
        if layout is not None:
            layouts.setdefault(layout, []).append(shape)
        elif folded[:2] in ("@0", "00"):
            for row in np.flatnonzero(at == shape).tolist():
                if (tai := _tai(str(texts[row]))) is not None:
                    result.seconds[row], result.kind[row], result.zone[row] = tai, FULL, True
    for layout, which in layouts.items():
        index = (
            np.flatnonzero(np.isin(at, which)) if len(layouts) > 1 or len(which) < len(shapes) else np.arange(count)
        )
        found = read_column(buffer, offsets[index], layout)
        result.seconds[index], result.kind[index], result.zone[index] = found.seconds, found.kind, found.zone
    return result


def _tai(text: str) -> float | None:
    found = _TAI.match(text)
    if found is None:
        return None
    # multilog writes the clock of UNIX plus ten seconds, counted from 2**62.
    return int(found[1], 16) - 2**62 - 10 + (int(found[2], 16) / 1e9 if found[2] else 0.0)


@dataclass(slots=True)
class Clock:
    """Adds what times leave out: the year, the date and the zone.

    A year comes from a full date near by, else from the file's date: the latest year in which the time does not lie
    after it. It grows at New Year and goes back for lines out of order. A time of day takes the file's date likewise.

    Attributes:
        written: when the file was last written, seconds since 1970 in UTC.
        zone: seconds east of Greenwich of times that state no zone.
        year: of the last line; None before the first.
        years_before: how often the file passes New Year, as far as a sample of it shows.
        final: with `years_before`, seconds inside the year of the last line of the sample.
    """

    written: float
    zone: float = 0.0
    year: int | None = None
    years_before: int = 0
    final: float | None = None
    _last: float = math.nan  # seconds inside the year of the last line without a year
    _day: float | None = None  # the date of the last time of day
    _time: float = math.nan

    def finish(self, moments: Moments) -> NDArray[np.float64]:
        """Seconds since 1970 in UTC of the times of consecutive lines; the clock moves on."""
        seconds = moments.seconds.copy()
        full = moments.kind == FULL
        if self.zone:
            seconds[(moments.kind > 0) & ~moments.zone] -= self.zone
        if full.all():
            if len(seconds):
                self._see(seconds[-1])
            return seconds
        bare = np.flatnonzero(moments.kind == NO_YEAR)
        if len(bare):
            if self.year is None and full.any():
                self._see(seconds[np.flatnonzero(full)[0]])
            seconds[bare] = self._with_year(seconds[bare])
        daily = np.flatnonzero(moments.kind == NO_DATE)
        if len(daily):
            seconds[daily] = self._with_date(seconds[daily])
        return seconds

    @property
    def is_of_day(self) -> bool:
        """Whether it has seen a time without a date."""
        return self._day is not None

    def _see(self, moment: float) -> None:
        """Take the year of a full date for the lines after it."""
        if not math.isnan(moment):
            date = datetime.fromtimestamp(moment, UTC)
            self.year, self._last = date.year, moment - _year_start(date.year)

    def _with_year(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = seconds - _LEAP_START
        if self.year is None:
            latest = float(inside[0]) if self.final is None or not self.years_before else self.final
            self.year = self._first_year(latest) - self.years_before
            self._last = float(inside[0])
        last = inside[0] if math.isnan(self._last) else self._last
        steps = np.diff(inside, prepend=last)
        half = 182 * 86_400
        turns = np.cumsum((steps < -half).astype(np.int64) - (steps > half))
        years = self.year + turns
        self.year, self._last = int(years[-1]), float(inside[-1])
        days = np.floor(inside / 86_400).astype(np.int64)
        starts = np.array([_year_start(year) for year in range(int(years.min()), int(years.max()) + 1)])
        # Day 59 of the leap year 1972 is 29 February: later days are one less in other years.
        leap = np.array([_is_leap(year) for year in range(int(years.min()), int(years.max()) + 1)])
        at = years - int(years.min())
        shift = np.where((days > 59) & ~leap[at], 86_400.0, 0.0)
        return starts[at] + inside - shift

    def _first_year(self, inside: float) -> int:
        latest = datetime.fromtimestamp(self.written, UTC).year + 1
        for year in range(latest, latest - 9, -1):
            if int(inside // 86_400) == 59 and not _is_leap(year):
                continue
            late = inside - (86_400 if inside // 86_400 > 59 and not _is_leap(year) else 0)
            if _year_start(year) + late <= self.written + 86_400:
                return year
        return latest - 1

    def _with_date(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._day is None:
            self._day = math.floor(self.written / 86_400) * 86_400.0
            if self._day + float(seconds[0]) > self.written + 3600:
                self._day -= 86_400.0
            self._time = float(seconds[0])
        steps = np.diff(seconds, prepend=self._time)
        half = 43_200
        turns = np.cumsum((steps < -half).astype(np.int64) - (steps > half))
        days = self._day + turns * 86_400.0
        self._day, self._time = float(days[-1]), float(seconds[-1])
        return days + seconds


@lru_cache(maxsize=512)
def _year_start(year: int) -> float:
    year = min(max(year, 1), 9999)
    return datetime(year, 1, 1, tzinfo=UTC).timestamp()


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def inside_year(text: str, order: Order = "dmy") -> float | None:
    """Seconds since the beginning of the (leap) year of a time that states none; None for any other text."""
    moments = read_texts([text], order)
    return float(moments.seconds[0]) - _LEAP_START if moments.kind[0] == NO_YEAR else None


def best_order(texts: list[str], written: float) -> Order:
    """Which of day, month and year comes first in times such as 01/02/2003 and 01/02/03, from texts of one file.

    An order that some text contradicts is out; of the others AM and PM speak for the American one, dots for the
    European one, and then the order under which the file spans least and ends nearest to when it was written.
    """
    shaped = [text for text in texts if re.match(r"\d{1,2}([-/.])\d{1,2}\1\d", text) and layout_of(text)]
    if not shaped:
        return "dmy"
    best: tuple[tuple[float, ...], Order] | None = None
    american = any(re.search(r"[ap]\.?m", text, re.IGNORECASE) for text in shaped)
    four = any(re.match(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{4}", text) for text in shaped)
    short = any(re.match(r"\d{1,2}/\d{1,2}/\d{2}\b", text) for text in shaped)
    for order in ("ymd", "dmy", "mdy"):
        if order == "ymd" and four:
            continue
        moments = read_texts(shaped, order)
        bad = float((moments.kind == 0).sum())
        good = moments.seconds[moments.kind > 0]
        if not len(good):
            continue
        late = float((good > written + 2 * 86_400).sum())
        steps = np.abs(np.diff(good))
        span = float(steps.sum()) if len(good) > 1 else 0.0
        usual = 0.0 if (order == "mdy") == american else 1.0
        if short:
            usual = {"mdy": 0.0, "ymd": 0.5, "dmy": 1.0}[order]
        cost = (bad + late, round(span / 86_400), usual, abs(written - float(good[-1])))
        if best is None or cost < best[0]:
            best = cost, order
    return best[1] if best else "dmy"
