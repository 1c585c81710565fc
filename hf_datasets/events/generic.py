r"""The reader of formats that no row knows: a time early in the line in any layout, a level word, the rest.

It is written as code and not as one pattern because the two are looked for one after the other: the time by the
layouts of `times.py`, then the level before it or close behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache

from .levels import LEVEL_WORDS
from .times import MONTHS, TimeLayout, find_pattern, layout_in_parts, layout_of

# Words that are a level wherever a level may stand; others ("ok", "all", "success") only where a row says so.
_SURE = (
    "trace debug info information notice warn warning error err critical crit fatal alert emerg emergency panic severe verbose"
    " hinweis fehler warnung kritisch erreur avertissement critique erro aviso errore avviso advertencia crítico fout waarschuwing"
    " błąd ostrzeżenie ошибка предупреждение информация отладка критическая 错误 警告 信息 调试 严重 致命 エラー 情報 デバッグ 致命的 오류 경고 정보"
    " uyarı uyari hata fel fejl virhe chyba varning advarsel varoitus dbg wrn inf ftl erroneous debug1 debug2 informational"
)
_UPPER = "LOG FAIL FAILED FAILURE FINE FINER FINEST CONFIG TRC DBG INF WRN FTL CRT EMG NOTE STATUS AUDIT SUCCESS OK VRB NOTI ERRO FATA DEBU PANI WARNI SYSTEM DEBG CRITICO DEBUGGING ERRORE ALARM ALARMA ALARME GRAVE STÖRUNG DEPUR 重大"
_sure = "|".join(sorted(map(re.escape, _SURE.split()), key=len, reverse=True))
_upper = "|".join(sorted(_UPPER.split(), key=len, reverse=True))
_any = "|".join(sorted((re.escape(word) for word in LEVEL_WORDS if len(word) > 1), key=len, reverse=True))
_caps = "|".join(sorted((re.escape(word.upper()) for word in _SURE.split()), key=len, reverse=True))


class _Late:
    """A pattern that is compiled when it is first used: those below take a while."""

    def __init__(self, pattern: str):
        self._pattern = pattern

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern, compiled."""
        return re.compile(self._pattern)


# Anywhere early in the line: in brackets of any case, in capitals, before a colon or behind "level=".
_LEVEL = _Late(
    rf"[\[(<{{|]\s*(?P<a>(?i:{_sure})|{_upper}|[TDIWEFCV])\s*(?:[:\]\)>}}|/]|\s\d)"
    rf"|(?<![\w.\-/])(?P<b>{_caps}|LOG|FAIL|FAILED)(?![\w/]|-\w|\.\w)"
    rf"|(?i:\b(?:level|severity|lvl|loglevel|prio(?:rity)?)[\"']?\s*[=:]\s*[\"']?(?P<c>{_any}))(?!\w)"
    rf"|(?<![\w.\-])(?P<d>(?i:{_sure}))(?=:|\]|\))"
)
_ONLY_LEVEL = _Late(rf"\s*[\[(<]?\s*(?P<a>(?i:{_any})|[TDIWEF])\s*[\])>]?[\s:|,;\-\[(]*")
_NEXT = _Late(
    rf"[\s\-:|,;\]>)]*(?:\w+\[\d+\]:? |\[?\d+\]?\s+|pid=\d+\s+)?(?P<a>(?i:{_sure})|{_upper}|[TDIWEF](?=[\s:/\]|]))(?![\w\-.=])"
)
_FIRST = _Late(
    rf"\s*(?:[\[(<*]\s*(?P<a>(?i:{_any})|[TDIWEF+\-!x*])\s*[\])>*]|(?P<b>(?i:{_sure}|fatal error|note|hint))(?=\s*:)|(?P<c>{_caps}|LOG|FAIL|FAILED|CONFIG|FINE)(?=\s|$|[|\-(\[]))[:\s\-|]*"
)
_MARKS = {"+": None, "-": None, "!": "warning", "x": "error", "*": None}
_GAP = re.compile(r"[\s\]\)>}|:,;\-–—=]*")
_BRACKET = re.compile(r"\[(?P<a>[^\]\[]{1,60})\]\s*(?:[-:|]\s+)?|\((?P<b>[^)(]{1,60})\)\s*(?:[-:|]\s+)?")
_LOGGER = re.compile(r"(?P<a>[A-Za-z_][\w$]*(?:[.:/\\]{1,2}[\w$<>\-]+)+)(?::\d+)?\s*(?:\s[-–|]\s+|:\s+)")
_BEFORE = re.compile(r"^[\W_]*(?:[^\s]{1,60}[\s:|\-,;>]{1,4}){0,4}[\W_]*$")
_OPENING = re.compile(r"[\s\[(<{\"'*#|]*")
_EARLY = 160


