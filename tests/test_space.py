"""What the Space does with a log, without a browser: judging, forgetting, bad input, and the endpoint by its client."""

import asyncio
import gzip
import json
import re
import shutil
from html.parser import HTMLParser

import pytest

gradio = pytest.importorskip("gradio", reason="needs gradio: pip install logllm[space]")
gradio_client = pytest.importorskip("gradio_client", reason="needs gradio: pip install logllm[space]")

import fragments as space_pages  # noqa: E402
import httpx  # noqa: E402
import learn_tab as space_learn  # noqa: E402
from recipe import EXAMPLES, LEARN_EXAMPLE  # noqa: E402
from scan_log import SpaceModels, forget, lines_of_file, lines_of_text, score_range  # noqa: E402
from space_server import HOSTILE, SPACE, load_app, served  # noqa: E402

from logllm.errors import LogllmError  # noqa: E402
from logllm.hf_datasets.simulation.simulate import iter_lines  # noqa: E402

UNKNOWN = [f"2026-03-01 12:00:{n % 60:02} INFO worker {n} took job {n * 7} from queue {n % 3}" for n in range(40)]


@pytest.fixture(scope="module")
def models():
    return SpaceModels(SPACE / "checkpoints")


def example(name):
    return lines_of_text((SPACE / "examples" / f"{name}.log").read_text("ascii"))


def faulty_lines(name):
    one = EXAMPLES[name]
    pairs = iter_lines(one.simulator, one.lines, one.seed, one.share)
    return {number for number, (_, fault) in enumerate(pairs, 1) if fault != "-"}


# -- judging ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_the_planted_fault_is_flagged_and_hardly_anything_else(models, name, family):
    judged = models.judge(example(name), family)
    faulty = faulty_lines(name)
    assert EXAMPLES[name].odd_line in faulty
    assert judged.system.name == EXAMPLES[name].format and not judged.own
    if (name, family) == ("nginx", "logllm"):  # its masks wipe out the status codes, and it says so
        assert not judged.flagged and "status codes" in judged.notes[0]
        return
    flagged = [verdict for verdict in judged.shown() if verdict.is_anomalous]
    assert any(EXAMPLES[name].odd_line in verdict.line_numbers for verdict in flagged)
    assert (
        len(flagged) == judged.flagged
    )  # the first line of a fault may look harmless, so not all its windows are flagged
    assert flagged[0].worst(1)[0].line_number in faulty
    harmless = [verdict for verdict in flagged if verdict.worst(1)[0].line_number not in faulty]
    assert len(harmless) <= (family == "logllm")  # one session of the HDFS example lies just above its threshold


def test_a_log_that_no_model_knows_is_judged_by_itself(models):
    lines = [*UNKNOWN[:25], "2026-03-01 12:00:59 ERROR disk 3 does not answer", *UNKNOWN[25:]]
    judged = models.judge(lines, "logllama")
    worst = judged.shown()[0].worst(1)[0]
    assert judged.own and judged.flagged == 1 and worst.line_number == 26
    assert "no other line is like it" in worst.reason and "training" not in worst.reason
    again = models.judge(lines, "logllama")
    assert [verdict.score for verdict in again.verdicts] == [verdict.score for verdict in judged.verdicts]
    assert not models.judge(UNKNOWN, "logllama").flagged


def test_logllm_says_that_it_does_not_know_a_log(models):
    judged = models.judge(UNKNOWN, "logllm")
    assert not judged.own and "does not know these messages" in judged.notes[0]


def test_the_threshold_moves_without_scoring_again(models):
    judged = models.judge(example("syslog"), "logllama")
    scores = sorted(verdict.score for verdict in judged.verdicts)
    low, high = score_range(judged)
    assert low < scores[0] and scores[-1] < high
    assert judged.at(low).flagged == len(scores) and judged.at(high).flagged == 0
    moved = judged.at(scores[-3] + 0.01)
    assert moved.flagged == 2 and all(verdict.evidence for verdict in moved.shown())
    assert moved.explain(moved.ranking()[0]).threshold == moved.threshold


