"""The report of events: hostile text stays text, everything that was found is in it, and it fits a phone."""

import re

import numpy as np
import pytest
from chromium import open_chromium
from typer.testing import CliRunner

from logllm.cli.app import app
from logllm.report.event_html import render_event_report, write_event_report

HOSTILE = "</script><img src=x onerror=alert(1)>\x1b[31m\u202e"


def row(rank=1, **more):
    lines = [
        {"number": 41, "text": HOSTILE, "score": 7.5, "reason": "never seen among 900 events"},
        *(
            {"number": 42 + at, "text": f"\tat com.shop.Order.step{at}", "score": 0.0, "reason": ""}
            for at in range(20)
        ),
    ]
    values = {
        "rank": rank, "kind": "new", "score": 7.5, "file": "logs/app.log", "first_line": 41, "last_line": 61, "lines": lines,
        "reason": "never seen among 900 events", "count": 3, "first": "2026-01-01T10:00:00Z", "last": "2026-01-01T10:05:00Z",
        "is_anomalous": True, "key": "116dd411bd30", "severity": "ERROR", "context": [(40, "before it")],
    }  # fmt: skip
    return values | more


HEAD = {
    "files": [
        {"file": "logs/app.log", "format": "x", "title": "a format", "lines": 961, "events": 900, "parsed_share": 0.99,
         "first": "2026-01-01T09:00:00Z", "last": "2026-01-01T11:00:00Z", "notes": ["two lines are no text"]}
    ],
    "lines": 961, "events": 900, "judged_events": 900, "order": "n-gram", "threshold": 0.95, "flagged": 1, "seconds": 0.4,
    "standing": [{"key": "queue <*> is full", "severity": "ERROR", "count": 700, "per_hour": 350.0,
                  "first": "2026-01-01T09:00:00Z", "where": "app.log:1"}],
    "notes": ["the log is short"], "complete": False,
}  # fmt: skip
TIMES = np.linspace(1_767_258_000, 1_767_265_200, 900)


def test_everything_is_in_the_page_and_hostile_text_is_text():
    page = render_event_report(HEAD, [row()], title=HOSTILE, times=TIMES, severe=np.arange(900) % 10 == 0)
    assert "<img" not in page and "\x1b" not in page and "\u202e" not in page
    for text in ("never seen among 900 events", "before it", "app.log:41", "logllm ok 116dd411bd30", "queue &lt;*&gt; is full",
                 "350", "two lines are no text", "the log is short", "not read to its end", "step19"):  # fmt: skip
        assert text in page, text
    assert page.count('class="severe"') > 50 and 'href="#finding-1"' in page
    assert not re.search(r'(?:src|href)="(?!#)', page)


@pytest.mark.parametrize("times", [None, np.zeros(0), np.full(900, np.nan), np.zeros(900)])
def test_a_log_without_times_and_one_without_findings_are_drawn(times):
    page = render_event_report({**HEAD, "flagged": 0}, [], title="x", times=times)
    assert "Nothing stands out" in page
    page = render_event_report(
        HEAD, [row(is_anomalous=False, first=None, last=None, suppressed=True)], title="x", times=times
    )
    assert "called fine" in page


def test_scan_writes_it(tmp_path):
    log = tmp_path / "app.log"
    rows = [f"2026-01-01T10:{at // 60:02d}:{at % 60:02d}Z INFO order {at} accepted" for at in range(900)]
    rows[500] = "2026-01-01T10:08:20Z FATAL ledger is out of balance"
    log.write_text("\n".join(rows) + "\n")
    answer = CliRunner().invoke(app, ["scan", str(log), "--html", str(tmp_path / "deep" / "report.html"), "-q"])
    assert answer.exit_code == 0, answer.output
    page = (tmp_path / "deep" / "report.html").read_text()
    assert "ledger is out of balance" in page and "app.log:501" in page and "in 900 events" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_a_desk(tmp_path, scheme):
    path = write_event_report(
        tmp_path / "r.html", HEAD, [row(), row(2, is_anomalous=False)], title="app.log", times=TIMES
    )
    with open_chromium() as browser:
        for width in (390, 1100):
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
            page = context.new_page()
            problems = []
            page.on("console", lambda message, kept=problems: kept.append(message.text))
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            page.fill("#search", "step19")
            page.get_by_text("2 of 2 findings").wait_for()
            assert problems == []
            context.close()
