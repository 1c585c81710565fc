r"""Parameters of a message -> `<*>`, for the templates of events; LogLLM's published masks are another table.

What is masked: UUIDs, hexadecimal numbers, IPv4, IPv6 and MAC addresses, e-mail addresses, URLs' and files' paths,
dates and times of day, numbers with or without unit, durations (`3h2m`, `PT1.5S`), sizes, percentages. What stays a
word: a status code, an exit code and an error number, and one or two digits glued to letters (`eth0`, `L3`).

A message is looked at with every digit written as 0 (`folded`), because nothing here depends on which digit it is. So
one `MessageShape` serves all messages that differ in digits only; the digits that stay words and the values of the
numbers are then taken from the message itself.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

PARAMETER = "<*>"
MAX_CHARACTERS = 16_384
MASKS_VERSION = 2
CODE_MARK = "\x01"  # stands before the digits of a code in a marked text

# Factor to the base unit: seconds, bytes, or plain.
UNITS: dict[str, float] = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "usec": 1e-6, "usecs": 1e-6, "micros": 1e-6, "ms": 1e-3,
    "msec": 1e-3, "msecs": 1e-3, "millis": 1e-3, "milliseconds": 1e-3, "millisecond": 1e-3, "s": 1.0, "sec": 1.0,
    "secs": 1.0, "second": 1.0, "seconds": 1.0, "m": 60.0, "min": 60.0, "mins": 60.0, "minute": 60.0, "minutes": 60.0,
    "h": 3600.0, "hr": 3600.0, "hrs": 3600.0, "hour": 3600.0, "hours": 3600.0, "d": 86_400.0, "day": 86_400.0,
    "days": 86_400.0, "w": 604_800.0, "%": 1.0, "B": 1.0, "b": 1.0, "byte": 1.0, "bytes": 1.0, "Bytes": 1.0,
    "k": 1e3, "K": 1024.0, "kB": 1e3, "KB": 1024.0, "kb": 1024.0, "KiB": 1024.0, "M": 1024.0**2, "MB": 1024.0**2,
    "mb": 1024.0**2, "Mb": 1024.0**2, "MiB": 1024.0**2, "G": 1024.0**3, "GB": 1024.0**3, "gb": 1024.0**3,
    "GiB": 1024.0**3, "T": 1024.0**4, "TB": 1024.0**4, "TiB": 1024.0**4, "PB": 1024.0**5, "Hz": 1.0, "kHz": 1e3,
    "MHz": 1e6, "GHz": 1e9, "bps": 1.0, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9, "x": 1.0, "px": 1.0, "W": 1.0, "V": 1.0,
    "C": 1.0, "F": 1.0, "rpm": 1.0, "°C": 1.0, "°F": 1.0, "bar": 1.0, "mbar": 1.0, "psi": 1.0, "hPa": 1.0, "kPa": 1.0,
    "mm": 1.0, "cm": 1.0, "km": 1.0, "µm": 1.0, "nm": 1.0, "kg": 1.0, "mg": 1.0, "ml": 1.0, "kW": 1.0, "kWh": 1.0, "Wh": 1.0,
    "mA": 1.0, "mAh": 1.0, "mV": 1.0, "kV": 1.0, "dB": 1.0, "dBm": 1.0, "ppm": 1.0, "fps": 1.0, "deg": 1.0, "lx": 1.0, "Nm": 1.0,
}  # fmt: skip
# Units that may stand behind a blank and vary with the size of the number, so that they are masked with it.
_SPACED = "ns|us|µs|μs|usec|msec|ms|sec|secs|s|min|mins|[kKMGTP]i?B(?:/s)?|[kMG]?Hz|[kKMG]?bps|bytes?"
_GLUED = "|".join(sorted((re.escape(unit) for unit in UNITS), key=len, reverse=True))

_NUMBER = r"\d+(?:[,_]\d{3})*(?:\.\d+)?"
_DURATION = r"(?:\d+(?:\.\d+)?(?:days?|d|hours?|hrs?|h|mins?|minutes?|m(?!s)|s|secs?|seconds?|ms|us|µs|ns)\s?){2,}"
_METHODS = "GET|POST|PUT|DELETE|HEAD|OPTIONS|PATCH|CONNECT|PROPFIND"
# What stands before a whole number that is a code and not a quantity: always after the first words, and after the
# others only where no word follows ("error 1045 (28000)", but "error 5 times").
_CODE_BEFORE = re.compile(
    r"(?:(?:status|http|(?:return|error|err|exit|reason|result|response|status|http|grpc)[ _-]?(?:code|status|value)|code"
    r"|exit(?:ed)?(?:[ _-](?:with|value|status|code))*|errno|errcode|rc|ret|retval|returned|sqlstate|sqlcode"
    r"|event[ _-]?id|kod|fehlercode|bugcheck|hresult|rcode|http/[\d.]+[\"']?)[\"']?(?:\s*[=:#]\s*|\s+|\()[\"']?-?"
    r"|(?P<weak>(?:error|err|signal|sig|event|exception|fault|fehler|level|severity)[ #=]{1,2}))$",
    re.IGNORECASE,
)
_STATUS_BEFORE = re.compile(rf"\b(?:{_METHODS})\s+\S+\s+(?:HTTP/\S+\s+)?$")
_WORD_BEHIND = re.compile(r"\s+[^\W\d_]{2}")
_MASKS: tuple[tuple[str, str], ...] = (
    ("url", r"\b[a-z][a-z0-9+.\-]{1,15}://[^\s\"'<>|)\]}]+"),
    ("mail", r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}\b"),
    ("uuid", r"(?<![\w-])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w-])"),
    ("package", r"(?<![\w/.])[a-z0-9][a-z0-9.+\-]*:(?:amd00|i000|arm00|armhf|x00_00)(?![\w-])"),
    ("revision", r"(?<![\w.])(?!\d+\.\d+[eE]-)(?:\d+:)?(?:\d+(?:\.[\w+~]+){2,}-\d[\w.+~]*|\d+\.[\w+~]+-\d+(?:[+~][\w.+~]*|\.[a-z][\w.+~]*)?(?!\.\d)|\d+-\d+(?:\.\d+)*[+~][\w.+~]*)(?![\w])"),
    ("block", r"\bblk_-?\d+(?:_\d+)?"),
    ("date", r"(?<![\w.])\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:\s?(?:Z\b|[+-]\d\d:?\d\d\b))?)?(?![\w-])"),
    ("date1", r"(?<![\w.])\d{1,4}[/.]\d{1,2}[/.]\d{2,4}(?:[T ,:]{1,2}\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?)?(?![\w.])"),
    ("date2", r"\b\d{1,2}[/ -](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[/ -]\d{4}(?:[: ]\d\d:\d\d:\d\d(?: [+-]\d{4})?)?"),
    ("code", r"(?<![\w-])(?:ORA|MY|SQL|TNS|TF|PG|KB|CVE|ERR|BUG|SQLSTATE|AADSTS|E|W|C|D|R|TS|CS|NU|MSB|LNK|NETSDK|DEP|RPC|HTTP|CA|SC|SA|NS|BC|FS|DL|PL|EC|ERROR|STOP)-?\d{2,7}(?:-\d{2,6})?(?![\w.-])"),
    ("mac", r"(?<![\w:.-])[0-9a-fA-F]{2}(?:[:-][0-9a-fA-F]{2}){5,13}(?![\w:-])"),
    ("ip", r"(?<![\w.])/?\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?(?![\w]|\.\d)"),
    ("clock", r"(?<![\w:.])\d{1,3}:\d\d(?::\d\d)?(?:[.,]\d+)?(?![\w:])"),
    ("ip6", r"(?<![\w:.])\[?(?=[0-9a-fA-F]*:[0-9a-fA-F:]*:)(?=[a-fA-F:]*(?:\d|::))[0-9a-fA-F:]{5,39}(?:%\w+)?\]?(?::\d{1,5})?(?![\w:])"),
    ("hex", r"\b\dx[0-9a-fA-F]+\b"),
    ("path", r"(?<![\w.)\]}>])(?:[A-Za-z]:)?(?:[/\\][\w.+\-@%=~:#,$&!()*]+){2,}[/\\]?(?:\?[^\s\"']*)?"),
    ("path1", r"(?<![\w.)\]}>/\\])/(?=[^\s\"'/]*[\d.?])[\w.+\-@%=~:]+(?:\?[^\s\"']*)?"),
    ("long", r"(?<![\w])(?=[0-9a-fA-F]*\d)(?=[0-9]*[a-fA-F])[0-9a-fA-F]{7,}(?![\w])"),
    ("iso", r"\bP(?:\d+D)?T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?\b"),
    ("span", rf"(?<![\w.]){_DURATION}(?<!\s)(?![\w])"),
    ("token", r"(?<![\w/+=])(?=[A-Za-z0-9_\-]*\d[A-Za-z_\-]*[A-Za-z])[A-Za-z0-9_\-]*\d[A-Za-z]+\d[A-Za-z]+\d[A-Za-z0-9_\-]*(?![\w/+=])"),
    ("version", r"(?<![\w.])v?\d+(?:\.\d+){2,}(?:[\w.+\-~]*\w)?(?![\w])"),
    ("number", rf"(?<![\w.])(?P<sign>(?<![\w)\]])[-+])?(?P<number>{_NUMBER})(?P<exponent>[eE][-+]?\d+)?(?:(?P<unit>{_GLUED})|\s(?P<unit1>{_SPACED}))?(?:/(?:s|sec|min|h|op))?(?![\w]|\.\d)"),
    ("glued", r"(?:(?<=[A-Za-z_])\d{3,}|(?<=[A-Za-z_.)\]]\.)\d+)(?![\w.])"),
)  # fmt: skip
# A date whose first word is no number begins before the token with a digit in it.
_WORDY = re.compile(
    r"\b(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* {1,2}"
    r"\d{1,2}(?:,? \d{4})?,? \d\d:\d\d(?::\d\d(?:\.\d+)?)?(?: [A-Z]{3,4}\b)?(?: \d{4}\b)?"
)
_TOKEN = re.compile(r"\S*?[\d/@\\]\S*")
_REACH = re.compile(r"(?:\s+\S+){0,2}")
_FIND = re.compile("|".join(f"(?P<k_{name}>{pattern})" for name, pattern in _MASKS))
_DIGITS = re.compile(r"\d+")
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s?([a-zA-Zµμ]+)")
# Words that tell how something went: a template keeps them apart even where Drain3 would not.
OUTCOME = re.compile(
    r"^\W*(?:\w*fail\w*|\w*error\w*|\w*exception|\w*refus\w*|den(?:y|ied)|reject\w*|\w*abort\w*|\w*timeout|timed|unreachable"
    r"|unavailable|invalid|corrupt\w*|lost|dropped|missing|killed|crash\w*|panic\w*|fatal|unable|cannot|can't|couldn't"
    r"|could|not|no|never|without|un\w*able|success\w*|succe\w*|passed|ok|accept\w*|grant\w*|allow\w*|up|down|open\w*|clos\w*"
    r"|start\w*|stop\w*|enabled|disabled|connected|disconnected|true|false|yes|on|off|warn\w*|critical|overflow|exceed\w*"
    r"|(?:[^\W\d]\w*[=:])?[-+]?(?:nan|inf(?:inity)?)"
    r"|full|empty|expired|leak\w*|deadlock\w*|oom|segfault|blocked|exhaust\w*|degraded|healthy|unhealthy|retry\w*)\W*$",
    re.IGNORECASE,
)

Part = tuple[
    int, int, float
]  # start and end of a run of digits in the message, and what one of its last digit is worth


@dataclass(slots=True)
class MessageShape:
    """What the masks find in all messages that differ in digits only.

    Attributes:
        pieces: the masked text, cut where digits of the message itself go in.
        kept: spans of these digits in the message, one fewer than pieces.
        parts: of each number in order, its runs of digits; `value = sum(int(digits) * worth)`.
        slow: spans of numbers that only Python's float reads, by position among the numbers.
    """

    pieces: tuple[str, ...]
    kept: tuple[tuple[int, int], ...]
    parts: tuple[tuple[Part, ...], ...]
    slow: dict[int, tuple[int, int, float]]

    def masked(self, message: str) -> str:
        """The masked text of one message of this shape."""
        return self.marked(message).replace(CODE_MARK, "")

    def marked(self, message: str) -> str:
        """The masked text with a `CODE_MARK` before the digits of each code."""
        if not self.kept:
            return self.pieces[0]
        text = [self.pieces[0]]
        for (start, stop), piece in zip(self.kept, self.pieces[1:]):
            text.append(message[start:stop])
            text.append(piece)
        return "".join(text)


_FOLD = str.maketrans("123456789", "0" * 9)


def shape_of(folded: str) -> MessageShape:
    """The shape of a message, given with every digit written as 0."""
    folded = folded[:MAX_CHARACTERS].replace(CODE_MARK, " ")
    pieces: list[str] = []
    piece: list[str] = []
    kept: list[tuple[int, int]] = []
    parts: list[tuple[Part, ...]] = []
    slow: dict[int, tuple[int, int, float]] = {}
    at = 0

    def scan(start: int, stop: int) -> None:
        """Mask what stands between two places."""
        nonlocal at
        where = start
        while (token := _TOKEN.search(folded, where, stop)) is not None:
            reach = _REACH.match(folded, token.end(), stop)
            end = reach.end() if reach else token.end()
            where = token.start()
            while where < token.end():
                found = _FIND.search(folded, where, end)
                if found is None or found.start() >= token.end():
                    break
                take(found)
                where = max(found.end(), where + 1)
            where = max(where, token.end())

    def take(found: re.Match[str]) -> None:
        """Put the parameter or the code that was found in its place."""
        nonlocal at
        kind = (found.lastgroup or "")[2:]
        start, stop = found.span()
        keep(at, start)
        at = stop
        if kind == "code" or (kind == "number" and _is_code(folded, found)):
            keep(start, stop, code=True)
            return
        piece.append(PARAMETER)
        if kind == "number":
            span = found.span("number")
            unit = found["unit"] or found["unit1"] or ""
            factor = UNITS.get(unit) or UNITS.get(unit.partition("/")[0], 1.0)
            sign = -1.0 if found["sign"] == "-" else 1.0
            if found["exponent"] and not re.search(r"[.+-]", folded[span[0] : found.end("exponent")]):
                return  # an id of hexadecimal digits, such as 4e2755
            if found["exponent"]:
                slow[len(parts)] = (span[0], found.end("exponent"), sign * factor)
                parts.append(())
            else:
                parts.append(_parts(folded, *span, sign * factor))
        elif kind == "glued":
            parts.append(_parts(folded, start, stop, 1.0))
        elif kind == "span":
            runs: list[Part] = []
            for one in _PARTS.finditer(folded, start, stop):
                runs += _parts(folded, one.start(1), one.end(1), UNITS.get(one[2], 1.0))
            parts.append(tuple(runs))

    def keep(start: int, stop: int, code: bool = False) -> None:
        """Literal text, in which digits stay."""
        nonlocal piece
        last = start
        for run in _DIGITS.finditer(folded, start, stop):
            piece.append(folded[last : run.start()])
            if code:
                piece.append(CODE_MARK)
            pieces.append("".join(piece))
            piece = []
            kept.append(run.span())
            last = run.end()
        piece.append(folded[last:stop])

    wordy = {found.start(): found.end() for found in _WORDY.finditer(folded)} if ":" in folded else {}
    for first, last in wordy.items():  # such a date takes the place of what else would be found in it
        scan(at, first)
        keep(at, first)
        piece.append(PARAMETER)
        at = last
    scan(at, len(folded))
    keep(at, len(folded))
    pieces.append("".join(piece))
    return MessageShape(tuple(pieces), tuple(kept), tuple(parts), slow)


def _is_code(folded: str, found: re.Match[str]) -> bool:
    """Whether a number is a status, an exit code or an error number, by the words before it."""
    start, stop = found.span()
    if (
        found["unit"]
        or found["unit1"]
        or found["exponent"]
        or stop - start > 7
        or not folded[start:stop].lstrip("-").isdigit()
    ):
        return False
    before = _CODE_BEFORE.search(folded, max(0, start - 32), start)
    if before is not None:
        return before["weak"] is None or _WORD_BEHIND.match(folded, stop) is None
    return stop - start == 3 and _STATUS_BEFORE.search(folded, max(0, start - 2000), start) is not None


def _parts(folded: str, start: int, stop: int, factor: float) -> tuple[Part, ...]:
    """The runs of digits of one number, from the left; a run of more than 18 digits counts by its first 18."""
    text = folded[start:stop]
    whole, dot, fraction = text.partition(".")
    runs: list[Part] = []
    groups = list(_DIGITS.finditer(whole))
    behind = 0
    for run in reversed(groups):
        a, b = run.span()
        cut = min(b, a + 18)
        runs.append((start + a, start + cut, factor * 10.0 ** min(behind + b - cut, 260)))
        behind += b - a
    runs.reverse()
    if dot and fraction:
        a = start + len(whole) + 1
        b = min(a + len(fraction), a + 15)
        runs.append((a, b, factor * 10.0 ** -(b - a)))
    return tuple(runs)


def numbers_of(message: str, shape: MessageShape) -> list[float]:
    """The values of the numbers of one message, in their base unit."""
    values = [sum(int(message[a:b]) * worth for a, b, worth in parts) for parts in shape.parts]
    for at, (start, stop, factor) in shape.slow.items():
        values[at] = value_of(message[start:stop], factor)
    return values


def value_of(text: str | bytes, factor: float) -> float:
    """A number with an exponent times the worth of its unit; NaN for one beyond all bounds, which is no value.

    >>> value_of("1.5e3", 2.0), value_of("9.0e999", 1.0)
    (3000.0, nan)
    """
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    try:
        value = float(plain.replace(",", "").replace("_", "")) * factor
    except ValueError:  # digits of scripts that are cut
        return math.nan
    return value if math.isfinite(value) else math.nan


def shape_of_message(message: str) -> MessageShape:
    """The shape of a message as it is."""
    return shape_of(message.translate(_FOLD))


def mask_message(message: str) -> str:
    """The message with its parameters replaced by `<*>`.

    >>> mask_message("GET /api/items/17 200 20ms from 10.0.0.1:80 (1.5GiB)")
    'GET <*> 200 <*> from <*> (<*>)'
    """
    return shape_of_message(message).masked(message)