def test_downloads(models):
    judged = models.judge(example("nginx"), "logllama")
    data = json.loads(judged.to_json())
    assert data["format"] == "access-log" and [window["is_anomalous"] for window in data["windows"]].count(True) == 1
    assert {line["number"] for window in data["windows"] for line in window["lines"]} == set(range(1, 121))
    report = judged.to_report()
    assert "Content-Security-Policy" in report and "POST /api/checkout" in report


# -- bad input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["one line only"], "only how severe"),
        ([f"{'abcdefghij'[n % 10]}{n:x} format {'#' * (n % 50)} number: {n} {'x' * (n % 7)}" * (1 + n % 5) for n in range(1000)], ""),
        ([" ".join(["abcdefgh"[n]] * (n + 1)) for n in range(8)], "No two of these"),
        (["", " ", "x"], ""),
        ([HOSTILE, HOSTILE, "usual"] * 3, ""),
        (["a\0b\x1b[31mred", "\ud800 lone", "\u202e turned"], ""),
        (["x" * 300_000, "y"], ""),
        ([json.dumps({"msg": f"user {n % 3} in", "level": "info"}) for n in range(40)], ""),
    ],
    ids=["one line", "a thousand formats", "nothing alike", "blank", "markup", "controls", "long line", "json"],
)  # fmt: skip
@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_any_text_is_judged(models, lines, family, told):
    judged = models.judge(lines, family)
    assert {number for verdict in judged.verdicts for number in verdict.line_numbers} == set(range(1, len(lines) + 1))
    assert family == "logllm" or told in " ".join(judged.notes)
    pages = space_pages.render_summary(judged), space_pages.render_timeline(judged), space_pages.render_windows(judged)
    assert not {tag for page in pages for tag in tags_of(page)} & {"script", "img", "iframe"}
    json.dumps(judged.to_rows())


def tags_of(page):
    found = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.add(tag)
            assert not [name for name, _ in attrs if name.startswith("on")]

    Reader().feed(page)
    return found


def test_the_lines_of_a_paste():
    assert lines_of_text("a\r\nb\n\nc\x0cd\n") == ["a", "b", "", "c\x0cd"]
    for text, told in (
        ("  \n ", "nothing to scan"),
        (None, "found NoneType"),
        (["a"], "found list"),
        (7, "found int"),
    ):
        with pytest.raises(LogllmError, match=told):
            lines_of_text(text)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (bytes(range(256)) * 40, "must be text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(300), "PNG picture"),
        (b"", "at least one line"),
        (b"  \n\n ", "only blanks"),
        (gzip.compress(b"a line of a log\n" * 400_000), "at most 5,000,000 characters unpacked"),
        (gzip.compress(b"a line\n" * 100)[:-20], "ends early or is damaged"),
    ],
    ids=["binary", "picture", "empty", "blank", "bomb", "damaged"],
)
def test_a_bad_upload_is_refused_with_a_sentence_and_deleted(tmp_path, data, told):
    file = tmp_path / "secret-name.log"
    file.write_bytes(data)
    with pytest.raises(LogllmError, match=told) as error:
        lines_of_file(file)
    assert str(tmp_path) not in str(error.value) and not file.exists()


def test_a_good_upload_is_deleted_when_it_is_read(tmp_path):
    file = tmp_path / "app.log.gz"
    file.write_bytes(gzip.compress(b"a\nb\n"))
    assert lines_of_file(file) == ["a", "b"] and not file.exists()
    with pytest.raises(LogllmError, match="deleted already: upload the file again"):
        lines_of_file(file)


def test_models_are_asked_for_where_there_are_none(tmp_path):
    with pytest.raises(LogllmError, match=r"logllama-hdfs, .* found none in .*: make them with"):
        SpaceModels(tmp_path)


