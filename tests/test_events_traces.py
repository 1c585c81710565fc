"""Which lines are one event: traces of many languages, with headers, behind prefixes, in plain text, and things that are none."""

from __future__ import annotations

import json

import pytest

from logllm.hf_datasets.events import EventLog, LiveEvents, TemplateKeys
from logllm.hf_datasets.events.traces import MOST_LINES, Joiner, shape_of_line, trace_key

RUST = """starting
thread 'main' panicked at src/main.rs:4:5:
index out of bounds: the len is 3 but the index is 7
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b431/library/std/src/panicking.rs:647:5
   1: core::panicking::panic_fmt
   2: shop::orders::post
             at ./src/orders.rs:41:9
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.
stopped"""
NET = """ready
Unhandled exception. System.InvalidOperationException: Sequence contains no elements
 ---> System.ArgumentException: bad row
   at Shop.Ledger.Post(Row row) in /src/Ledger.cs:line 41
   --- End of inner exception stack trace ---
   at Shop.Program.Main(String[] args) in /src/Program.cs:line 12
stopped"""
RUBY = """ready
app.rb:41:in `post': undefined method `id' for nil (NoMethodError)
\tfrom app.rb:12:in `block in run'
\tfrom /usr/lib/ruby/3.2.0/set.rb:501:in `each'
stopped"""
PHP = """ready
PHP Fatal error:  Uncaught RuntimeException: no ledger in /srv/app/Ledger.php:41
Stack trace:
#0 /srv/app/index.php(12): Ledger->post()
#1 {main}
  thrown in /srv/app/Ledger.php on line 41
stopped"""
NODE = """ready
/srv/app/ledger.js:41
    throw new Error('balance below zero');
    ^

Error: balance below zero
    at Ledger.post (/srv/app/ledger.js:41:11)
    at Object.<anonymous> (/srv/app/index.js:12:3)
stopped"""
CHAINED = """ready
Traceback (most recent call last):
  File "/srv/app/a.py", line 3, in load
    return table[name]
           ~~~~~^^^^^^
KeyError: 'ledger'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/app/b.py", line 9, in run
    load(name)
shop.errors.Missing: no ledger
stopped"""
PERL = """ready
no ledger at Ledger.pm line 41.
\tLedger::post(HASH(0x55d0)) called at app.pl line 12
\tmain::run() called at app.pl line 3
stopped"""
LUA = """ready
lua: app.lua:41: attempt to index a nil value
stack traceback:
\tapp.lua:41: in function 'post'
\t[C]: in ?
stopped"""
ASAN = """ready
==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x602000000010 at pc 0x55
READ of size 4 at 0x602000000010 thread T0
    #0 0x55d0 in post /src/ledger.c:41
    #1 0x55d1 in main /src/main.c:12
stopped"""
GDB = """ready
Program received signal SIGSEGV, Segmentation fault.
#0  0x000055d0 in post (row=0x0) at ledger.c:41
#1  0x000055d1 in main () at main.c:12
stopped"""
ELIXIR = """ready
** (RuntimeError) no ledger
    (shop 0.1.0) lib/shop/ledger.ex:41: Shop.Ledger.post/1
    (elixir 1.15.0) lib/enum.ex:987: Enum."-each/2-lists^foreach/1-0-"/2
stopped"""
KOTLIN = """ready
Exception in thread "main" kotlin.UninitializedPropertyAccessException: lateinit property ledger
\tat com.example.Shop.post(Shop.kt:41)
\tat com.example.ShopKt.main(Shop.kt:12)
\tSuppressed: java.io.IOException: closed
\t\tat com.example.Shop.close(Shop.kt:60)
Caused by: java.lang.IllegalStateException: no ledger
\t... 2 more
stopped"""
CPP = """ready
terminate called after throwing an instance of 'std::runtime_error'
  what():  no ledger
stopped"""

PLAIN = {
    "rust": (RUST, [1, 9, 1]),
    "net": (NET, [1, 5, 1]),
    "ruby": (RUBY, [1, 3, 1]),
    "php": (PHP, [1, 5, 1]),
    "node": (NODE, [1, 7, 1]),
    "python chained": (CHAINED, [1, 12, 1]),
    "perl": (PERL, [1, 3, 1]),
    "lua": (LUA, [1, 4, 1]),
    "asan": (ASAN, [1, 4, 1]),
    "gdb": (GDB, [1, 3, 1]),
    "elixir": (ELIXIR, [1, 3, 1]),
    "kotlin": (KOTLIN, [1, 7, 1]),
    "c++": (CPP, [1, 2, 1]),
}


