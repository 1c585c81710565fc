"""Words that name a fault, for events whose severity is not stated, and words that take it back.

The words count once a template: a count of zero before or behind them ("0 errors", "errors: 0"), "no", "without" and the
names of things ("error counter", "exception support") take them back.
"""

from __future__ import annotations

import re

from .table import ERRONEOUS, FATALITY, QUIET

_FATAL = re.compile(
    r"\b(?:fatal|panic(?:ked)?|segfault|segmentation fault|out of memory|oom[-_ ]killer|core dumped|kernel bug"
    r"|catastrophic|killed process|terminated abnormally|kernel terminated|emergency|schwerwiegend\w*|фатальн\w*|致命)\b|致命|崩溃",
    re.IGNORECASE,
)
_ERROR = re.compile(
    r"\b(?:errors?|failed|fails?|failures?|exception|abort(?:ed|ing)?|corrupt(?:ed|ion)?|unable|cannot|denied|refused"
    r"|no space left|disk (?:is )?full|too many open files|read-only file ?system|quota exceeded|deadlock|stack overflow"
    r"|killed|crash(?:ed)?|unreachable|timed out|unhandled|uncaught|traceback|rejected"
    r"|fehler|fehlgeschlagen|erreurs?|échec|échoué|errores?|fall[oó]|fallid[oa]|errori|errore|falha|falhou|ошибк\w*|сбой|отказ\w*)\b"
    r"|错误|失败|异常|エラー|失敗|오류",
    re.IGNORECASE,
)
# The name of an exception of Java, Python, .NET, ...: a word that ends so and is more than it.
_EXCEPTION = re.compile(r"\b(?:\w+\.)*[A-Z]\w+(?:Exception|Error)\b|\bpanic: |\bTraceback \(most recent")
_TAKEN_BACK = re.compile(
    r"\b(?:0|no|none|zero|correctable|without|never|non|kein\w*|ohne|aucune?|sans|sin|ning\w*|без|нет|if|on|for|any|handle|handling|ignore\w*|clear\w*|retry after)"
    r"\s+(?:\w+\s+){0,2}?$",
    re.IGNORECASE,
)
_TAKEN_BACK_BEHIND = re.compile(
    r"^\.{3,}|^(?:s|ed)?\s+(?:register|corrected|syndrome|correct|paths?|budget|coverage|boundar(?:y|ies))\b|^\S*\s*(?:[=:(]\s*(?:0|none|no|null|nil|false|ok)\b|(?:count|counter|counters|rate|log|logs|handler|handling|support|page|pages|code|codes"
    r"|budget|reporting|recovery|correction|corrected|queue)\b.*?(?:\b0\b|done|ok|ready|loaded|enabled|started|installed|corrected|reset))",
    re.IGNORECASE,
)  # fmt: skip
_COUNTED = re.compile(r"(?:^|[,;:=(])\s*<\*>\s*$")
MOST_CHARACTERS = 4000


def fault_class(message: str) -> int:
    """Class of severity that the words of a message suggest; QUIET where none does.

    >>> fault_class("kernel: Out of memory: Killed process 811"), fault_class("backup finished: 0 errors, 0 failed")
    (3, 0)
    >>> fault_class("exception support... done"), fault_class("write failed"), fault_class("no error found")
    (0, 2, 0)
    """
    text = message[:MOST_CHARACTERS]
    if _EXCEPTION.search(text):
        return ERRONEOUS
    if any(_stands(match, text) for match in _FATAL.finditer(text)):
        return FATALITY
    if any(_stands(match, text) for match in _ERROR.finditer(text)):
        return ERRONEOUS
    return QUIET


def fault_word(message: str) -> str:
    """The word of a message that names a fault; "" for none."""
    text = message[:MOST_CHARACTERS]
    for pattern in (_EXCEPTION, _FATAL, _ERROR):
        for match in pattern.finditer(text):
            if pattern is _EXCEPTION or _stands(match, text):
                return match[0]
    return ""


def fault_words(message: str) -> int:
    """How many different words of a message name a fault.

    >>> fault_words("write failed: fatal error"), fault_words("all well")
    (3, 0)
    """
    text = message[:MOST_CHARACTERS]
    found = {
        match[0].lower() for pattern in (_FATAL, _ERROR) for match in pattern.finditer(text) if _stands(match, text)
    }
    return len(found)


_END = re.compile(
    r"\b(?:ok|passed|success\w*|succeeded|finished|done|completed?|total|summary|exit(?:ing)?|shut(?:ting)? ?down|shutdown|stopp(?:ed|ing)|closed"
    r"|elapsed|ended|bye|good ?bye|graceful\w*|fertig|beendet|abgeschlossen|terminé|terminado)\b",
    re.IGNORECASE,
)


def says_the_end(message: str) -> bool:
    """Whether a message says that something came to its ordinary end.

    >>> says_the_end("test result: ok. <*> passed; <*> failed"), says_the_end("finished with errors"), says_the_end("waiting")
    (True, False, False)
    """
    return _END.search(message) is not None and fault_class(message) == QUIET


# What a user or a client asked for could not be, or all is well.
_OF_REQUEST = re.compile(
    r"no such (?:file|directory|user|host|key|entry)|permission denied|access denied|not found|exec format error|is a directory"
    r"|not a directory|file exists|invalid (?:or missing|argument|option|password|user|credentials|request|syntax)|syntax error"
    r"|bad (?:request|file descriptor|password)|unauthorized|forbidden|authentication fail\w*|unknown (?:command|option|user)"
    r"|\bno (?:\w+ )?(?:alerts?|problems?|issues?|faults?|errors?|failures?)\b",
    re.IGNORECASE,
)
# A flag or a register of a dump: a name and its value, nothing else.
_STATE = re.compile(r"\.{2,}\s*(?:<\*>|\w{1,8})$|^[\w\s/#.-]{1,60}[:=]\s*(?:<\*>|0x\w+|\d+)?$")


def is_lesser(message: str) -> bool:
    """Whether a message tells of a request that was at fault, of a state, or names a fault only to say that it is none.

    >>> is_lesser("loading /home/a/b failed: No such file or directory"), is_lesser("kernel panic"), is_lesser("tlb error......0")
    (True, False, True)
    """
    text = message[:MOST_CHARACTERS]
    if _OF_REQUEST.search(text):
        return True
    if fault_class(text) == QUIET and _STATE.search(text):
        return True
    named = [match for pattern in (_FATAL, _ERROR) for match in pattern.finditer(text)]
    return bool(named) and not any(_stands(match, text) for match in named)


_IN_A_NAME = re.compile(r"\.\w|-\w*\d|/")


def _stands(match: re.Match[str], text: str) -> bool:
    before, behind = text[max(match.start() - 30, 0) : match.start()], text[match.end() : match.end() + 40]
    if before.rstrip().endswith("<*>") and (match[0].lower().endswith("s") or _COUNTED.search(before)):
        return False  # "<*> errors", ", <*> failed": a count that the template does not show
    if before.endswith("/") or _IN_A_NAME.match(behind):
        return False  # of a file or a package
    return not _TAKEN_BACK.search(before) and not _TAKEN_BACK_BEHIND.match(behind)