# -- forgetting -----------------------------------------------------------------------------------------------------------


def test_what_the_process_remembers_of_messages_is_emptied(models):
    from logllm.decision import severity
    from logllm.modeling_logllm import masking

    for family in ("logllama", "logllm"):
        models.judge(UNKNOWN, family).shown()
    assert masking._mask_folded.cache_info().currsize and severity._nats.cache_info().currsize
    forget()
    assert not masking._mask_folded.cache_info().currsize and not severity._nats.cache_info().currsize
    for model, processor in models._parts.values():  # the shared ones never saw a line
        matcher = getattr(processor, "_matcher", None)
        assert matcher is None and model is not None


# -- learning -------------------------------------------------------------------------------------------------------------


def test_learning_from_the_example_pair(monkeypatch, tmp_path):
    monkeypatch.setattr(space_learn, "STEPS", 40)  # of 200: enough for eight templates
    files = [tmp_path / name for name in ("normal", "examine")]
    for file in files:
        shutil.copy(SPACE / "examples" / f"learn_{file.name}.log", file)
    judged = space_learn.learn_and_examine(*files)
    assert not any(file.exists() for file in files)
    system, _, lines, seed = LEARN_EXAMPLE
    faulty = {n for n, (_, fault) in enumerate(iter_lines(system, lines, seed + 1), 1) if fault != "-"}
    assert judged.shown()[0].worst(1)[0].line_number in faulty
    assert all(not faulty.isdisjoint(verdict.line_numbers) for verdict in judged.verdicts if verdict.is_anomalous)


@pytest.mark.parametrize(
    ("normal", "examined", "told"),
    [
        (None, "x", "“A part that was normal” is empty"),
        ("x", None, "“A part to examine” is empty"),
        ("a\n" * 20, "b\n", "at least 60 lines to learn from; found 20"),
    ],
)
def test_what_learning_needs_is_said(tmp_path, normal, examined, told):
    files = []
    for name, text in (("n", normal), ("e", examined)):
        if text is not None:
            (tmp_path / name).write_text(text)
        files.append(None if text is None else tmp_path / name)
    with pytest.raises(LogllmError, match=told):
        space_learn.learn_and_examine(*files)


# -- the endpoint ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server():
    with served() as (address, page):
        yield address, page


@pytest.fixture(scope="module")
def client(server):
    return gradio_client.Client(server[0], verbose=False)


@pytest.mark.parametrize("family", ["logllama", "logllm"])
def test_the_endpoint_returns_verdicts(client, family):
    verdicts = client.predict((SPACE / "examples" / "hdfs.log").read_text(), family, api_name="/scan")
    assert {line["number"] for verdict in verdicts for line in verdict["lines"]} == set(range(1, 121))
    assert all(verdict["is_anomalous"] == (verdict["score"] > verdict["threshold"]) for verdict in verdicts)
    marked = [line for verdict in verdicts if verdict["is_anomalous"] for line in verdict["lines"] if line["reason"]]
    assert 6 in [line["number"] for line in marked]


def test_three_endpoints_are_public(client):
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    named = {name: [one["parameter_name"] for one in found["parameters"]] for name, found in endpoints.items()}
    assert named == {"/find": ["text", "top"], "/diff": ["good", "bad", "top"], "/scan": ["text", "family"]}


def test_find_and_diff_by_the_client(client):
    found = client.predict((SPACE / "examples" / "syslog.log").read_text(), api_name="/find")
    flagged = [one for one in found["findings"] if one["is_anomalous"]]
    assert len(flagged) == found["head"]["flagged"]
    assert {line["number"] for line in flagged[0]["lines"]} <= faulty_lines("syslog")
    assert {one["file"] for one in (*found["head"]["files"], *found["findings"])} == {
        "log.log"
    }  # no folder of the server
    good, bad = ((SPACE / "examples" / f"build_{name}.log").read_text() for name in ("good", "bad"))
    found = client.predict(good, bad, 3, api_name="/diff")
    assert len(found["findings"]) == 3 and "AssertionError" in json.dumps(found["findings"][0]["lines"])
    assert client.predict(good, good, api_name="/diff")["head"]["flagged"] == 0


