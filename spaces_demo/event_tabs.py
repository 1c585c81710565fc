"""The tabs that need no model: what stands out in a log, and what is different from a good run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fragments as space_pages
import gradio as gr
from event_findings import Found, diff_events, lines_of, scan_events
from findings import COME_INTO_VIEW, DOWNLOAD, PRIVATE, clear_what_was_read

HERE = Path(__file__).parent
ANSWER: Any = {"concurrency_id": "events", "concurrency_limit": 2}
PAIR = ("build_good", "build_bad")


def example(name: str) -> str:
    """An example log as text."""
    return (HERE / "examples" / f"{name}.log").read_text("ascii")


class Shown:
    """The place of the findings and their download, and how an answer is put there."""

    def __init__(self, name: str, empty: str):
        self.page = gr.HTML(space_pages.render_message(empty), elem_id=f"{name}-page", apply_default_css=False)
        self.text = gr.Textbox(visible="hidden", label="Download")
        self.button = gr.Button("Download JSON", size="sm", visible=False, elem_id=f"{name}-json")
        self.outputs = [self.page, self.text, self.button]
        self.come_into_view = COME_INTO_VIEW.replace("%s-summary", f"{name}-page")
        # The text goes with the page, so that nothing of a log is kept here.
        self.button.click(None, self.text, None, js=DOWNLOAD % f"{name}.jsonl", **PRIVATE)

    def show(self, judge: Callable[[], Found]) -> list[Any]:
        """The outputs; what a visitor can put right becomes a sentence in their place."""
        try:
            found = judge()
        except (ValueError, OSError) as error:
            return [space_pages.render_message(str(error), "error"), "", gr.update(visible=False)]
        return [space_pages.render_findings(found), found.to_json(), gr.update(visible=True)]


def log_box(label: str, name: str, lines: int, hint: str) -> gr.Textbox:
    """A place for a paste."""
    return gr.Textbox(
        label=label, lines=lines, max_lines=lines, elem_id=name, elem_classes="log-text", placeholder=hint
    )


def find_tab(upload: Callable[..., gr.File], examples: dict[str, str]) -> None:
    """Paste or upload any log, see what stands out; `examples` are names with their titles."""
    gr.Markdown(
        "Any log, whole: what is new, out of order, too frequent, gone quiet or severe in it.", elem_classes="lead"
    )
    with gr.Row(elem_classes="examples"):
        buttons = {name: gr.Button(title, size="sm", elem_id=f"find-{name}") for name, title in examples.items()}
    text = log_box("Log", "find-text", 10, "One event a line, stack traces too. Shift+Enter starts.")
    with gr.Row(equal_height=True):
        file = upload("Or a log file, up to 5 MB, plain or packed", "find-file", 2)
        button = gr.Button("Find what stands out", variant="primary", elem_id="find", scale=3)
    shown = Shown("found", "Nothing is judged yet. Choose an example above, or paste a log.")

    def judge(text: str, file: str | None) -> list[Any]:
        return shown.show(lambda: scan_events(lines_of(text, file)))

    asked: Any = {**ANSWER, "show_progress_on": shown.page, **PRIVATE}
    gr.on([button.click, text.submit], judge, [text, file], shown.outputs, **asked).then(
        clear_what_was_read, file, file, **PRIVATE
    ).then(None, js=shown.come_into_view, **PRIVATE)
    for name, one in buttons.items():
        taken = one.click(lambda name=name: (example(name), None), None, [text, file], **PRIVATE)
        taken.then(judge, [text, file], shown.outputs, **asked).then(None, js=shown.come_into_view, **PRIVATE)


def diff_tab(upload: Callable[..., gr.File]) -> None:
    """Two boxes, a good run and a bad one: what is different."""
    gr.Markdown("A run that worked and one that did not: which lines explain the difference.", elem_classes="lead")
    with gr.Row(elem_classes="examples"):
        pair = gr.Button("Try the example pair: a build that breaks", size="sm", elem_id="diff-example")
    boxes, files = [], []
    with gr.Row(equal_height=True):
        for side, hint in (("good", "The log of a run that worked."), ("bad", "The log of the run that did not.")):
            with gr.Column(min_width=280):
                boxes.append(log_box(f"{side.capitalize()} run", f"{side}-text", 9, hint))
                files.append(upload(f"Or a file of the {side} run", f"{side}-file"))
    button = gr.Button("Compare", variant="primary", elem_id="diff")
    shown = Shown("diffed", "Nothing is compared yet. Give two logs, or try the example pair.")

    def judge(good: str, bad: str, good_file: str | None, bad_file: str | None) -> list[Any]:
        return shown.show(
            lambda: diff_events(lines_of(good, good_file, "Good run: "), lines_of(bad, bad_file, "Bad run: "))
        )

    inputs = [*boxes, *files]
    asked: Any = {**ANSWER, "show_progress_on": shown.page, **PRIVATE}
    button.click(judge, inputs, shown.outputs, **asked).then(clear_what_was_read, files, files, **PRIVATE).then(
        None, js=shown.come_into_view, **PRIVATE
    )
    taken = pair.click(lambda: (*map(example, PAIR), None, None), None, inputs, **PRIVATE)
    taken.then(judge, inputs, shown.outputs, **asked).then(None, js=shown.come_into_view, **PRIVATE)
