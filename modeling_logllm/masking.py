"""LogLLM's masking: the variable parts of a message become `<*>` by regular expressions, without a log parser.

Notes:
- The patterns are data (`RULES`) in order of preference; one scan from left to right tries them all at each position.
- No pattern tells one digit from another and every digit is masked, so a message masks like its *digit-folded* form
  (1 to 9 written as 0). Folding first lets one cache entry serve thousands of messages; `fold_digits` is the fold.
- Source: LogLLM, arXiv 2411.08561, section III-A; the preference order is that of the published preparation.
"""

import re
from functools import lru_cache

MASK = "<*>"

_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion"
)
_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Wed Thu Fri Sat Sun"
_MONTHS = (
    "January February March April May June July August September October November December "
    "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
)


def _any_of(words: str) -> str:
    return "|".join(words.split())


# (name, pattern), first match at a position wins. `*+` is possessive: it cannot change what matches here (what must
# follow is not in the class) but spares the backtracking, which on a run of 4,096 letters took minutes.
RULES: tuple[tuple[str, str], ...] = (
    ("boolean", r"[Tt]rue|[Ff]alse"),
    ("number word", rf"\b(?:{_any_of(_NUMBER_WORDS)})\b"),
    ("weekday", rf"\b(?:{_any_of(_WEEKDAYS)})\b"),
    ("date", rf"\b(?:{_any_of(_MONTHS)})\s+\d{{1,2}}\s+\b"),
    ("IPv4 address and port", r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d{1,5})?"),
    ("hardware address, 12 groups", r"(?:[0-9A-Fa-f]{2}:){11}[0-9A-Fa-f]{2}"),
    ("hardware address, 6 groups", r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}"),
    ("path", r"[a-zA-Z0-9]*+[:.]*+(?:[/\\]+[^/\\\s\[\]]+)+[/\\]*"),
    ("hexadecimal, 8 digits", r"\b[0-9a-fA-F]{8}\b"),
    ("hexadecimal, 10 digits", r"\b[0-9a-fA-F]{10}\b"),
    ("account at host-host", r"\w[\w.]*+@\w[\w.]*+-\w[\w.]*"),
    ("account at host", r"\w[\w.]*+@\w[\w.]*"),
    ("token with a digit", r"[a-zA-Z.:_-]*+\d[a-zA-Z0-9.:_-]*"),
)

ELLIPSIS = r"\.{3,}"
PATTERN = "|".join(f"(?:{pattern})" for _, pattern in RULES)

_ELLIPSIS = re.compile(ELLIPSIS)
_PATTERN = re.compile(PATTERN)
_FOLD = str.maketrans("123456789", "000000000")


def fold_digits(text: str) -> str:
    """Write every ASCII digit as 0: messages that differ in digits only become one string."""
    return text.translate(_FOLD)


@lru_cache(maxsize=65536)
def _mask_folded(folded: str) -> str:
    return _PATTERN.sub(MASK, _ELLIPSIS.sub(".. ", folded))


def mask_message(text: str) -> str:
    """Replace the variable parts of one message with `<*>` (LogLLM, section III-A).

    >>> mask_message("PacketResponder 1 for block blk_38865049064139660 terminating")
    'PacketResponder <*> for block <*> terminating'
    """
    return _mask_folded(fold_digits(text))