def events(tmp_path, lines):
    path = tmp_path / "case.log"
    path.write_text("\n".join(lines) + "\n")
    return list(EventLog([path]).read(0))


def numbers_of(found, lines):
    """The line numbers of each event; its lines are looked up where they do not follow one another."""
    return [len(event.lines) for event in found]


@pytest.mark.parametrize("name", PLAIN)
def test_traces_in_plain_text(tmp_path, name):
    text, counts = PLAIN[name]
    assert numbers_of(events(tmp_path, text.split("\n")), text) == counts


@pytest.mark.parametrize("name", PLAIN)
def test_traces_below_a_header(tmp_path, name):
    head = "2024-06-03 11:20:01,137 INFO [worker-1] shop.orders - order 17 accepted"
    trace = PLAIN[name][0].split("\n")[1:-1]
    found = events(tmp_path, [head, head.replace("INFO", "ERROR"), *trace, head, head])
    assert [len(event.lines) for event in found] == [1, 1 + len(trace), 1, 1]


@pytest.mark.parametrize("name", ["kotlin", "rust"])
def test_the_end_of_a_process_is_no_part_of_what_it_said_before(tmp_path, name):
    head = "2024-06-03 11:20:01,137 INFO [worker-1] shop.orders - order 17 accepted"
    trace = PLAIN[name][0].split("\n")[1:-1]
    found = events(tmp_path, [head, head, *trace, head])
    assert [len(event.lines) for event in found] == [1, 1, len(trace), 1]


@pytest.mark.parametrize("name", ["kotlin", "python chained", "net", "ruby", "elixir"])
def test_traces_behind_a_prefix(tmp_path, name):
    lines = PLAIN[name][0].split("\n")
    counts = PLAIN[name][1]
    syslog = [f"Jun  3 11:20:01 node1 shop[411]: {line}" for line in lines]
    assert [len(event.lines) for event in events(tmp_path, syslog)] == counts
    docker = [json.dumps({"log": line + "\n", "stream": "stderr", "time": "2024-06-03T11:20:01.1Z"}) for line in lines]
    assert [len(event.lines) for event in events(tmp_path, docker)] == counts


def test_two_streams_by_turns(tmp_path):
    trace = [line for line in PLAIN["kotlin"][0].split("\n") if line.strip()]
    lines = []
    for line in trace:
        lines.append(f"2024-06-03T11:20:01.007919123Z stderr F {line}")
        lines.append("2024-06-03T11:20:01.007919123Z stdout F GET /health 200")
    found = events(tmp_path, lines)
    assert [len(event.lines) for event in found if event.attributes["stream"] == "stderr"] == [1, len(trace) - 2, 1]
    assert all(len(event.lines) == 1 for event in found if event.attributes["stream"] == "stdout")


@pytest.mark.parametrize(
    "lines",
    [
        ["Checking dependencies", "  zlib 1.3        yes", "  at most 3 tries", "done"],
        ["error: 3 tests failed", "  - login", "  - pay", "see the log"],
        ["PASS src/a.test.js", "FAIL src/b.test.js", "Tests: 1 failed, 1 passed"],
        ["total 12", "drwxr-xr-x 2 root root 4096 May  1 09:07 bin", "-rw-r--r-- 1 root root 12 May  1 09:07 x"],
        ["#1 first point", "#2 second point", "#3 third point"],
        ["SELECT id,", "       total", "FROM orders;"],
        ["goroutines: 12", "panic button pressed", "all is well"],
    ],
)
def test_no_traces(tmp_path, lines):
    assert [len(event.lines) for event in events(tmp_path, lines)] == [1] * len(lines)


@pytest.mark.parametrize(
    ("name", "exception", "frame"),
    [
        ("kotlin", "kotlin.UninitializedPropertyAccessException < java.lang.IllegalStateException", "com.example.Shop.post (Shop.kt)"),
        ("python chained", "shop.errors.Missing", "run (b.py)"),
        ("net", "System.InvalidOperationException < System.ArgumentException", "Shop.Ledger.Post"),
        ("ruby", "NoMethodError", "block in run (app.rb)"),
        ("node", "Error", "Ledger.post (ledger.js)"),
    ],
)  # fmt: skip
def test_trace_key(name, exception, frame):
    found = trace_key(PLAIN[name][0].split("\n")[1:-1])
    assert found[0] == exception
    assert found[1].startswith(frame)


