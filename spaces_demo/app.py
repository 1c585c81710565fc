"""The Space: seven tabs in which a log shows its odd line, and the endpoints `/find`, `/diff` and `/scan`.

Notes:
* Everything heavy is in the package; this file lays out the page and says what a click does. It builds no HTML.
* A button and its endpoint call one function. An endpoint takes text and returns plain JSON, so that a program
  need not know what the page looks like. Where gradio's extra `mcp` is installed the endpoints are tools for assistants
  too (agents.md).
* A visitor's log lives in that visitor's session, for a quarter of an hour at most; an upload is deleted when it is read.

Run: `python app.py` here, `logllm space`, or `make space`, which runs what `logllm push space` would publish.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fragments as space_pages
import gradio as gr
import learn_tab as space_learn
import scan_log as space
from endpoints import add_endpoints, serves_mcp
from event_tabs import diff_tab, example, find_tab
from findings import PRIVATE, Findings, clear_what_was_read
from recipe import EXAMPLES
from results_tab import load_results
from theme import THEME
from walk import walk

HERE = Path(__file__).parent
FAMILIES = {"logllama": "LogLLaMA: has learnt what is normal", "logllm": "LogLLM: has learnt from labelled windows"}
SESSIONS = 60  # whose findings are kept at a time, the oldest forgotten first
QUEUE = 100
TRAINING = gr.Progress(track_tqdm=True)  # follows the bar of the training


def scan_tab(models: space.SpaceModels) -> None:
    """Paste or upload a log, see which line a model finds odd."""
    families = [(FAMILIES[family], family) for family in models.families()]
    gr.Markdown("Paste some dozens of lines, or begin with an example: each hides one fault.", elem_classes="lead")
    with gr.Row(elem_classes="examples"):
        buttons = {name: gr.Button(one.title, size="sm", elem_id=f"example-{name}") for name, one in EXAMPLES.items()}
    # As many lines at most as at least: a box that grows is laid out anew for every line of a paste, a second for 100.
    text = gr.Textbox(
        label="Log",
        lines=10,
        max_lines=10,
        elem_id="log-text",
        elem_classes="log-text",
        placeholder="One message a line. Shift+Enter scans.",
    )
    with gr.Row(equal_height=True):
        family = gr.Radio(families, value="logllama", label="Model", elem_id="family", scale=3, min_width=280)
        file = upload("Or a log file, up to 5 MB, plain or packed", "log-file", 2)
    button = gr.Button("Scan", variant="primary", elem_id="scan")
    found = Findings("scan", "Nothing is scanned yet. Choose an example above, or paste a log and press Scan.")
    inputs = [text, file, family]

    def judge(text: str, file: str | None, family: str) -> list[Any]:
        def read_and_judge() -> space.Judged:
            return models.judge(space.lines_of_file(file) if file else space.lines_of_text(text), family)

        return found.show(read_and_judge)

    scanning: Any = {"concurrency_id": "scan", "concurrency_limit": 2, "show_progress_on": found.summary, **PRIVATE}
    gr.on([button.click, text.submit], judge, inputs, found.outputs, **scanning).then(
        clear_what_was_read, file, file, **PRIVATE
    ).then(None, js=found.come_into_view, **PRIVATE)
    for name, one in buttons.items():
        taken = one.click(lambda name=name: (example(name), None, "logllama"), None, inputs, **PRIVATE)
        taken.then(judge, inputs, found.outputs, **scanning).then(None, js=found.come_into_view, **PRIVATE)


def upload(label: str, name: str, scale: int = 1) -> gr.File:
    """A place for a file."""
    return gr.File(label=label, type="filepath", elem_id=name, height=104, scale=scale, min_width=280)


def learn_tab() -> None:
    """A model learns a visitor's own log and examines another part of it."""
    gr.Markdown(space_learn.IN_WORDS, elem_classes="lead")
    with gr.Row(equal_height=True):
        files = [upload("A part that was normal", "learn-normal"), upload("A part to examine", "learn-examine")]
    with gr.Row():
        pair = gr.Button("Try the example pair", elem_id="learn-example")
        button = gr.Button("Learn and examine", variant="primary", elem_id="learn")
    found = Findings(
        "learn", "Nothing is learnt yet. Give two files, or try the example pair: an application whose pool runs dry."
    )

    def learn(normal: str | None, part: str | None, progress: gr.Progress = TRAINING) -> list[Any]:
        return found.show(lambda: space_learn.learn_and_examine(normal, part))

    def learn_pair(progress: gr.Progress = TRAINING) -> list[Any]:
        pair = [space.lines_of_text(example(f"learn_{name}")) for name in ("normal", "examine")]
        return found.show(lambda: space_learn.examine_after(*pair))

    learning: Any = {"concurrency_id": "learn", "concurrency_limit": 1, "show_progress_on": found.summary, **PRIVATE}
    pair.click(learn_pair, None, found.outputs, **learning).then(None, js=found.come_into_view, **PRIVATE)
    button.click(learn, files, found.outputs, **learning).then(clear_what_was_read, files, files, **PRIVATE).then(
        None, js=found.come_into_view, **PRIVATE
    )