@lru_cache(maxsize=1)
def _time_pattern() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.\-/+])(?:{find_pattern(slice(0, -1))})(?![\w/])", re.IGNORECASE)


@lru_cache(maxsize=1)
def _dated_pattern() -> re.Pattern[str]:
    # The first fifteen layouts hold a date: these may stand a little way into the line.
    return re.compile(rf"(?<![\w.\-/+])(?:{find_pattern(slice(0, 15))})(?![\w/])", re.IGNORECASE)


@dataclass(slots=True)
class GenericLine:
    """Where time, level and message stand in a line, as spans; None for what is not there."""

    time: tuple[int, int] | None
    level: tuple[int, int] | None
    message: tuple[int, int]
    thread: tuple[int, int] | None = None
    component: tuple[int, int] | None = None


def read_generic(folded: str) -> GenericLine | None:
    """A line with a time or a level in a usual place, given with every digit written as 0; None for any other."""
    time = _time_of(folded)
    if time is None:
        first = _level_first(folded)
        if first is None:
            return None
        at = first.message[0]
        at += folded[at : at + 1] in "[("
        found = _time_pattern().match(folded, at)
        if found is None or not _plausible(folded, found) or (time := _trimmed(folded, found)) is None:
            return first
    start, stop = time
    level = None
    behind = _NEXT.compiled.match(folded, stop)
    if behind is not None:
        level = behind.span("a")
    if level is None and start:
        before = _ONLY_LEVEL.compiled.fullmatch(folded, 0, start)
        if before is not None:
            level = before.span("a")
    if level is None:
        early = _LEVEL.compiled.search(folded, 0, min(len(folded), stop + 100))
        while early is not None:
            span = next(early.span(name) for name in "abcd" if early[name] is not None)
            if not (start <= span[0] < stop):
                level = span
                break
            early = _LEVEL.compiled.search(folded, stop, min(len(folded), stop + 100))
            if early is not None and early.start() < stop:
                break
    end = len(folded)
    if level is not None and level[0] > stop and not _TEXT.search(folded, level[1]):  # the level stands at the end
        end = level[0] - len(folded[stop : level[0]]) + len(folded[stop : level[0]].rstrip(" \t[(<{|:-"))
    at = stop if end < len(folded) else max(stop, level[1] if level else 0)
    gap = _GAP.match(folded, at)
    at = gap.end() if gap else at
    thread = component = None
    for _ in range(2):
        bracket = _BRACKET.match(folded, at)
        if bracket is None or bracket.end() >= len(folded):
            break
        span = bracket.span("a") if bracket["a"] is not None else bracket.span("b")
        if thread is None:
            thread = span
        elif component is None:
            component = span
        at = bracket.end()
    logger = _LOGGER.match(folded, at)
    if logger is not None and logger.end() < len(folded) and component is None:
        component = logger.span("a")
        at = logger.end()
    if level is not None and level[1] > at and end == len(folded):
        at = level[1]
    return GenericLine(time, level, (min(at, end), end), thread, component)


_TEXT = re.compile(r"\w")


# What every layout with a date has somewhere: a clock, or its six digits.
_CLOCK = re.compile(r"0:00|0[.\-]00[.\-]00|000000|年")
_NAMES = frozenset(name[:3] for name in MONTHS) | frozenset(
    "mon tue wed thu fri sat sun mo. di. mi. do. fr. sa. so. mo, di, mi, do, fr, sa, so, lun mar mer jeu ven sam dim mié jue vie sáb gio".split()
)


def _time_of(folded: str) -> tuple[int, int] | None:
    if "0" not in folded[:_EARLY]:
        return None
    first = _OPENING.match(folded)
    begin = first.end() if first else 0
    sign = folded[begin : begin + 1]
    if sign == "0" or folded[begin : begin + 3].lower() in _NAMES or not sign.isascii():
        found = _time_pattern().match(folded, begin)
        if found is not None and _plausible(folded, found):
            return _trimmed(folded, found)
    clock = _CLOCK.search(folded, 0, _EARLY + 40)
    if clock is None:
        return None
    found = _dated_pattern().search(folded, max(0, clock.start() - 36), clock.end() + 60)
    if found is None or found.start() > _EARLY or _BEFORE.match(folded[: found.start()]) is None:
        return None
    return _trimmed(folded, found)


def _trimmed(folded: str, found: re.Match[str]) -> tuple[int, int] | None:
    text = found[0].rstrip()
    return (found.start(), found.start() + len(text)) if layout_of(text) is not None else None