def test_a_known_trace_has_its_template_and_a_new_one_another(tmp_path):
    def trace(line, kind, frame):
        return [
            f"2024-06-03 11:20:{line:02} ERROR [main] shop - send {line} failed",
            f"java.io.{kind}: broken pipe",
            f"\tat com.example.{frame}(Gateway.java:{line})",
        ]

    lines = [*trace(1, "IOException", "Gateway.send"), *trace(22, "IOException", "Gateway.send")]
    lines += [*trace(3, "EOFException", "Gateway.send"), *trace(4, "IOException", "Ledger.post")]
    path = tmp_path / "x.log"
    path.write_text("\n".join(lines) + "\n")
    log = EventLog([path])
    positions = [at for batch in log.batches() for at in batch.template.tolist()]
    assert positions[0] == positions[1]
    assert len(set(positions)) == 3
    assert "java.io.EOFException at com.example.Gateway.send" in log.templates[positions[2]]


def test_bounds():
    joiner = Joiner()
    joiner.ordinary(0)
    parents = [joiner.below(at, 10) for at in range(1, 2 * MOST_LINES + 2)]
    assert parents[0] == 0
    assert len(set(parents)) == 3
    joiner = Joiner()
    joiner.ordinary(0)
    assert [joiner.below(at, 400_000) for at in range(1, 5)] == [0, 0, 3, 3]


@pytest.mark.parametrize("text", ["", "   ", "plain", "\x00", "a" * 100_000, "(" * 5000, "at " * 3000])
def test_shapes_of_odd_lines_are_told_quickly(text):
    assert isinstance(shape_of_line(text), int)


def whole(batches):
    return [event for batch in batches for event in batch.events(batch.columns.number.tolist()).values()]


def test_a_stream_gives_whole_events():
    stream = LiveEvents(TemplateKeys(), seconds=2.0)
    lines = PLAIN["kotlin"][0].split("\n")[1:-1]
    head = "2024-06-03 11:20:01,137 ERROR [worker-1] shop.orders - broken"
    got = []
    for at, line in enumerate([head] * 30 + lines):
        got += whole(stream.feed([line], 100.0 + at))
    assert len(got) == 29  # the last header waits for what may stand below it
    got += whole(stream.flush(200.0))
    assert [len(event.lines) for event in got] == [1] * 29 + [1 + len(lines)]
    assert got[-1].number == 30
    assert not list(stream.flush(300.0))


MORE = {
    "v8": ["V8 errors stack trace", "  eval at Foo.a (eval at Bar.z (script.js:10:3))", "  at new Name (native)", "  at Type.main (a.js:6:4)"],
    "rails": ['ActionController::RoutingError (No route matches [GET] "/x"):', "  ", "  actionpack (5.1.4) lib/debug.rb:63:in `call'", "  rack (2.0.3) lib/lock.rb:17:in `call'"],
    "mail": ["java.lang.RuntimeException: javax.mail.SendFailedException: Invalid Addresses;", "  nested exception is:", "com.sun.mail.smtp.SMTPAddressFailedException: 550 denied", "", "\tat com.example.Mail.send(Mail.java:12)", "Caused by: javax.mail.SendFailedException: Invalid Addresses;", "  nested exception is:", "com.sun.mail.smtp.SMTPAddressFailedException: 550 denied", "\tat com.sun.mail.Transport.rcpt(Transport.java:1862)", "\t... 12 more"],
    "php on gae": ["PHP Fatal error:  Uncaught exception 'Exception' with message 'x' in /base/a.php:1", "Stack trace:", "#0 [internal function]: func()", "#1 {main}", "  thrown in /base/a.php on line 1"],
    "go": ["panic: runtime error: index out of range", "", "goroutine 12 [running]:", "main.access()", "\tcrash.go:58 +0x12a", "main.handler(0x2afb7042a408, 0xc01042f880, 0xc0104d3450)", "\tcrash.go:36 +0x7ec"],
    "exception group": ["  + Exception Group Traceback (most recent call last):", '  |   File "a.py", line 3, in <module>', "  |     raise ExceptionGroup('x', [ValueError(1)])", "  | ExceptionGroup: x (1 sub-exception)"],
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_more_traces(tmp_path, name):
    trace = MORE[name]
    found = events(tmp_path, ["ready and waiting", *trace, "all done now"])
    assert [len(event.lines) for event in found] == [1, len(trace), 1]


def test_pretty_json_is_a_record_only_where_it_is_a_log(tmp_path):
    record = ["{", '  "level": "error",', '  "msg": "x"', "}"]
    assert [len(event.lines) for event in events(tmp_path, record * 2)] == [4, 4]
    settings = ["{", '  "order": 17,', '  "sku": "A1"', "}"]
    assert [len(event.lines) for event in events(tmp_path, settings)] == [1, 1, 1, 1]
