"""The report is safe to open: log text stays text, nothing is fetched, and no flagged line is missing."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from chromium import open_chromium

from logllm.report.html import printable, render_report, render_window, window_style, write_report
from logllm.verdict import Evidence, Verdict

HOSTILE = (
    "<script>alert('line')</script>",
    '"><img src="http://example.invalid/x.png" onerror=alert(2)>',
    "</code></li></ol></article><iframe src=//example.invalid></iframe>",
    "{{ 7 * 7 }} {% raw %} </script> <!--",
    "a & b &lt; c &#60;",
)


class Page(HTMLParser):
    """Collects what a browser would see: elements, attributes, text, and the text of every log line."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.lines, self._open = [], [], "", {}, None
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attrs]
        if tag == "li" and "data-line" in values:
            self.number = int(values["data-line"])
        if tag == "code" and values.get("class") == "text":
            self._open = self.number
            self.lines[self._open] = ""

    def handle_endtag(self, tag):
        if tag == "code":
            self._open = None

    def handle_data(self, data):
        self.text += data
        if self._open is not None:
            self.lines[self._open] += data


def make_verdict(first, lines, score, threshold=3.0, marked=(), **changes):
    numbers = tuple(range(first, first + len(lines)))
    evidence = tuple(
        Evidence(
            number,
            text,
            score if place in marked else 0.25,
            "did not fit here" if place in marked else "",
            rank=17 if place in marked else None,
            expected=("Received block <*>",) if place in marked else (),
            seen_in_training=0 if place in marked else None,
        )
        for place, (number, text) in enumerate(zip(numbers, lines))
    )
    values = {"evidence": evidence, "window_id": f"{first}-{first + len(lines) - 1}"}
    return Verdict(
        score=score,
        threshold=threshold,
        is_anomalous=score > threshold,
        lines=tuple(lines),
        line_numbers=numbers,
        **(values | changes),
    )


def report(verdicts, **changes):
    values = {"title": "app.log", "threshold": 3.0, "system": "hdfs", "counts": {"lines_read": 1234}}
    return render_report(verdicts, **(values | changes))


def test_log_text_never_becomes_markup():
    verdicts = [
        make_verdict(1, HOSTILE, 9.0, marked=range(len(HOSTILE)), window_id=HOSTILE[1]),
        make_verdict(50, ["quiet"], 0.1),
    ]
    hostile = Verdict(
        "h", 5.0, 3.0, True, ("x",), (90,), (Evidence(90, "x", 5.0, *HOSTILE[:2], expected=HOSTILE[1:3]),)
    )
    clean = Page(report([make_verdict(1, ["a"] * 5, 9.0, marked=range(5)), verdicts[1]]))
    page = Page(report([*verdicts, hostile], title=HOSTILE[0], system=HOSTILE[1], counts={HOSTILE[0]: HOSTILE[2]}))
    assert set(page.tags) == set(clean.tags)
    assert page.tags.count("script") == 1 and "iframe" not in page.tags and "img" not in page.tags
    assert [page.lines[number] for number in range(1, 6)] == list(HOSTILE)
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_nothing_is_fetched_from_outside():
    text = report([make_verdict(1, ["a", "b"], 9.0, marked=[1])])
    page = Page(text)
    fetching = {"src", "srcset", "action", "formaction", "data", "poster", "background", "xlink:href", "href"}
    for tag, name, value in page.attributes:
        if name in fetching:
            assert value.startswith("#"), (tag, name, value)
    assert "http://" not in text and "https://" not in text
    assert "url(" not in text and "@import" not in text
    assert "link" not in page.tags


def test_only_our_own_script_may_run():
    text = report([])
    policy = next(value for tag, name, value in Page(text).attributes if name == "content" and "default-src" in value)
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL).group(1)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_every_flagged_line_is_in_it():
    flagged = [
        make_verdict(first, [f"line {first + place}" for place in range(40)], 5.0, marked=[7, 30])
        for first in range(1, 1000, 40)
    ]
    quiet = [make_verdict(5000 + place, ["nothing"], 0.1) for place in range(30)]
    page = Page(report(quiet[:15] + flagged + quiet[15:]))
    assert page.lines == {number: f"line {number}" for number in range(1, 1001)}
    assert page.text.count("did not fit here") == 50
    assert page.tags.count("article") == 25


def test_the_highest_scores_are_shown_where_nothing_was_flagged():
    verdicts = [make_verdict(place + 1, [f"line {place + 1}"], place / 100, marked=[0]) for place in range(30)]
    page = Page(report(verdicts))
    assert sorted(page.lines) == list(range(21, 31))
    assert "did not fit here" not in page.text  # a reason accuses; a window below the threshold is not accused
    assert "0 of 30 windows flagged" in page.text


def test_reason_expectation_and_counts_are_told():
    page = Page(
        report([make_verdict(1, ["a", "b"], 9.0, marked=[1], label=1, first_timestamp=0.0, last_timestamp=61.0)])
    )
    for words in ("never seen in training, rank 17", "expected instead:", "Received block <*>", "1,234", "lines read"):
        assert words in page.text
    assert "1970-01-01 00:00:00 to 00:01:01" in page.text
    assert "labelled anomalous" in page.text


