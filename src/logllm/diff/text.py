"""Lines as text: what is taken off, what is masked, and what kind of line each is.

Everything here is a table of patterns that polars applies to a whole column of lines, so that a million lines take
seconds. Its regular expressions (Rust's) have neither look-around nor back-references.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from logllm.hf_datasets.build_log_pairs import STEP
from logllm.hf_datasets.drain import template_key

# A line longer than this is compared by its beginning; build tools print megabytes of one line now and then.
LONGEST = 2000

# Terminal escapes: CSI sequences, OSC sequences (titles, links, Buildkite times), and colours whose escape byte was
# lost on the way (`[31m`).
_ESCAPES = r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b_[^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[@-_]|\[\d{1,3}(?:;\d{1,3})*m|\x07"
_DATE = r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
# What stands before the text: the runner's time, alone, in brackets, after `job<TAB>step<TAB>`, or with GitLab's stream mark.
PREFIXES = (
    rf"^\x{{FEFF}}?(?:[^\t]{{1,120}}\t[^\t]{{1,160}}\t)?{_DATE}(?: \d\d[OE][+ ]?)? ?",
    rf"^\x{{FEFF}}?[\[(]{_DATE}[\])]:? ?",
    r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d ",
    r"^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]? ",
    # A logger that passes on what commands print (mock's root.log): the command's words are the text.
    r"^(?:DEBUG|INFO) \w+\.py:\d+: +",
)
# Order counts: the narrow ones first. The first five keep what is a word although it is a number: whether something
# failed, with which code it ended, which status came back.
MASKS = (
    (r"(?i)(\bstatus(?:[ _-]?code)?['\"]?[:= ]+['\"]?|\bHTTP/\d(?:\.\d)?['\"]? |['\"] )4\d\d\b", "${1}REFUSED"),
    (r"(?i)(\bstatus(?:[ _-]?code)?['\"]?[:= ]+['\"]?|\bHTTP/\d(?:\.\d)?['\"]? |['\"] )5\d\d\b", "${1}BROKEN"),
    (r"(?i)\b(errors?|failures?|failed|failing)(['\"]?[:=] ?)[1-9]\d*\b", "${1}${2}SOME"),
    (r"(?i)\b[1-9]\d* ((?:\w+ )?(?:errors?|failures?|failed|failing|problems?)\b)", "SOME ${1}"),
    (
        r"(?i)\b((?:exit(?:ed)?|return(?:ed)?|status|error|signal|errno)(?: with)?(?: (?:code|status|value|signal))?(?: was)?:? ?=?)[1-9]\d{0,4}\b",
        "${1}NONZERO",
    ),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}", "0"),
    (r"\b0x[0-9a-fA-F]+\b", "0"),
    (r"\b[0-9a-f]{7,64}\b", "0"),
    (r"/tmp/[\w.+-]+", "/tmp/0"),
    (r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* ?\d", "0"),
    (r"\d+(?:[.,:]\d+)*", "0"),
    (
        r"\b0 ?(?:[kKMGTP]i?B|[Bb]ytes|B|kb|ns|µs|us|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|h|%)(?:/s(?:ec)?)?\b",
        "0u",
    ),
    (r"(?:0[um]*[ |/:,.-]*)+", "0"),
    (r"[-=*#~_.+ ]{6,}", " "),
    (r"\s+", " "),
)
# Numbers, versions and hashes within names: what a near-equal line may differ in besides.
LOOSER = (
    (r"[-\w./@+]*0[-\w./@+]*", "0"),
    (r"https?://\S+", "URL"),
    (r"\b(?:SNAPSHOT|alpha|beta|rc|incompatible)\b", "0"),
)

_WORDS = (
    r"(?i)\b(?:errors?|fail(?:ed|s|ure|ures|ing)?|exceptions?|fatal|cannot|can't|could ?n[o']t|unable|not found|undefined|"
    r"undeclared|unresolved|missing|denied|refused|forbidden|unauthorized|timed? ?out|no space left|no such|does not exist|"
    r"no match|nothing provides|invalid|unexpected|unknown|mismatch|abort(?:ed|ing)?|crash(?:ed)?|killed|segmentation|"
    r"core dumped|panic(?:ked)?|conflicts?|incompatible|illegal|violat\w+|rejected|unreachable|unsupported|wrong|"
    r"not up-to-date|out of memory|broken|corrupt\w*|unsafe|must (?:be|not)|not (?:a|an|be|have|exist|match|allowed|permitted))\b"
)
# (name, pattern): what kind of line it is; a line may be of several kinds. The ranker sees each as 0 or 1.
KINDS: tuple[tuple[str, str], ...] = (
    ("empty", r"^[\s\W_]*$|^\W*(?:ERROR|INFO|WARN(?:ING)?|DEBUG)\W*$"),
    (
        "error_tag",
        r"(?i)^\W{0,4}(?:error|fatal|severe|critical|err!|npm err!|e|problem(?: \d+)?|rpm build errors|abort(?:ed)?)\b ?[\]\[:!]|^##\[error\]|^\S{1,40}(?: \S+)?: (?:fatal )?error\b|^(?:FATAL|ERROR|Error)\b|^E  "
        r"|^Hunk #\d+ FAILED|^\s*(?:No match for argument|nothing provides)\b|\b(?:undefined reference|unresolved external)\b",
    ),
    ("warning_tag", r"(?i)^\W{0,4}warn(?:ing)?\b|^##\[warning\]|: warning:|^warning"),
    ("info_tag", r"(?i)^\W{0,4}(?:info|debug|trace|notice)\b ?[\]\[:]|^##\[debug\]"),
    ("word", _WORDS),
    ("strong_word", r"(?i)\b(?:error|failed|failure|fatal|exception|panic|cannot|undefined|not found)\b"),
    (
        "zero",
        r"(?i)\b(?:0|no) (?:\w+ )?(?:errors?|failures?|failed|warnings?|problems?)\b|(?i)\b(?:errors?|failures?|failed)(?: in \w+)?['\"]?[:=] ?0\b",
    ),
    (
        "nonzero",
        r"(?i)\b(?:errors?|failures?|failed)['\"]?[:=] ?[1-9]|\b[1-9]\d* (?:\w+ )?(?:errors?|failures?|failed)\b",
    ),
    ("place", r"[\w)\]-]\.[A-Za-z]{1,6}:(?:\[?\d+[,:]\d+|\d+)|\.\w{1,5}\(\d+(?:,\d+)?\)|(?i)\bline:? \d+"),
    ("place_column", r"\.[A-Za-z]{1,6}:\[?\d+[,:]\d+|\.\w{1,5}\(\d+,\d+\)"),
    (
        "exception",
        r"\b[\w.$]*[A-Za-z](?:Exception|Error|Failure|Fault|Shutdown)\b|^panic:|^Traceback|^\W*Caused(?: by)?:",
    ),
    (
        "frame",
        r"^\s+at (?:\S+|async \S+)|^\s*File \".*\", line|^\s+\S+\.go:\d+(?: \+0x|$)|^\s*\.\.\. \d+ (?:more|common)|^goroutine \d+|^\s*\d+: +\S+::|^\s+from \S+:\d+|^\s+\S+\.(?:rb|py|js|ts|php|ex|exs|rs|c|cc|cpp|h|hpp):\d+(?::\d+)?(?:\b|$)|^[\w./*()-]+\.[\w.*()-]+\((?:0x|\{0x|\.\.\.|\))|^created by ",
    ),
    ("caret", r"^\s*(?:\d+ )?\|?\s*[~^]+[~^-]*\s*$|^\s*\^"),
    (
        "test_failed",
        r"--- FAIL|<<< (?:FAILURE|ERROR)!|\bFAILED\b|^\s*(?:not ok|FAIL:?)\b|[✕✗✖×❌]|AssertionError|AssertionFailed|\bassert\w*\b.*\bfail|(?i)\bexpected\b.*\b(?:but|got|found|actual|was)\b",
    ),
    (
        "ended",
        r"(?i)\bexit(?:ed)?(?:ing)?(?: with)?(?: (?:code|value))?:? [1-9]|build (?:failure|failed)|finished: failure|return code was|job failed|process completed with",
    ),
    (
        "tool_failed",
        r"^make(?:\[\d+\])?: \*\*\*|^ninja: |^(?:exit status|returned?) [1-9]|marked build as failure|(?i)failed to execute goal|\[(?:build|setup) failed\]|unsuccessful!|ld returned [1-9]|returned non-zero|recipe for target|command .{1,80} (?:failed|exited)|execution failed for|bad exit status",
    ),
    (
        "runner_ended",
        r"^##\[error\]process completed|(?i)process completed with|^finished: |^error: job failed|child return code|^build (?:failure|failed)|sending e-?mails|cleaning up|^\W*(?:info\W+)?build (?:failure|failed)\W*$",
    ),
    ("fail_alone", r"^\s*FAIL(?:ED|URE)?\b.{0,90}$|FAILURE \["),
    (
        "help",
        r"(?i)for more information|re-run|^\W*(?:error\W+)?(?:note|hint|help|tip|see)\b|\bsee (?:the|http)|\[help \d\]|please (?:refer|read|see|run)|read the following|full stack trace|run with\b",
    ),
    (
        "echo",
        r"^\x1b\[36;1m|^\+{1,3} |^\$ |^> |^\[command\]|^##\[(?:command|group|endgroup|section)\]|^::(?:group|endgroup)|^Step \d+/|^#\d+ \[|^section_(?:start|end)",
    ),
    ("group", STEP),
    (
        "transfer",
        r"(?i)^\W*(?:info\W+)?(?:downloading|downloaded|progress|receiving|received \d|resolving|fetched|get:\d|hit:\d|unpacking|selecting|preparing to|setting up|collecting|using cached|uploading|uploaded|pulling|pulled|extracting|verifying|remote:|go: (?:downloading|finding|extracting)|waiting for|[0-9a-f]{12}:)",
    ),
    ("progress", r"\d+(?:\.\d+)? ?%|\d+/\d+.*\b[kM]B|[#=]{5,}>?|\b(?:[kKMG]i?B|bytes)/s"),
    (
        "source_control",
        r"(?i)^\W*(?:head is now|commit message|checking out|switched to|note: switching|branch '|turn off this advice|you are in 'detached|changes and commit|state without impacting|if you want to create|do so \(now|git switch|or undo this|\* \[new|from https?://|merge )|\brefs/(?:heads|remotes|tags|pull)\b|->\s+(?:origin|pull)/",
    ),
    (
        "setting",
        r"^\s{1,8}[\w.-]+: \S|^[A-Z][A-Z0-9_]+=|^\s*(?:export|declare) |(?i)^\W*(?:key|path|restore-keys|secret source|job defined|cache|shell|env)\b ?:",
    ),
    ("cache", r"(?i)\bcache\b|\brestored\b|temporarily overriding|post job cleanup|_temp/|/tmp/"),
    ("mail", r"(?i)e-?mails?\b|\bnotif(?:y|ied|ication)|\barchiv(?:e|ing)\b|deleting project|cleanup|ws-cleanup"),
    ("rule", r"^\W*(?:INFO|ERROR)?\W*[-=*#~_]{5,}\W*$"),
    ("passed", r"^ok\b|^\?\s|(?i)\bpass(?:ed)?\b|\bsuccess(?:ful|fully)?\b|✓|✔|no test files"),
    (
        "total",
        r"(?i)^\W*(?:info\W+|error\W+)?(?:results?:|tests run|total|summary|\d+ (?:errors?|warnings?|tests?)\b|reactor summary|failures:|errors:|tests? (?:failed|in error))|={3,} .*(?:failed|passed|summary)",
    ),
    ("header", r"(?i)^\W*(?:\w+\W+)?(?:compilation|build) (?:error|warning|failure)|^# [\w./-]+|:\s*$"),
    (
        "diff_mark",
        r"^\s*[+-]\s|^\s*(?:symbol|location|required|found|reason|got|want|expected|actual|have|error|note|help|hint|wrong|received|where|because)\b ?:|^\s*[+-]",
    ),
    ("code", r"[{};]\s*$|^\s+\d+ ?\||^\s*\|"),
    ("url", r"https?://"),
)
KIND_NAMES = tuple(name for name, _ in KINDS)


def readable(lines: pl.Series) -> pl.Series:
    """Lines without terminal escapes, with what they said before the prefix; the form that people are shown."""
    return lines.str.replace_all(_ESCAPES, "")


def bare(lines: pl.Series) -> pl.Series:
    """Lines without terminal escapes and without the time before the text, cut at `LONGEST` characters."""
    text = lines.str.slice(0, LONGEST).str.replace_all(_ESCAPES, "")
    for pattern in PREFIXES:
        text = text.str.replace(pattern, "")
    return text


def masked(text: pl.Series) -> pl.Series:
    """What two runs of the same step have in common: times, sizes, ids, hashes and numbers masked (`bare` text in)."""
    for pattern, put in MASKS:
        text = text.str.replace_all(pattern, put)
    return text.str.strip_chars()


def key_of_line(line: str) -> str:
    """What `logllm ok` calls a line that a comparison found: 12 hex digits."""
    return template_key(masked(bare(pl.Series([line])))[0])


def loosened(text: pl.Series) -> pl.Series:
    """Masked text with every word that holds a number, and every address, masked whole (`masked` text in)."""
    for pattern, put in LOOSER:
        text = text.str.replace_all(pattern, put)
    return text


def kinds(text: pl.Series, raw: pl.Series) -> NDArray[np.bool_]:
    """`(n, len(KINDS))`: which kinds of line each is, from its bare text; `raw` tells commands that are echoed in colour."""
    columns = [text.str.contains(pattern).to_numpy() for _, pattern in KINDS]
    columns[KIND_NAMES.index("echo")] = columns[KIND_NAMES.index("echo")] | raw.str.contains(r"\x1b\[36;1m").to_numpy()
    return np.stack(columns, axis=1)


def of_kind(found: NDArray[np.bool_], *names: str) -> NDArray[np.bool_]:
    """`(n,)`: whether a line is of any of these kinds, from what `kinds` found."""
    return np.asarray(found[:, [KIND_NAMES.index(name) for name in names]].any(axis=1), bool)


def indents(text: pl.Series) -> NDArray[np.int32]:
    """`(n,)`: leading blanks, a tab counting four."""
    lead = text.str.extract(r"^(\s*)", 1).str.replace_all("\t", "    ")
    return lead.str.len_chars().fill_null(0).to_numpy().astype(np.int32)
