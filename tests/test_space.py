"""The Space in a real browser and through its client: the odd line is marked, and log text stays text.

Odd here: the page is tested with a stand-in for the detector, which needs no torch and so shows faults of the page
alone; the last tests run the same page on checkpoints that were really trained.
"""

import importlib.util
import os
import re
import socket
from collections import Counter
from pathlib import Path

import pytest

gradio = pytest.importorskip("gradio", reason="needs gradio: pip install logllm[space]")
gradio_client = pytest.importorskip("gradio_client", reason="needs gradio: pip install logllm[space]")

from chromium import open_chromium  # noqa: E402

from logllm.verdict import Evidence, Verdict  # noqa: E402

SPACE = Path(__file__).parents[1] / "spaces_demo"
HOSTILE = (
    '<img src=x onerror="window.hacked=1"> ${window.hacked=1} {{7*7}} </code></li><script>window.hacked=1</script>'
)


def load_space():
    specification = importlib.util.spec_from_file_location("spaces_demo_app", SPACE / "app.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def stand_in(lines):
    """Windows of twenty lines; a line whose words (digits left out) come once in the log is odd."""
    if any("\0" in line for line in lines):
        raise ValueError("A log must be text; found NUL bytes. Send the log itself, not an archive of it.")
    shapes = [re.sub(r"\d+", "", line) for line in lines]
    counts = Counter(shapes)
    verdicts = []
    for start in range(0, len(lines), 20):
        numbers = range(start + 1, min(start + 20, len(lines)) + 1)
        evidence = tuple(
            Evidence(n, lines[n - 1], 8.0, "Its template is new.", expected=("usual <*>",), seen_in_training=0)
            if counts[shapes[n - 1]] == 1
            else Evidence(n, lines[n - 1], 0.1)
            for n in numbers
        )
        score = max(item.score for item in evidence)
        window = tuple(lines[start : start + 20])
        verdicts.append(
            Verdict(f"{numbers[0]}-{numbers[-1]}", score, 3.0, score > 3, window, tuple(numbers), evidence)
        )
    return verdicts


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def serve(scans):
    space = load_space()
    app = space.build_app(scans)
    _, address, _ = app.launch(
        **space.launch_options(),
        server_name="127.0.0.1",
        server_port=free_port(),
        prevent_thread_lock=True,
        quiet=True,
    )
    return app, address


@pytest.fixture(scope="module")
def address():
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    app, address = serve({"logllama": stand_in, "logllm": lambda lines: []})
    yield address
    app.close()


@pytest.fixture(scope="module")
def trained(request):
    """Address of the page as `main` builds it, on checkpoints of both families that were really trained."""
    try:
        models = request.getfixturevalue("tiny_checkpoints")
    except pytest.FixtureLookupError:
        pytest.skip("needs the fixture tiny_checkpoints of conftest.py")
    app, address = serve(load_space().load_scans(Path(models)))
    yield address
    app.close()


@pytest.fixture(scope="module")
def browser():
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser):
    """Opens pages; every request outside the machine and every error of a script fails the test."""
    pages = []

    def open_at(address):
        page = browser.new_context(viewport={"width": 1200, "height": 900}).new_page()
        page.trouble = []
        page.on("pageerror", lambda error: page.trouble.append(f"script error: {error}"))
        page.on("request", lambda request: _outside(request.url) and page.trouble.append(f"asked: {request.url}"))
        page.goto(address)
        page.locator("#log-text textarea").wait_for()
        pages.append(page)
        return page

    yield open_at
    for page in pages:
        assert page.trouble == []
        page.context.close()


@pytest.fixture
def page(open_page, address):
    return open_page(address)


def _outside(url):
    return not re.match(r"(http://(127\.0\.0\.1|localhost)[:/]|data:|blob:)", url)


def paste_and_scan(page, text):
    page.locator("#log-text textarea").fill(text)
    page.locator("#scan").click()
    page.locator("#windows article, .toast-body").first.wait_for(timeout=60_000)


@pytest.mark.browser
def test_the_odd_line_is_marked(page):
    lines = [f"request {n} served in {n * 3 % 7} ms" for n in range(40)]
    lines[27] = "disk 3 does not answer"
    paste_and_scan(page, "\n".join(lines))
    guilty = page.locator("#windows li.guilty")
    assert guilty.count() == 1
    assert guilty.locator(".number").inner_text() == "28"
    assert guilty.locator(".text").inner_text() == "disk 3 does not answer"
    assert "Its template is new." in guilty.inner_text()
    assert "usual <*>" in guilty.inner_text()
    assert "1 of 2 windows" in page.locator("#summary").inner_text()


@pytest.mark.browser
def test_log_text_stays_text(page):
    paste_and_scan(page, "\n".join(["usual 1", "usual 2", HOSTILE]))
    assert page.locator("#windows li.guilty .text").inner_text() == HOSTILE
    assert page.locator("#windows img, #windows script").count() == 0
    assert page.evaluate("window.hacked") is None