@pytest.mark.parametrize(
    ("arguments", "name", "told"),
    [
        ((" ",), "/find", "There is nothing to scan"),
        (("a line", 0), "/find", "top must be a number from 1 to 1,000, found 0"),
        (("a line", ""), "/diff", "Bad run: There is nothing to scan"),
        ((None, "a line"), "/diff", "Good run: the log must be text, one message a line; found NoneType"),
        (("x" * 5_000_001,), "/find", "at most 5,000,000 characters; found 5,000,001"),
    ],
)
def test_bad_input_of_find_and_diff_is_answered_with_a_sentence(client, arguments, name, told):
    with pytest.raises(gradio_client.exceptions.AppError, match=told):
        client.predict(*arguments, api_name=name)


def test_a_paste_lies_nowhere_when_it_is_judged(tmp_path, monkeypatch):
    import event_findings

    monkeypatch.setattr(event_findings, "MEMORY", str(tmp_path))
    found = event_findings.scan_events(["a line", "\ud800 lone", HOSTILE] * 20)
    assert found.head["lines"] == 60 and not list(tmp_path.iterdir())
    page = space_pages.render_findings(event_findings.scan_events([*["a usual line"] * 30, f"ERROR {HOSTILE}"]))
    assert "&lt;img src=x" in page and not tags_of(page) & {"script", "img", "iframe"}


# -- assistants -----------------------------------------------------------------------------------------------------------


def test_an_assistant_calls_the_tools_by_mcp(server):
    mcp = pytest.importorskip("mcp")
    streams = pytest.importorskip("mcp.client.streamable_http", reason="gradio speaks version 1 of the SDK")
    if not load_app().launch_options()["mcp_server"]:
        pytest.skip("gradio speaks version 1 of the SDK: pip install logllm[space]")

    async def talk():
        async with streams.streamable_http_client(f"{server[0]}gradio_api/mcp/") as (read, write, _):
            async with mcp.ClientSession(read, write) as client:
                await client.initialize()
                tools = {tool.name.rpartition("_")[2]: tool for tool in (await client.list_tools()).tools}
                good, bad = ((SPACE / "examples" / f"build_{name}.log").read_text() for name in ("good", "bad"))
                answer = await client.call_tool(tools["diff"].name, {"good": good, "bad": bad, "top": 2})
                refused = await client.call_tool(tools["find"].name, {"text": ""})
                return tools, answer, refused

    tools, answer, refused = asyncio.run(talk())
    assert set(tools) == {"find", "diff", "scan"}
    assert "untrusted data" in tools["find"].description and set(tools["diff"].inputSchema["properties"]) == {
        "good",
        "bad",
        "top",
    }
    told = "".join(part.text for part in answer.content)
    assert not answer.isError and "AssertionError" in told and told.count('"rank"') + told.count("'rank'") == 2
    assert refused.isError and "There is nothing to scan" in refused.content[0].text


def test_what_agents_md_says_is_so():
    from endpoints import add_endpoints

    text = (SPACE / "agents.md").read_text()
    assert set(re.findall(r"^\| `(\w+)`", text, re.M)) == {"find", "diff", "scan"}
    assert "5,000,000 characters" in text and "untrusted" in text and add_endpoints.__doc__


@pytest.mark.parametrize(
    ("text", "family", "told"),
    [
        ("  \n ", "logllama", "nothing to scan"),
        ("a line", "other", "must be one of logllama, logllm; found 'other'"),
        ("a line", ["logllama"], "must be one of logllama, logllm"),
        (42, "logllama", "must be text, one message a line; found int"),
        ({"a": 1}, "logllama", "found dict"),
        (None, None, "found NoneType"),
        ("x" * 5_000_001, "logllama", "at most 5,000,000 characters; found 5,000,001"),
    ],
)
def test_bad_input_is_answered_with_a_sentence(client, text, family, told):
    with pytest.raises(gradio_client.exceptions.AppError, match=told):
        client.predict(text, family, api_name="/scan")


