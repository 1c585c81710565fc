"""Parameters of a message -> `<*>`, for the templates of events; LogLLM's published masks are another table."""

from __future__ import annotations

import re

PARAMETER = "<*>"
MAX_CHARACTERS = 16384

_MASKS = (
    r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
    r"\b0x[0-9a-fA-F]+\b",
    r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b",
    r"(?<![\w.])(?:/[\w.+\-@%=~:]+){2,}/?",
    r"\b(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{8,}\b",
    r"(?<![\w.])[-+]?\d+(?:[.,:]\d+)*(?:%|[a-zA-Zµ]{1,3})?\b",
)
_FIND = re.compile("|".join(_MASKS))


def mask_message(message: str) -> str:
    """The message with its parameters replaced by `<*>`."""
    return _FIND.sub(PARAMETER, message[:MAX_CHARACTERS])