def test_a_figure_is_told_once_and_the_expected_line_is_not_contradicted():
    said = Evidence(1, "a", 9.0, "rank 1 of 29, probability 90%, seen 3 times in training", "a", 1, 0.9, ("b <*>",), 3)
    page = Page(render_window(Verdict("w", 9.0, 3.0, True, ("a",), (1,), (said,))))
    assert page.text.count("rank") == page.text.count("probability") == page.text.count("in training") == 1
    assert "expected instead" not in page.text


def test_timeline_has_a_stem_a_window_and_the_threshold():
    page = Page(report([make_verdict(place + 1, ["x"], float(place)) for place in range(10)]))
    assert page.tags.count("line") == 11
    many = Page(report([make_verdict(place + 1, ["x"], 9.0 if place == 4321 else 0.1) for place in range(5000)]))
    assert many.tags.count("line") <= 401
    assert [value for _, name, value in many.attributes if name == "class" and value == "hit"].count("hit") == 2


@pytest.mark.parametrize("score", [float("inf"), float("nan"), float("-inf"), 1e300])
def test_odd_scores_are_drawn(score):
    verdict = Verdict("w", score, score, True, ("a",), (1,), (Evidence(1, "a", score, "why"),))
    page = Page(report([verdict, make_verdict(2, ["b"], 1.0)], threshold=score))
    assert page.lines[1] == "a"
    for name in ("y1", "y2"):
        assert all(-1 <= float(value) <= 101 for _, found, value in page.attributes if found == name)


def test_a_report_of_nothing():
    page = Page(report([], counts={}))
    assert "No window was scored" in page.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttab é 漢", "plain\ttab é 漢"),
        ("\x1b[31mred\x00\x7f\r", "^[[31mred^@^?^M"),
        ("\u202egnp.exe", "⟨U+202E⟩gnp.exe"),
        ("lone \udc80", "lone ⟨U+DC80⟩"),
        ("x" * 5000, "x" * 4096 + " … (904 more characters)"),
    ],
)
def test_printable(text, shown):
    assert printable(text) == shown


def test_write_report_takes_any_log_text(tmp_path):
    path = write_report(
        tmp_path / "deep" / "report.html",
        [make_verdict(1, ["\udcff \x00", "b"], 9.0, marked=[0])],
        title="t",
        threshold=3.0,
        system="plain",
        counts={},
    )
    assert Page(path.read_text(encoding="utf-8")).lines[1] == "⟨U+DCFF⟩ ^@"


def test_window_fragment_stands_alone():
    page = Page(render_window(make_verdict(1, HOSTILE, 9.0, marked=[0]), 3))
    assert set(page.tags) <= {
        "article",
        "header",
        "h3",
        "span",
        "ol",
        "li",
        "code",
        "div",
        "p",
        "ul",
        "details",
        "summary",
    }
    assert [page.lines[number] for number in range(1, 6)] == list(HOSTILE)
    for selector in re.findall(r"^([^@}\s][^{]*)\{", window_style(), re.MULTILINE):
        assert all(part.strip().startswith(".logllm") for part in selector.split(",")), selector


def test_a_flagged_window_without_a_marked_line_says_so():
    assert "No single line carries this score" in render_window(make_verdict(1, ["a", "b"], 9.0))
    assert "were not examined" in render_window(make_verdict(1, ["a", "b"], 9.0, evidence=()))
    assert "remark" not in render_window(make_verdict(1, ["a", "b"], 9.0, marked=[0]))
    assert "remark" not in render_window(make_verdict(1, ["a", "b"], 0.1))


def test_two_pieces_of_evidence_share_one_line():
    verdict = Verdict(
        "w", 6.0, 3.0, True, ("last",), (4,), (Evidence(4, "last", 0.5), Evidence(4, "last", 6.0, "ends too early"))
    )
    page = Page(render_window(verdict))
    assert page.tags.count("li") == 1 and "ends too early" in page.text


@pytest.mark.browser
def test_search_theme_and_policy_in_a_browser(tmp_path):
    """Our script runs under the page's own policy, a script from a log line would not, nothing is fetched."""
    verdicts = [
        make_verdict(1, [*["quiet"] * 20, "Disk <b>full</b>"], 9.0, marked=[20]),
        make_verdict(40, ["other"], 8.0),
    ]
    path = tmp_path / "report.html"
    text = report(verdicts).replace("</main>", "</main><script>window.hacked = 1</script>")
    path.write_text(text, encoding="utf-8")
    asked, errors = [], []
    with open_chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="light")
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(path.as_uri())
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        page.keyboard.press("/")
        page.keyboard.type("full</b>")
        page.get_by_text("1 of 2 windows", exact=True).wait_for()
        assert [page.locator(f"#window-{place}").is_visible() for place in (1, 2)] == [True, False]
        page.locator("#search").fill("quiet")
        page.locator("details[data-opened]").first.wait_for()
        page.keyboard.press("Escape")
        assert page.locator("#window-2").is_visible()
        assert page.locator("details[open]").count() == 0

        light = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.locator("#theme").click()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
        assert page.locator("#theme").inner_text() == "Light"
    assert asked == [path.as_uri()] and errors == []
