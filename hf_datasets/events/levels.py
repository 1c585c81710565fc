"""Severity words and numbers of the world's loggers -> OpenTelemetry's SeverityNumber.

Only the first number of each of the six ranges is used, so that "critical" of one program and "fatal" of another weigh
the same.
"""

from __future__ import annotations

from .event import DEBUG, ERROR, FATAL, INFO, TRACE, WARN

# Lower case; letters alone are levels only where a format says so (see `LETTERS`).
_WORDS: dict[int, str] = {
    TRACE: "trace finest finer silly all verbose verb spam trce vrb dbug3 trivia",
    DEBUG: "debug fine dbg dbug config debug1 debug2 debug3 debug4 debug5 verb3 debuggen depur depuración depuracion débogage подробно отладка 调试 デバッグ",
    INFO: (
        "info information informational inf notice note log hinweis informationen infos infor suc success statement hint"
        " notification ok good audit auditsuccess 'audit detail inform important default informacja información"
        " informazione информация инфо 信息 通知 提示 情報 정보 aviso_info http"
    ),
    WARN: (
        "warn warning wrn warnings warnung avertissement advertencia avviso aviso atenção atencion atención waarschuwing"
        " ostrzeżenie предупреждение внимание 警告 경고 auditfailure varning advarsel varoitus uyarı uyari"
    ),
    ERROR: (
        "error err eror errors severe fehler erreur erro errore fout błąd ошибка 错误 エラー 오류 fail failed failure"
        " faulterror sev hata fel fejl virhe chyba grave alarm alarma alarme störung stoerung"
    ),
    FATAL: (
        "fatal critical crit ftl alert emerg emergency panic dpanic fatl crt kritisch critique crítico critico schwerwiegend"
        " фатальная критическая критично 致命 严重 致命的 심각 重大 disaster catastrophic assert wtf"
    ),
}
LEVEL_WORDS: dict[str, int] = {word: number for number, words in _WORDS.items() for word in words.split()}
LETTERS: dict[str, int] = {
    "V": TRACE, "T": TRACE, "D": DEBUG, "I": INFO, "N": INFO, "W": WARN, "E": ERROR, "F": FATAL, "C": FATAL, "A": FATAL,
    "S": FATAL, "P": FATAL,
}  # fmt: skip
SYSLOG: tuple[int, ...] = (FATAL, FATAL, FATAL, ERROR, WARN, INFO, INFO, DEBUG)  # by PRI mod 8


def number_level(value: float) -> int | None:
    """The SeverityNumber of a number: pino's and bunyan's 10 to 60, else syslog's 0 to 7.

    >>> number_level(50), number_level(3), number_level(99)
    (17, 17, None)
    """
    if 0 <= value <= 7:
        return SYSLOG[int(value)]
    if 10 <= value < 70:
        return (TRACE, DEBUG, INFO, WARN, ERROR, FATAL)[int(value) // 10 - 1]
    return None


def status_level(status: int) -> int | None:
    """The SeverityNumber of an HTTP status.

    >>> status_level(200), status_level(404), status_level(503)
    (9, 13, 17)
    """
    if status >= 500:
        return ERROR
    return WARN if status >= 400 else INFO if status >= 100 else None