def inside_tab(models: space.SpaceModels, tab: gr.Tab) -> None:
    """One line of an example on its way through a model."""
    gr.Markdown("One line on its way through a model, with the values that were really computed.", elem_classes="lead")
    first = EXAMPLES["hdfs"]
    with gr.Row(equal_height=True):
        log = gr.Radio(
            [(one.title, name) for name, one in EXAMPLES.items()],
            value="hdfs",
            label="Example",
            elem_id="inside-log",
            scale=3,
            min_width=280,
        )
        family = gr.Radio(
            [(space.FAMILIES[name], name) for name in models.families()],
            value="logllama",
            label="Model",
            elem_id="inside-family",
            scale=2,
            min_width=200,
        )
        number = gr.Slider(
            1, first.lines, value=first.odd_line, step=1, label="Line", elem_id="inside-line", scale=3, min_width=260
        )
    page = gr.HTML(elem_id="inside-walk", apply_default_css=False)

    def follow(name: str, number: float, family: str) -> str:
        try:
            lines = space.lines_of_text(example(name))
            return space_pages.render_walk(walk(models, lines, int(number), family, EXAMPLES[name].format))
        except (ValueError, KeyError, TypeError) as error:
            return space_pages.render_message(str(error), "error")

    def change_log(name: str, family: str) -> tuple[Any, str]:
        one = EXAMPLES[name]
        return gr.update(maximum=one.lines, value=one.odd_line), follow(name, one.odd_line, family)

    asked: Any = {"show_progress": "hidden", "concurrency_id": "scan", **PRIVATE}
    log.input(change_log, [log, family], [number, page], **asked)
    gr.on([tab.select, family.input], follow, [log, number, family], page, **asked)
    number.input(follow, [log, number, family], page, trigger_mode="always_last", **asked)


def results_tab() -> None:
    """The benchmark's result files, those that there are."""
    gr.Markdown(
        "What was measured, negative results included; simple baselines stand beside the detectors.",
        elem_classes="lead",
    )
    beside, repository = HERE / "results", HERE.parent / "benchmarks" / "results"
    folder = beside if beside.is_dir() else repository
    page = space_pages.render_results(load_results(folder), sorted(folder.glob("*.png")))
    gr.HTML(page, elem_id="results", apply_default_css=False)


def use_tab() -> None:
    """Code to copy."""
    gr.Markdown("The same from a program or a shell; the paths are those of this Space's files.", elem_classes="lead")
    for file in sorted((HERE / "use").iterdir()):
        title, _, code = file.read_text("utf-8").replace("  # noqa: F401", "").partition("\n")
        language: Any = "python" if file.suffix == ".py" else None
        gr.Code(code.strip(), language=language, label=title.strip('"# '), lines=1, show_line_numbers=False)


def build_app(models: space.SpaceModels) -> gr.Blocks:
    """The page for these models; start it with `.launch(**launch_options())`."""
    with gr.Blocks(title="logllm: which line is odd?", analytics_enabled=False, delete_cache=(300, 600)) as app:
        gr.Markdown(
            "# Which line is odd?\nFinds the lines of a log that matter, and compares a bad run with a good one. "
            "What you send is judged on this machine's processor, without or with small models, and deleted after use.",
            elem_id="intro",
        )
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("What stands out"):
                find_tab(upload, {name: one.title for name, one in EXAMPLES.items()})
            with gr.Tab("Good and bad"):
                diff_tab(upload)
            with gr.Tab("Ask a model"):
                scan_tab(models)
            with gr.Tab("Learn from my log"):
                learn_tab()
            with gr.Tab("Inside the model") as inside:
                inside_tab(models, inside)
            with gr.Tab("Results"):
                results_tab()
            with gr.Tab("Use it"):
                use_tab()
        add_endpoints(models)
    return app.queue(max_size=QUEUE)


def launch_options() -> dict[str, Any]:
    """What `launch` must be told: in gradio 6 style, theme and limits belong to it, not to the page."""
    return {
        "css": space_pages.space_style(),
        "css_paths": HERE / "style.css",
        "theme": THEME,
        "footer_links": ["api"],
        "max_file_size": space.MAX_CHARACTERS,
        "show_error": True,
        "ssr_mode": False,
        "state_session_capacity": SESSIONS,
        "run_history": False,
        "enable_monitoring": False,
        "mcp_server": serves_mcp(),
    }


def main() -> None:
    """Load the checkpoints, serve the page, then load what learning needs."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    models = space.SpaceModels(os.environ.get("LOGLLM_SPACE_MODELS") or HERE / "checkpoints")
    app = build_app(models)
    app.launch(prevent_thread_lock=True, **launch_options())
    space_learn.warm_up()  # so that the first visitor who learns does not wait for it
    app.block_thread()


if __name__ == "__main__":
    main()