@pytest.mark.browser
def test_it_works_by_keyboard(page):
    page.locator("#log-text textarea").focus()
    page.keyboard.insert_text("usual 1\nusual 2\nodd one")
    page.keyboard.press("Shift+Enter")
    page.locator("#windows li.guilty").wait_for(timeout=60_000)
    reached = set()
    page.locator("#log-text textarea").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("(document.activeElement.closest('#family, #example, #scan, #log-file') || {}).id"))
    assert {"family", "example", "scan"} <= reached


@pytest.mark.browser
def test_upload_and_an_empty_box(page, tmp_path):
    page.locator("#scan").click()
    page.get_by_text("There is nothing to scan").wait_for()
    log = tmp_path / "app.log"
    log.write_text("usual 1\nusual 2\nodd one\n")
    page.locator("#log-file input[type=file]").set_input_files(log)
    page.get_by_text("app").first.wait_for()
    page.wait_for_timeout(500)
    page.locator("#scan").click()
    page.locator("#windows li.guilty").wait_for(timeout=60_000)
    assert page.locator("#windows li.guilty .text").inner_text() == "odd one"


def test_the_endpoint_returns_verdicts(address):
    client = gradio_client.Client(address, verbose=False)
    verdicts = client.predict("usual 1\nusual 2\nodd one", "logllama", api_name="/scan")
    assert [verdict["is_anomalous"] for verdict in verdicts] == [True]
    assert [(line["number"], line["score"]) for line in verdicts[0]["lines"]] == [(1, 0.1), (2, 0.1), (3, 8.0)]
    assert verdicts[0]["lines"][2]["reason"] == "Its template is new."
    assert client.predict("one line", "logllm", api_name="/scan") == []


@pytest.mark.parametrize(
    ("text", "family", "told"),
    [
        ("  \n ", "logllama", "nothing to scan"),
        ("a line", "other", "must be one of logllama, logllm; found 'other'"),
        ("a\0b", "logllama", "A log must be text"),
        ("x" * 5_000_001, "logllama", "at most 5,000,000 characters; found 5,000,001"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(address, text, family, told):
    client = gradio_client.Client(address, verbose=False)
    with pytest.raises(gradio_client.exceptions.AppError, match=told):
        client.predict(text, family, api_name="/scan")


def test_only_the_scan_is_a_public_endpoint(address):
    client = gradio_client.Client(address, verbose=False)
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/scan"]


def test_the_lines_of_a_paste():
    space = load_space()
    assert space.lines_of_text("a\r\nb\n\nc\x0cd\n") == ["a", "b", "", "c\x0cd"]


def test_models_are_found_or_asked_for(tmp_path, monkeypatch):
    space = load_space()
    monkeypatch.setenv("LOGLLM_SPACE_MODELS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make demo"):
        space.find_models()
    (tmp_path / "logllama").mkdir()
    (tmp_path / "logllama" / "config.json").write_text("{}")
    assert space.find_models() == tmp_path


def test_the_space_header_names_the_gradio_that_is_tested():
    import yaml

    header = yaml.safe_load((SPACE / "README.md").read_text().split("---\n")[1])
    assert (header["sdk"], header["app_file"]) == ("gradio", "app.py")
    assert header["sdk_version"].split(".")[:2] == gradio.__version__.split(".")[:2]
    assert "gradio" not in (SPACE / "requirements.txt").read_text()
    assert len((SPACE / "app.py").read_text().splitlines()) < 250


def test_the_example_is_a_log():
    lines = (SPACE / "examples" / "hdfs.log").read_text().splitlines()
    assert len(lines) == 120
    assert any("Exception in receiveBlock" in line for line in lines)


EXAMPLE = (SPACE / "examples" / "hdfs.log").read_text()


@pytest.mark.browser
def test_a_trained_model_marks_the_odd_line(open_page, trained):
    """The example of the page: one block ends in an exception that sessions in order never hold."""
    page = open_page(trained)
    page.locator("#example").click()
    page.wait_for_function("document.querySelector('#log-text textarea').value.includes('Exception in receiveBlock')")
    page.locator("#scan").click()
    page.locator("#windows article").first.wait_for(timeout=120_000)
    guilty = page.locator("#windows .flagged li.guilty .text").all_inner_texts()
    assert any(
        "blk_6527384722921039510" in text and ("Exception in receiveBlock" in text or "Interrupted" in text)
        for text in guilty
    )


@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_the_endpoint_of_trained_models(trained, family):
    verdicts = gradio_client.Client(trained, verbose=False).predict(EXAMPLE, family, api_name="/scan")
    assert len({verdict["window_id"] for verdict in verdicts}) == len(verdicts) > 1
    assert {line["number"] for verdict in verdicts for line in verdict["lines"]} == set(range(1, 121))
    assert all(verdict["is_anomalous"] == (verdict["score"] > verdict["threshold"]) for verdict in verdicts)
