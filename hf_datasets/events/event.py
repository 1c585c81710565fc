"""The event: one thing that a log reports, be it one line or a whole stack trace.

`LogEvent` is what people and the slow paths handle. `EventBatch` holds many events of one file as columns, for whole
logs. Both are made by the readers of this package and by nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# OpenTelemetry's SeverityNumber (log data model, section "Severity"): the first number of each of its six ranges.
TRACE, DEBUG, INFO, WARN, ERROR, FATAL = 1, 5, 9, 13, 17, 21


@dataclass(slots=True)
class LogEvent:
    """One event of a log.

    Attributes:
        number: number of the first line in its file, from 1.
        lines: all raw lines of the event, without line ends.
        source: position of the file in the list of inputs, from 0.
        timestamp: seconds since 1970 in UTC; None where it is not known.
        severity: OpenTelemetry's SeverityNumber, 1 to 24; None where the log states none.
        message: the text without its header; of a stack trace the first line.
        attributes: what the format separates and a reader would ask for, such as `component`, `status`, `thread`,
            `session`, `service`, `exception`, `frame`.
        parsed: whether the format fitted; an event that did not fit has its first line as message.
    """

    number: int
    lines: tuple[str, ...]
    source: int
    timestamp: float | None
    severity: int | None
    message: str
    attributes: dict[str, str] = field(default_factory=dict)
    parsed: bool = True


@dataclass(slots=True)
class EventBatch:
    """Consecutive events of one file as columns of equal length `n`; batches come in the order of their file.

    Attributes:
        source: position of the file in the list of inputs.
        number: `(n,)` int64, number of the first line of each event, from 1.
        line_count: `(n,)` int32, raw lines of each event.
        timestamp: `(n,)` float64, seconds since 1970 in UTC, NaN where unknown.
        severity: `(n,)` int8, OpenTelemetry's SeverityNumber, 0 where the log states none.
        template: `(n,)` int32, position in the reader's table of templates; it never changes its meaning.
        sequence: `(n,)` int32, position in the reader's table of sequence names (session, thread, component or build
            step: what an event follows on from), -1 for none.
        parsed: `(n,)` bool, whether the format fitted.
        numbers: `(m,)` float64, the numbers that the masks took out, in their base unit (seconds, bytes, or plain),
            of all events one after the other, in the order in which they stand in the message.
        numbers_start: `(n + 1,)` int64: the numbers of event i are `numbers[numbers_start[i]:numbers_start[i + 1]]`.
    """

    source: int
    number: NDArray[np.int64]
    line_count: NDArray[np.int32]
    timestamp: NDArray[np.float64]
    severity: NDArray[np.int8]
    template: NDArray[np.int32]
    sequence: NDArray[np.int32]
    parsed: NDArray[np.bool_]
    numbers: NDArray[np.float64]
    numbers_start: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.number)
