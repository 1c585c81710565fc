"""What was found in a log, on the page: summary, scores, threshold, windows, downloads, and what touching them does.

Notes: Two tabs show findings with one wiring. The findings live in the visitor's session, for a while; nothing is
scored again when the threshold moves, and the downloads are made in the browser from text, so no file lies on the server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fragments as space_pages
import gradio as gr
import scan_log as space

PRIVATE: Any = {"api_visibility": "private"}
SESSION_SECONDS = 15 * 60
DOWNLOAD = """(text) => { if (text) { const link = document.createElement('a');
link.href = URL.createObjectURL(new Blob([text])); link.download = '%s'; link.click();
setTimeout(() => URL.revokeObjectURL(link.href), 10000); } return ''; }"""
CHOOSE = """const choose = (event) => { const column = event.target.closest('[data-window]');
if (column && (event.type === 'click' || event.key === 'Enter' || event.key === ' ')) {
  event.preventDefault(); trigger('select', { index: Number(column.dataset.window) }); } };
element.addEventListener('click', choose); element.addEventListener('keydown', choose);"""
COME_INTO_VIEW = """() => { const found = document.getElementById('%s-summary');
if (found.getBoundingClientRect().top > 0.6 * innerHeight) {
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  found.scrollIntoView({ behavior: calm ? 'auto' : 'smooth', block: 'start' }); } }"""


class Findings:
    """The components and their wiring; `outputs` are what `show` fills."""

    def __init__(self, name: str, empty: str):
        plain: Any = {"apply_default_css": False}
        self.judged = gr.State(None, time_to_live=SESSION_SECONDS)
        self.summary = gr.HTML(space_pages.render_message(empty), elem_id=f"{name}-summary", **plain)
        with gr.Column(visible=False, elem_id=f"{name}-found") as self.body:
            self.timeline = gr.HTML(elem_id=f"{name}-timeline", js_on_load=CHOOSE, **plain)
            with gr.Row(elem_classes="tools", equal_height=True):
                threshold = gr.Slider(
                    label="Threshold: windows above it are flagged",
                    step=0.05,
                    elem_id=f"{name}-threshold",
                    scale=4,
                    min_width=260,
                )
                with gr.Column(scale=1, min_width=190):
                    as_json = gr.Button("Download JSON", size="sm", elem_id=f"{name}-json")
                    as_html = gr.Button("Download the report", size="sm", elem_id=f"{name}-report")
            self.chosen = gr.HTML(elem_id=f"{name}-chosen", **plain)
            self.windows = gr.HTML(elem_id=f"{name}-windows", **plain)
        pages = [self.summary, self.timeline, self.chosen, self.windows]
        self.outputs = [self.judged, self.body, threshold, *pages]
        self.come_into_view = COME_INTO_VIEW % name
        moved: Any = {"show_progress": "minimal", **PRIVATE}
        # `input`, not `release`: the keyboard moves a slider without ever letting it go.
        threshold.input(
            self.moved, [self.judged, threshold], [self.judged, *pages], trigger_mode="always_last", **moved
        )
        self.timeline.select(self.pick, self.judged, [self.timeline, self.chosen], show_progress="hidden", **PRIVATE)
        payload = gr.Textbox(visible="hidden", label="Download")
        for button, make, file in (
            (as_json, space.Judged.to_json, "verdicts.json"),
            (as_html, space.Judged.to_report, "report.html"),
        ):
            made = button.click(self.download(make), self.judged, payload, **moved)
            made.success(None, payload, payload, js=DOWNLOAD % file, **PRIVATE)

    def show(self, judge: Callable[[], space.Judged]) -> list[Any]:
        """The outputs for a log that is judged now; what a visitor can put right becomes a sentence in its place."""
        try:
            judged = judge()
        except (ValueError, OSError) as error:
            sentence = space_pages.render_message(str(error), "error")
            return [None, gr.update(visible=False), gr.update(), sentence, "", "", ""]
        finally:
            space.forget()
        low, high = space.score_range(judged)
        slider = gr.update(minimum=low, maximum=high, value=round(judged.threshold, 2))
        return [judged, gr.update(visible=bool(judged.verdicts)), slider, *self.pages(judged)]

    @staticmethod
    def pages(judged: space.Judged) -> list[str]:
        """Summary, scores, no chosen window, windows."""
        windows = space_pages.render_windows(judged)
        return [space_pages.render_summary(judged), space_pages.render_timeline(judged), "", windows]

    def moved(self, judged: space.Judged | None, threshold: float) -> list[Any]:
        """The same under another threshold."""
        judged = still_there(judged).at(threshold)
        return [judged, *self.pages(judged)]

    @staticmethod
    def pick(judged: space.Judged | None, event: gr.EventData) -> list[str]:
        """The window that was clicked on."""
        judged = still_there(judged)
        place = min(max(int(event.index), 0), len(judged.verdicts) - 1)
        return [space_pages.render_timeline(judged, place), space_pages.render_chosen(judged, place)]

    @staticmethod
    def download(make: Callable[[space.Judged], str]) -> Callable[[space.Judged | None], str]:
        """A function that writes the findings as text."""

        def written(judged: space.Judged | None) -> str:
            return make(still_there(judged))

        return written


def still_there(judged: space.Judged | None) -> space.Judged:
    """The findings, unless the session has forgotten them."""
    if judged is None:
        raise gr.Error("This result has been deleted: scan the log again.")
    return judged


def clear_what_was_read(*paths: str | None) -> Any:
    """Empty the upload boxes whose file was read, and so deleted; leave the others as they are.

    A box that was empty is left alone too: a visitor may have chosen a file for it since.
    """
    updates = [None if path and not Path(path).exists() else gr.skip() for path in paths]
    return updates[0] if len(updates) == 1 else updates