@pytest.mark.parametrize("body", [b"not json", b"[]", b'{"data": "a"}', b'{"data": []}', b'{"data": [1,2,3,4]}'])
def test_a_request_that_is_none_leaves_the_server_well(server, client, body):
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{server[0]}gradio_api/call/scan", content=body, headers=headers, timeout=20)
    if answer.status_code == 200:  # accepted into the queue: it fails there
        event = answer.json()["event_id"]
        answer = httpx.get(f"{server[0]}gradio_api/call/scan/{event}", timeout=20)
        assert "event: error" in answer.text
    assert len(client.predict("a\na\nb", "logllama", api_name="/scan")) == 1


def test_a_big_upload_is_refused(server, tmp_path):
    big = tmp_path / "big.log"
    big.write_bytes(b"a line of a log\n" * (50_000_000 // 16))
    with big.open("rb") as file:
        answer = httpx.post(f"{server[0]}gradio_api/upload", files={"files": file}, timeout=60)
    assert answer.status_code == 413 and "size" in answer.text


def test_a_visitors_log_is_in_nobody_elses_answer(server):
    first, second = (gradio_client.Client(server[0], verbose=False) for _ in range(2))
    jobs = [
        one.submit("\n".join([*UNKNOWN, f"the secret of {who}"]), "logllama", api_name="/scan")
        for _ in range(4)
        for one, who in ((first, "Ada"), (second, "Bob"))
    ]
    for place, job in enumerate(jobs):
        mine, other = ("Ada", "Bob") if place % 2 == 0 else ("Bob", "Ada")
        answer = json.dumps(job.result(timeout=60))
        assert f"the secret of {mine}" in answer and f"the secret of {other}" not in answer


# -- the folder's own files -----------------------------------------------------------------------------------------------


def test_the_header_names_the_gradio_that_is_tested():
    import yaml

    header = yaml.safe_load((SPACE / "README.md").read_text().split("---\n")[1])
    assert (header["sdk"], header["app_file"]) == ("gradio", "app.py")
    assert header["sdk_version"].split(".")[:2] == gradio.__version__.split(".")[:2]
    assert "gradio" not in re.sub(r"#.*", "", (SPACE / "requirements.txt").read_text())
    assert len((SPACE / "app.py").read_text().splitlines()) < 250


@pytest.mark.parametrize("file", sorted((SPACE / "use").glob("*.py")), ids=lambda file: file.stem)
def test_the_code_to_copy_runs(server, tmp_path, monkeypatch, capsys, file):
    code = file.read_text().replace("http://127.0.0.1:7860", server[0])
    monkeypatch.chdir(SPACE)
    if "load_dataset" in code:
        from logllm.hf_datasets.simulation.simulate import simulate
        from logllm.training.building import build_dataset

        monkeypatch.chdir(tmp_path)
        simulate("hdfs", 2000, 0, tmp_path / "logs")
        build_dataset("hdfs", [tmp_path / "logs" / "hdfs.log"], tmp_path / "windows", progress=False)
    exec(compile(code, file.name, "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert {"1_api": "83", "2_pipeline": "anomalous", "3_automodel": "normal", "4_detector": "6 no template",
            "5_dataset": "blk_"}[file.stem] in said  # fmt: skip
    if file.stem == "3_automodel":  # it shows a difference
        assert "anomalous" in said


def test_the_page_needs_no_private_name():
    """It uses public names of the package only."""
    for file in ("app.py", "findings.py", "theme.py"):
        assert not re.findall(r"\b(?:space\w*|logllm[\w.]*)\._\w+", (SPACE / file).read_text())
    assert load_app().build_app.__doc__