def _plausible(folded: str, found: re.Match[str]) -> bool:
    """Whether a bare number or clock at the start is a time: something must set it off from the rest."""
    text = found[0]
    rest = folded[found.end() : found.end() + 1]
    if text.replace(".", "").isdigit():
        return rest in ("", " ", "\t", "]", ")", "|", ":", ",", ";", "-")
    return True


_LEADING = _Late(
    rf"[\s\-=>:*|]*(?:[\[(<]\s*(?P<a>(?i:{_sure})|[TDIWEF])\s*[\])>]|(?P<b>(?i:{_sure}))(?=\s?:)|(?P<c>{_caps})(?=[\s:|\]]))"
)


def level_in_message(folded: str, far: bool = False) -> tuple[int, int] | None:
    """The span of a level word at the start of a message, or a little way into it; None for none."""
    found = _LEADING.compiled.match(folded)
    if found is None and far:
        found = _LEVEL.compiled.search(folded, 0, 80)
    if found is None:
        return None
    return next(found.span(name) for name in found.re.groupindex if found[name] is not None)


def _level_first(folded: str) -> GenericLine | None:
    found = _FIRST.compiled.match(folded)
    if found is None:
        return None
    name = "a" if found["a"] is not None else "b" if found["b"] is not None else "c"
    span = found.span(name)
    if folded[span[0] : span[1]] in _MARKS and _MARKS[folded[span[0] : span[1]]] is None:
        return None
    return GenericLine(None, span, (found.end(), len(folded)))


_PAIR = re.compile(
    r'(?:^|(?<=[\s{,>]))(?P<key>[A-Za-z_@][\w.@/\-]*)=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s",]*))'
)
_TIME_KEYS = frozenset(("time", "ts", "t", "timestamp", "@timestamp", "date", "datetime", "eventtime", "devtime"))
_LEVEL_KEYS = frozenset(("level", "lvl", "severity", "loglevel", "log.level", "at", "priority", "pri"))
_MESSAGE_KEYS = frozenset(("msg", "message", "event", "log"))
_ZONE_KEYS = frozenset(("tz", "timezone", "zone"))


def logfmt_spans(folded: str) -> dict[str, tuple[int, int]] | None:
    """Spans of the values of a line of key=value pairs; None for a line that is not mostly that, or has no known key."""
    spans: dict[str, tuple[int, int]] = {}
    covered = 0
    for found in _PAIR.finditer(folded[:16_384]):
        covered += found.end() - found.start() + 1
        spans.setdefault(found["key"], found.span("quoted" if found["quoted"] is not None else "bare"))
    keys = {key.lower() for key in spans}
    known = bool(keys & _TIME_KEYS) + bool(keys & _LEVEL_KEYS) + bool(keys & _MESSAGE_KEYS)
    if len(spans) < 2 or known < 2 or covered < 0.7 * min(len(folded), 16_384):
        return None
    return spans


def first_of(spans: dict[str, tuple[int, int]], keys: str) -> tuple[int, int] | None:
    """The span of the first key of a kind ("level" or "message") in the order of the line."""
    wanted = {"level": _LEVEL_KEYS, "message": _MESSAGE_KEYS}[keys]
    return next((span for key, span in spans.items() if key.lower() in wanted), None)


def time_of_pairs(
    spans: dict[str, tuple[int, int]], folded: str, order: str
) -> tuple[tuple[int, int], TimeLayout, set[tuple[int, int]]] | None:
    """(the span of the time, its layout, the spans of its parts) of a line of pairs; date and time of day may be two."""
    found = {
        key.lower(): span for key, span in spans.items() if key.lower() in _TIME_KEYS or key.lower() in _ZONE_KEYS
    }
    zone = [span for key, span in found.items() if key in _ZONE_KEYS]
    if "date" in found and (clock := found.get("time") or found.get("devtime")) is not None:
        for parts in ([found["date"], clock, *zone[:1]], [found["date"], clock]):
            begin, end = min(one[0] for one in parts), max(one[1] for one in parts)
            layout = layout_in_parts([(folded[slice(*one)], one[0]) for one in parts], order)
            if layout is not None and folded[begin:end].isascii():
                return (begin, end), layout, set(parts)
    layouts = [(layout_of(folded[slice(*span)], order), span) for key, span in found.items() if key in _TIME_KEYS]
    known = [(layout, span) for layout, span in layouts if layout is not None]
    # A date alone, or a time of day, only where nothing says both.
    known.sort(key=lambda one: one[0].epoch is None and (one[0].day is None or one[0].hour is None))
    return (known[0][1], known[0][0], {known[0][1]}) if known else None
