r"""Stack traces of many languages: which lines belong together, and the key by which a trace is known again.

A line has a shape (`shape_of_line`), told from its text alone and blind to digits. A `Joiner` then goes through the
lines and gives each the first line of its event. A line with a header of its own begins an event, unless it goes on
with a trace whose every line carries the header (syslog, logcat, a container's output), in the same stream.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MOST_LINES = 2_000  # of one event
MOST_BYTES = 1 << 20
MOST_PENDING = 12  # lines between the first line of a trace and its first frame

(
    OTHER, BLANK, INDENT, EXCEPTION, AT, MORE, CAUSED, PY_START, PY_FILE, CHAIN, GO_START, GOROUTINE, GO_FUNCTION, GO_PLACE,
    GO_EXTRA, RUBY, STACK, NUMBERED, DART_START, DART_GAP, NET_END, RUST_START, RUST_FRAME, CPP_START, CPP_MORE, PHP_THROWN,
    PERL, LUA, ANDROID, ANDROID_MORE, JS_PLACE, NODE_END, ELIXIR, JULIA, OOPS, OOPS_MORE, ASAN, BRACKET, FUNCTION,
) = range(39)  # fmt: skip

_EXC_NAME = r"(?:[\w$]+[.:/\\]+)*[A-Z_a-z$]*(?:Error|Exception|Throwable|Failure|Fault|Interrupt|Warning|Exit|Err|Timeout)(?:Group)?"
# In order of preference; each is matched at the start of the line.
_SHAPES: tuple[tuple[int, str], ...] = (
    (BLANK, r"\s*$"),
    (AT, r"\s+(?:eval )?at\s+(?:async\s+|new\s+|Object\.)?\S.*(?:\)|:\d+|\bline \d+|\.\.\.\.?|[\w$]>?)\s*\]?$"),
    (MORE, r"\s*\.\.\. (?:\d+ (?:more|common frames omitted|lines? matching|similar)|omitted)"),
    (CAUSED, r"\s*(?:Caused by|Suppressed|Wrapped by|Caused)\s*:\s*(?:\d+: |[\w$.]*(?:[.\w]*(?:Exception|Error|Throwable|Failure)\b|\.[A-Z]))"),
    (PY_START, r"(?:.*\s)?\s*[+| ]*(?:Exception Group )?Traceback \(most recent call (?:last|first)\):?"),
    (PY_FILE, r"[\s|+]*File \"[^\"]*\", line \d+"),
    (CHAIN, r"(?:During handling of the above exception|The above exception was the direct cause)"),
    (GO_START, r"(?:.*\bhttp: panic serving|panic: |fatal error: |unexpected fault address|SIG[A-Z]+: |runtime: |\tpanic: |\[recovered)"),
    (GOROUTINE, r"goroutine \d+ (?:gp=\S+ m=\S+(?: mp=\S+)? )?\[[^\]]*\]:"),
    (GO_PLACE, r"\s+\S+\.(?:go|s|c):\d+(?: \+\dx[0-9a-f]+)?"),
    (GO_EXTRA, r"\[signal |exit status \d|created by \S+|\[originating from goroutine|\.\.\.additional frames elided|rax |rip "),
    (GO_FUNCTION, r"[\w.~\-]+(?:/[\w.~\-]+)*\.?(?:\(\*?[\w.\[\]…, ·]+\)\.?)?[\w.·\[\]…$\-]*(?:\{\.\.\.\})?\((?:\{?\dx[0-9a-f?]+.*|\.\.\.|_, .*|)\)$"),
    (RUBY, r"\s+(?:\d+: )?(?:from )?(?:[\w\-]+ \([\w.]+\) )?(?:\S+/)*[\w.\-<>()#]+(?:\.rb|\.erb|\.rake|\.ru|\.cr)?:\d+(?::\d+)?:in [`']"),
    (STACK, r"\s*(?:#\d+ )?(?:Stack trace|stack backtrace|Stacktrace|Backtrace|Call stack|stack traceback|PHP Stack trace|CallStack \(from HasCallStack\)|\[stacktrace\])\s*:?\s*$"),
    (DART_START, r"(?:\S+ \(.*\): )?(?:Unhandled exception|Unhandled Exception|Uncaught exception):?\s*$"),
    (DART_GAP, r"<asynchronous suspension>|<…>|(?:\.\.\.\s+)\(\d+"),
    (NUMBERED, r"\s*(?:PHP\s+)?#\d+\s+\S"),
    (NET_END, r"\s*(?:--- End of |---> |--- End )"),
    (RUST_START, r"thread '[^']*' (?:\(\d+\) )?panicked at "),
    (RUST_FRAME, r"\s+\d+: \s*(?:\dx[0-9a-f]+ - )?\S|note: (?:run with|Some details|the panic)|stack backtrace:"),
    (ASAN, r"=+\d*=*\s?ERROR: \w+Sanitizer|==\d+==(?:ERROR|ABORTING|WARNING)|SUMMARY: \w+Sanitizer|\w+ of size \d+ at |=>?\dx[0-9a-f]+:|Shadow byte|\dx[0-9a-f]+ is located|(?:freed|previously allocated|allocated) by thread|={30,}"),
    (CPP_START, r"terminate called (?:after throwing|without an active)|Program (?:received signal|terminated)|Thread \d+ .*received signal|\*\*\* (?:Error in|Aborted at|SIG)|.*: Segmentation fault|PC: @"),
    (CPP_MORE, r"\s+what\(\):|Aborted(?: \(core dumped\))?$|\s+@\s+\dx[0-9a-f]+|\[\dx[0-9a-f]+\]|.*\(\+?\dx?[0-9a-f]*\) ?\[\dx[0-9a-f]+\]"),
    (PHP_THROWN, r"\s+thrown in "),
    (PERL, r"\s+\S*(?:::\S+)*\(?.*\)? called at \S+ line \d+"),
    (LUA, r"\s+\[C\]:|\s+\S+\.lua:\d+: in|\s+\[string "),
    (ANDROID, r"FATAL EXCEPTION|\*\*\* \*\*\* \*\*\*|ANR in "),
    (ANDROID_MORE, r"Process: \S+, PID: \d+|PID: \d+$"),
    (JS_PLACE, r"(?:file://)?(?:/|node:|[A-Za-z]:\\|\./)?\S+\.(?:js|ts|mjs|cjs|jsx|tsx):\d+(?::\d+)?$|node:\S+:\d+$"),
    (NODE_END, r"Node\.js v\d|    at |\s+(?:code|errno|syscall|cause|path|address|port): |\}$"),
    (ELIXIR, r"\s+\([\w.\- ]+\) \S+\.exs?:\d+: |\s+\S+\.exs?:\d+: |\s+\(stdlib"),
    (JULIA, r"\s*\[\d+\] \S|\s+@ \S"),
    (OOPS, r".*(?:-+\[ cut here \]-+|BUG: |Oops: |Call Trace:|Unable to handle kernel|general protection fault)"),
    (OOPS_MORE, r"\s*(?:\[<[0-9a-f]+>\] )?\??\s*[\w.]+\+\dx[0-9a-f]+/\dx[0-9a-f]+|(?:RIP|RSP|RAX|RBP|R\d\d|CPU|Code|CR\d|FS|DR\d|EIP|Modules linked in|Hardware name|Workqueue|PKRU|Tainted|Kernel panic|EFLAGS|CS): |<(?:IRQ|/IRQ|TASK|/TASK|NMI|/NMI|EOI)>|-+\[ end trace|.*</?TASK>"),
    (EXCEPTION, rf"\s?(?:(?:.*[\s\]:(])?(?:Exception in thread \"[^\"]*\" |exception '|Uncaught |Unhandled exception\. |Error: |\[)?)?{_EXC_NAME}(?:'? with message|\[|\s*\(|\)|:|\s*$)"),
    (BRACKET, r"[\[\]{}()]+,?\s*$"),
    (FUNCTION, r"[\w.~\-]+(?:/[\w.@~\-]+)+\.[\w.()*\[\]…$\-]+$"),
    (INDENT, r"(?:\s{2,}|\t)"),
)  # fmt: skip


@lru_cache(maxsize=1)
def _finder() -> re.Pattern[str]:
    return re.compile("|".join(f"(?P<s{shape}>{pattern})" for shape, pattern in _SHAPES))


# Without one of these a line has no shape but blank, indented or bracket: a quick test before the patterns.
_HINT = re.compile(
    r"^\s|at |\.\.\. |aused|uppressed|rapped|Traceback|File \"|xception|rror|hrowable|ailure|Fault|Interrupt|Warning|Exit|Err\b|imeout"
    r"|panic|goroutine|\.go:|signal|created by|exit status|\(.*\)$|tack|#\d|<asyn|---|note: |anitizer|==\d|terminate|Program|Thread"
    r"|\*\*\*|egmentation|\[\dx|core dumped|FATAL EXC|Process: |PID: |\.[mc]?[jt]sx?:\d|node:|Node\.js|\*\* \(|cut here|BUG: |Oops|Call Trace"
    r"|Unable|\+\dx|end trace|^RIP|^[A-Z]\w\w?\d?: |^[\[\]{}()]|/\S+\.|=====|Shadow|located|ORA|TASK|Modules|Hardware|Workqueue|rax |rip |SIG|elided|^\}|\bby thread"
)


def shape_of_line(folded: str) -> int:
    """The shape of one line of text, given with every digit written as 0."""
    text = folded[:400]
    if not text or text.isspace():
        return BLANK
    if _HINT.search(text) is None:
        return OTHER
    found = _finder().match(text)
    return OTHER if found is None else int((found.lastgroup or "s0")[1:])


_JAVA = frozenset((AT, MORE, CAUSED, NET_END, STACK))
_ACCEPTED: dict[str, frozenset[int]] = {
    "java": _JAVA,
    "python": frozenset(
        (PY_FILE, INDENT, PY_START, AT, NUMBERED, RUST_FRAME, JULIA, ELIXIR, GO_PLACE, RUBY, PERL, LUA, NODE_END, MORE)
    ),
    "go": frozenset((GOROUTINE, GO_FUNCTION, GO_PLACE, GO_EXTRA, GO_START, BLANK)),
    "zap": frozenset((FUNCTION, GO_PLACE, GO_FUNCTION)),
    "php": frozenset((NUMBERED, PHP_THROWN, STACK)),
    "numbered": frozenset((NUMBERED, DART_GAP, STACK, PHP_THROWN, AT)),
    "ruby": frozenset((RUBY, CAUSED)),
    "rust": frozenset((RUST_FRAME, AT, STACK, MORE)),
    "cpp": frozenset((NUMBERED, CPP_MORE, AT)),
    "asan": frozenset((NUMBERED, ASAN, BLANK, INDENT, CPP_MORE)),
    "perl": frozenset((PERL,)),
    "lua": frozenset((LUA, STACK)),
    "android": frozenset((ANDROID_MORE, EXCEPTION, AT, MORE, CAUSED)),
    "elixir": frozenset((ELIXIR,)),
    "julia": frozenset((JULIA, STACK)),
    "oops": frozenset((OOPS, OOPS_MORE)),
}
# What the first frame after a first line makes of it.
_CONFIRM: dict[int, dict[int, str]] = {
    EXCEPTION: {AT: "java", MORE: "java", CAUSED: "java", STACK: "php", NUMBERED: "numbered", RUBY: "ruby", NET_END: "java", PERL: "perl", ELIXIR: "elixir", JULIA: "julia", LUA: "lua"},
    DART_START: {NUMBERED: "numbered", AT: "java"},
    GO_START: {GOROUTINE: "go"},
    JS_PLACE: {AT: "java"},
    CPP_START: {NUMBERED: "cpp", CPP_MORE: "cpp"},
    ASAN: {NUMBERED: "asan"},
    ANDROID: {ANDROID_MORE: "android", EXCEPTION: "android", AT: "android"},
    OTHER: {},
}  # fmt: skip
_STARTS = frozenset((EXCEPTION, DART_START, GO_START, JS_PLACE, CPP_START, ASAN, ANDROID))
# A frame that speaks for itself joins the line before it, whatever that says.
_ALONE: dict[int, str] = {
    AT: "java", MORE: "java", RUBY: "ruby", PERL: "perl", LUA: "lua", ELIXIR: "elixir", PHP_THROWN: "php", CPP_MORE: "cpp", GOROUTINE: "go",
}  # fmt: skip
_STRONG_AT = re.compile(r"\s+(?:eval )?at\s.*(?:\(.*\)|:\d+:\d+\)?$| in .*:line \d+|:\d+\)$|\.{3,}$)")
_PY_LAST = re.compile(r"[\s|]*[A-Za-z_][\w.]*(?:: |:$|$)")
_PY_MARK = re.compile(r"[\s|]*[~^]+\s*$|[\s|]*\[Previous line repeated")


@dataclass(slots=True)
class _Stream:
    """The state of one stream: the trace that is open in it, and lines that may turn out to begin one."""

    kind: str = ""
    first: int = -1
    last: int = -1
    lines: int = 0
    size: int = 0
    prefixed: bool = False
    blanks: list[int] = field(default_factory=list)
    start: int = OTHER
    pending: list[int] = field(default_factory=list)
    nested: bool = False  # the line before announces a nested exception
    rest_head: bool = False  # whether the lines behind the first of `pending` have headers
    previous: int = -1  # the event of the line before
    previous_head: bool = False


class Joiner:
    """Gives each line the first line of its event; lines are told in order, by any numbers that grow.

    `parents` holds the answer for the lines since `forget` was last called; an answer may still change while a line is
    `undecided`.
    """

    def __init__(self, most_lines: int = MOST_LINES, most_bytes: int = MOST_BYTES):
        self.most_lines, self.most_bytes = most_lines, most_bytes
        self.parents: dict[int, int] = {}
        self._streams: dict[Hashable, _Stream] = {}
        self._open = -1
        self._open_lines = 0
        self._open_size = 0

    def ordinary(self, at: int) -> None:
        """A line with a header and no shape in a file of one stream: an event of its own, quickly."""
        self._open, self._open_lines, self._open_size = at, 1, 0
        if self._streams:
            self._streams.clear()

    def below(self, at: int, size: int, stream: Hashable = None) -> int:
        """A line without header in a format of headers: it belongs to the event above, within bounds."""
        if stream is None:
            if self._open < 0 or self._open_lines >= self.most_lines or self._open_size + size > self.most_bytes:
                self._open, self._open_lines, self._open_size = at, 0, 0
            self._open_lines += 1
            self._open_size += size
            self.parents[at] = self._open
            return self._open
        state = self._streams.setdefault(stream, _Stream())
        if state.previous < 0 or state.lines >= self.most_lines or state.size + size > self.most_bytes:
            state.previous, state.lines, state.size = at, 0, 0
        state.lines += 1
        state.size += size
        state.last = at
        self.parents[at] = state.previous
        return state.previous

    def line(self, at: int, head: bool, shape: int, text: str, size: int, stream: Hashable = None) -> int:
        """Any other line; returns the first line of its event as it looks now."""
        state = self._streams.get(stream)
        if state is None:
            state = self._streams[stream] = _Stream()
        parent = self._continued(state, at, head, shape, text, size)
        if parent is None:
            parent = self._begun(state, at, head, shape, text, size)
        self.parents[at] = parent
        state.previous = parent
        state.previous_head = head
        if parent == at or stream is None:
            if parent == at:
                self._open, self._open_lines, self._open_size = at, 1, size
            else:
                self._open = parent
        state.last = at
        return parent

    def _continued(self, state: _Stream, at: int, head: bool, shape: int, text: str, size: int) -> int | None:
        """The event of a trace that this line goes on with; None for none."""
        if not state.kind:
            return None
        if head and not state.prefixed:
            self._close(state)
            return None
        if state.lines >= self.most_lines or state.size + size > self.most_bytes:
            self._close(state)
            return None
        kind = state.kind
        if kind == "python-last":  # the exception is named: only a chained trace goes on
            if shape == BLANK and not state.blanks:
                state.blanks.append(at)
                return at
            if shape in (CHAIN, PY_START) and (shape == CHAIN or state.blanks):
                return self._take(state, at, size, "python-chain" if shape == CHAIN else "python", head)
            self._close(state)
            return None
        if kind == "python-chain":
            if shape == BLANK:
                return self._take(state, at, size, kind, head)
            if shape == PY_START:
                return self._take(state, at, size, "python", head)
            self._close(state)
            return None
        if shape == BLANK:
            if kind in ("go", "asan", "rust") and len(state.blanks) < 3:
                state.blanks.append(at)  # it belongs to the trace if the trace goes on
                return at
            self._close(state)
            return None
        if kind == "go" and state.blanks and shape not in (GOROUTINE, GO_EXTRA, GO_PLACE):
            self._close(state)
            return None
        if shape in _ACCEPTED[kind]:
            return self._take(state, at, size, kind, head)
        if kind == "python":
            if text[:1].isspace() or _PY_MARK.match(text):
                return self._take(state, at, size, kind, head)
            if shape == EXCEPTION or _PY_LAST.match(text):
                return self._take(state, at, size, "python-last", head)
        if (
            kind == "java"
            and not head
            and re.match(r"\s+(?:- (?:locked|waiting|parking|None)|\[cause\]|\||\(|\^)|Locked ownable", text)
        ):
            return self._take(state, at, size, kind, head)
        if kind == "java" and text.rstrip().endswith("nested exception is:"):
            state.nested = True
            return self._take(state, at, size, kind, head)
        if kind == "java" and state.nested and shape == EXCEPTION:
            state.nested = False
            return self._take(state, at, size, kind, head)
        if kind == "java" and not head and shape == NODE_END:
            return self._take(state, at, size, kind, head)
        if kind == "rust" and state.lines == 1:
            return self._take(state, at, size, kind, head)
        self._close(state)
        return None

    def _begun(self, state: _Stream, at: int, head: bool, shape: int, text: str, size: int) -> int:
        """A line that goes on with no open trace: it may begin one, or show that lines before it began one."""
        if state.pending:
            kind = _CONFIRM[state.start].get(shape)
            same = (len(state.pending) == 1 and (state.prefixed or not head)) or head == state.rest_head
            if kind is not None and same:
                state.kind, state.first = kind, state.pending[0]
                state.prefixed = head
                state.lines, state.size = len(state.pending), 0
                for one in state.pending:
                    self.parents[one] = state.first
                state.pending = []
                return self._take(state, at, size, kind, head)
            goes_on = same and len(state.pending) < MOST_PENDING
            goes_on = goes_on and (
                shape not in _STARTS
                or shape == ASAN
                or (shape == EXCEPTION and (state.start != EXCEPTION or state.nested))
            )
            state.nested = text.rstrip().endswith("nested exception is:")
            goes_on = goes_on and not (head and shape == OTHER and state.start != GO_START)
            if goes_on:
                state.rest_head = head
                state.pending.append(at)
                return at
            state.pending = []
        if shape in (PY_START, RUST_START, OOPS, STACK):
            if shape == STACK and not (state.previous >= 0 and state.last == at - 1 and not head):
                return at
            kind = {PY_START: "python", RUST_START: "rust", OOPS: "oops", STACK: "numbered"}[shape]
            first = at
            if shape == STACK:
                first = state.previous
                kind = "julia" if "Stacktrace" in text else "lua" if "traceback" in text else "numbered"
            state.kind, state.first, state.lines, state.size, state.prefixed = kind, first, 1, size, head
            state.blanks = []
            return first
        if shape in _STARTS:
            state.start, state.pending, state.prefixed = shape, [at], head
            return at
        kind = _ALONE.get(shape)
        if kind is not None and state.previous >= 0 and head == state.previous_head:
            strong = shape != AT or _STRONG_AT.match(text) is not None
            if strong and shape not in (GOROUTINE, CPP_MORE):
                state.kind, state.first, state.lines, state.size, state.prefixed = kind, state.previous, 2, size, head
                return state.first
        if shape == GOROUTINE:
            first = state.previous if state.previous >= 0 and not head and "panic" in text else at
            state.kind, state.first, state.lines, state.size, state.prefixed = "go", first, 1, size, head
            return first
        return at

    def _take(self, state: _Stream, at: int, size: int, kind: str, head: bool) -> int:
        state.prefixed = state.prefixed and head
        for blank in state.blanks:
            self.parents[blank] = state.first
        state.blanks = []
        state.kind = kind
        state.lines += 1
        state.size += size
        return state.first

    @staticmethod
    def _close(state: _Stream) -> None:
        state.kind, state.blanks, state.pending = "", [], []

    def undecided(self) -> int | None:
        """The first line whose event may still grow or change; None where all is decided."""
        lines = [
            min([state.first if state.kind else 1 << 62, *state.pending[:1]])
            for state in self._streams.values()
            if state.kind or state.pending
        ]
        return min(lines, default=None)

    def forget(self) -> None:
        """Take all answers as final and begin anew, with no event above."""
        self.parents.clear()
        self._streams.clear()
        self._open, self._open_lines, self._open_size = -1, 0, 0


_ENDS_PROCESS = re.compile(
    rb"panic: |fatal error: |Exception in thread |thread '[^']*' (?:\(\d+\) )?panicked at |terminate called |libc\+\+abi: "
    rb"|\*\*\* stack smashing|(?:double free|malloc\(\)|free\(\)|corrupted)[^=]*: ?|(?:\S+: line \d+: +\d+ )?(?:Segmentation fault|Aborted|Killed)\b"
)


def ends_process(line: bytes) -> bool:
    """Whether a line is the first that a runtime writes when it ends the process; it belongs to no line logged before.

    >>> ends_process(b"panic: runtime error: index out of range"), ends_process(b"Traceback (most recent call last):")
    (True, False)
    """
    return _ENDS_PROCESS.match(line) is not None


_EXCEPTION_NAME = re.compile(
    r"(?:^|[\s\"'\]:(>])((?:[A-Za-z_$][\w$]*[.:/\\]+)*(?:[A-Za-z_$][\w$]*)?(?:Exception|Error|Throwable|Failure|Fault|Interrupt|Exit|Timeout))\b(?! in thread)"
)
_PY_EXCEPTION = re.compile(r"^[\s|]*((?:\w+\.)*[A-Za-z_]\w*)(?::|\s*$)")
_CAUSE = re.compile(r"^\s*(?:Caused by:|--->)\s*((?:[\w$]+[.:])*[\w$]+)")
_FRAMES: tuple[tuple[re.Pattern[str], bool], ...] = (
    (
        re.compile(
            r"^\s+at\s+(?:async |new )?(?P<name>[\w$.<>/`+\[\]*]+)(?: \[as \w+\])? ?\((?P<file>[^():]*(?:\([^)]*\))?[^():]*)"
        ),
        False,
    ),
    (re.compile(r"^\s+at\s+(?:async )?(?P<name>)(?P<file>(?:file://|node:|[A-Za-z]:)?[^\s:()]+):\d+"), False),
    (re.compile(r'^[\s|]*File "(?P<file>[^"]+)", line \d+(?:, in (?P<name>\S+))?'), True),
    (re.compile(r"^\s+(?:from )?(?P<file>[^\s:]+):\d+(?::\d+)?:in [`'](?P<name>[^']+)'"), False),
    (re.compile(r"^\s*#\d+\s+(?P<file>/?[^\s(:]+\.(?:php|inc))\(\d+\): (?P<name>[^(]+)"), False),
    (
        re.compile(r"^\s*#\d+\s+(?:0x[0-9a-f]+ in )?(?P<name>[\w.<>:~$ ]+?)\s*\((?P<file>[^():]*(?::[^():]*\.dart)?)"),
        False,
    ),
    (re.compile(r"^(?P<name>[\w./\-*()]+?)\((?:0x|\{0x|\.\.\.|\))(?P<file>)"), False),
    (re.compile(r"^\s+\d+: (?:0x[0-9a-f]+ - )?(?P<name>[\w:<>$ ]+?)(?:::h[0-9a-f]{16})?(?P<file>)$"), False),
    (re.compile(r"^\s+\([\w.\- ]+\) (?P<file>\S+\.exs?):\d+: (?P<name>\S+)"), False),
)
_FOREIGN = re.compile(
    r"^(?:java|javax|jdk|sun|com\.sun|kotlin|kotlinx|scala|akka|groovy|clojure|jakarta|reactor|io\.netty|org\.springframework|org\.apache|org\.eclipse"
    r"|org\.hibernate|org\.jboss|org\.junit|org\.gradle|com\.google|com\.zaxxer|com\.fasterxml|android|androidx|dalvik|System|Microsoft|runtime|net/http"
    r"|std|core|alloc|tokio|rust_begin_unwind|__rust|_start|panic|dart|next$|Object$|Layer|Function|Module\._|Promise|process\.)(?:\W|$)"
    r"|node_modules|node:|internal/|site-packages|dist-packages|lib/python|lib64/python|<frozen|/usr/local/go/|/rustc/|\.cargo|vendor/|/gems/|dart:|package:flutter"
)


def trace_key(lines: Sequence[str]) -> tuple[str, str]:
    """(exception type, top own frame) of the lines of a trace; "" for what is not found.

    The type is that of the outermost exception and, behind ` < `, of its root cause; of a Python trace the last one.
    The frame is the nearest to the fault that is not of a library, as function and file without line number.
    """
    exception, frame, foreign = "", "", ""
    inner_first = True
    cause = ""
    python = False
    for at, line in enumerate(lines[:400]):
        text = line[:2000]
        if "Traceback (most recent call" in text:
            python, frame, foreign = True, "", ""
        if not exception or python:
            if (
                python
                and at
                and not text[:1].isspace()
                and (named := _PY_EXCEPTION.match(text))
                and "Traceback" not in text
            ):
                exception = named[1]
            elif (named := _EXCEPTION_NAME.search(text)) and not (python and exception):
                exception = named[1]
        if (found := _CAUSE.match(text)) and exception:
            cause = found[1]
        for pattern, last_is_inner in _FRAMES:
            hit = pattern.match(text)
            if hit is None:
                continue
            inner_first = not last_is_inner
            name, file = (hit["name"] or "").strip(), (hit["file"] or "").rpartition("/")[2]
            shown = f"{name} ({file})" if name and file and not name.endswith(file) else name or file
            if _FOREIGN.search(name or hit["file"] or "") or _FOREIGN.search(hit["file"] or ""):
                foreign = foreign or shown
            elif not frame or not inner_first:
                frame = shown
            break
    if not exception and lines and lines[0].startswith(("panic: ", "fatal error: ")):
        exception = "panic"
    elif not exception and "panicked at" in lines[0]:
        exception = "panic"
    if cause and cause != exception:
        exception = f"{exception} < {cause}"
    return exception, re.sub(r"\d+", "0", frame or foreign)
