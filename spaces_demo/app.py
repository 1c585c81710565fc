"""The Space: paste or upload a log and see which line is odd, and why.

Peculiar about it:

* The page knows no model. `build_app` is handed functions from lines to verdicts, one a family; `main` loads the real
  ones from a folder of checkpoints, a test may hand it others.
* Log lines reach the page only through `logllm.report`, which escapes them; nothing here builds HTML from a log.
* The button and the named endpoint `/scan` are two doors to one function. The endpoint takes the text and the family
  and returns plain JSON, so that a program need not know what the page looks like.

Run: `python spaces_demo/app.py` (or `make space`). The checkpoints are looked for in the folder that the environment
variable LOGLLM_SPACE_MODELS names, in `checkpoints/` beside this file, then in `demo_output/models`, which `make demo`
writes; each holds `logllm/` or `logllama/` or both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from logllm.report import render_window, window_style
from logllm.verdict import Verdict

Scan = Callable[[list[str]], list[Verdict]]

HERE = Path(__file__).parent
EXAMPLE = HERE / "examples" / "hdfs.log"
FAMILIES = {  # in this order on the page; the first one present is chosen
    "logllama": "LogLLaMA · has learnt what is normal",
    "logllm": "LogLLM · has learnt from labelled windows",
}
MAX_CHARACTERS = 5_000_000
MAX_WINDOWS_SHOWN = 20
LEAST_WINDOWS_SHOWN = 3  # the highest scores, where fewer were flagged
COLOURS = {  # gradio's theme variables; the dark ones are those of the report
    ("button_primary_background_fill", "button_primary_background_fill_dark"): "#b3321b",
    ("button_primary_background_fill_hover", "button_primary_background_fill_hover_dark"): "#9a2914",
    ("button_primary_text_color", "button_primary_text_color_dark"): "white",
    ("checkbox_background_color_selected", "checkbox_background_color_selected_dark"): "#b3321b",
    ("checkbox_border_color_selected", "checkbox_border_color_selected_dark"): "#b3321b",
    ("body_background_fill_dark", "input_background_fill_dark"): "#131416",
    ("block_background_fill_dark", "block_label_background_fill_dark"): "#1b1d20",
    ("button_secondary_background_fill_dark", "checkbox_label_background_fill_dark"): "#2a2d32",
    ("input_placeholder_color", "checkbox_border_color_dark"): "#6b7078",
    ("input_placeholder_color_dark",): "#8d929b",
}


def find_models() -> Path:
    """The first folder of checkpoints that there is.

    Raises:
        FileNotFoundError: None of the three places holds a `logllm/` or `logllama/` folder.
    """
    named = os.environ.get("LOGLLM_SPACE_MODELS")
    places = [Path(named)] if named else [HERE / "checkpoints", HERE.parent / "demo_output" / "models"]
    for place in places:
        if any((place / family / "config.json").is_file() for family in FAMILIES):
            return place
    raise FileNotFoundError(
        f"The Space needs a folder that holds logllama/ or logllm/ with a config.json; found none in "
        f"{' or '.join(str(place) for place in places)}. Run `make demo`, or name a folder in LOGLLM_SPACE_MODELS."
    )


def load_scans(models: Path) -> dict[str, Scan]:
    """One scanning function a family whose checkpoint lies in the folder.

    Only the windows worth showing come with evidence: explaining costs many times what scoring costs, and a visitor's
    log may be flagged from end to end.
    """
    from logllm import LogAnomalyDetector  # late: torch takes seconds, and `build_app` does not need it

    def scan(detector: LogAnomalyDetector, lines: list[str]) -> list[Verdict]:
        verdicts = list(detector.scan(lines, explain="none"))
        chosen = {id(verdict) for verdict in worth_showing(verdicts)}
        return [detector.explain(one) if id(one) in chosen else one for one in verdicts]

    present = [family for family in FAMILIES if (models / family / "config.json").is_file()]
    return {family: partial(scan, LogAnomalyDetector.from_pretrained(models / family)) for family in present}


def build_app(scans: Mapping[str, Scan]) -> gr.Blocks:
    """The page for these scanning functions; start it with `.launch(**launch_options())`.

    Args:
        scans: Family ("logllama", "logllm") -> a function from raw lines to verdicts. At least one.
    """
    families = [family for family in FAMILIES if family in scans]

    def judge(lines: list[str], family: str) -> list[Verdict]:
        if family not in scans:
            raise gr.Error(f"The family must be one of {', '.join(families)}; found {family!r}.")
        try:
            return scans[family](lines)
        except (ValueError, OSError) as error:  # bad input says in its message what to do; a fault of ours stays loud
            raise gr.Error(str(error)) from error

    def scan_page(text: str, file: str | None, family: str) -> tuple[str, str, Any]:
        verdicts = judge(lines_of_file(file) if file else lines_of_text(text), family)
        shown = worth_showing(verdicts)
        windows = "".join(render_window(verdict, place) for place, verdict in enumerate(shown, start=1))
        return summary(verdicts, shown), f'<div class="logllm">{windows}</div>', [one.to_dict() for one in shown]

    def scan(text: str, family: str = families[0]) -> list[dict[str, Any]]:
        """Score a log and say which lines are odd.

        Args:
            text: The log, one message a line.
            family: "logllama" (has learnt what is normal) or "logllm" (has learnt from labelled windows).

        Returns:
            One verdict a window, in the order of the log: window_id, score, threshold, is_anomalous, lines. The lines
            of the windows with the highest scores carry a score and, where they stand out, a reason.
        """
        return [verdict.to_dict() for verdict in judge(lines_of_text(text), family)]

    with gr.Blocks(title="LogLLM: which line is odd?", analytics_enabled=False) as app:
        gr.Markdown(
            "# Which line is odd?\nPaste a log or upload one. The model scores each window of lines, marks the ones "
            "that do not fit and says why. Nothing is kept after the scan.",
            elem_id="intro",
        )
        text = gr.Textbox(
            label="Log",
            placeholder="Paste raw log lines here, one message a line. Shift+Enter scans.",
            lines=10,
            max_lines=18,
            elem_id="log-text",
        )
        with gr.Row(equal_height=True):
            family = gr.Radio(
                [(FAMILIES[family], family) for family in families],
                value=families[0],
                label="Model",
                elem_id="family",
                scale=3,
                min_width=300,
            )
            file = gr.File(
                label="Or a log file (plain or .gz)",
                type="filepath",
                height=120,
                elem_id="log-file",
                scale=2,
                min_width=300,
            )
        with gr.Row():
            example = gr.Button("Put in an example", elem_id="example")
            button = gr.Button("Scan", variant="primary", elem_id="scan")
        report = gr.Markdown(elem_id="summary")
        windows = gr.HTML(elem_id="windows", apply_default_css=False)
        with gr.Accordion("The same as JSON", open=False, elem_id="json-part", visible=False) as json_part:
            verdicts = gr.JSON(label="Verdicts", elem_id="verdicts", max_height=420)
        gr.on(
            [button.click, text.submit],
            scan_page,
            [text, file, family],
            [report, windows, verdicts],
            api_visibility="private",
            concurrency_id="scan",
            concurrency_limit=2,
        ).success(lambda: gr.update(visible=True), None, json_part, api_visibility="private")
        example.click(lambda: (EXAMPLE.read_text(), None), None, [text, file], api_visibility="private")
        gr.api(scan, api_name="scan", concurrency_id="scan")
    return app.queue(max_size=20)


def launch_options() -> dict[str, Any]:
    """What `launch` must be told: in gradio 6 style, theme and limits belong to it, not to the page."""
    theme = gr.themes.Base(primary_hue="red", neutral_hue="zinc", font=["system-ui"], font_mono=["ui-monospace"])
    return {
        "css": window_style(),
        "css_paths": HERE / "style.css",
        "theme": theme.set(**{name: colour for names, colour in COLOURS.items() for name in names}),
        "footer_links": ["api"],
        "max_file_size": MAX_CHARACTERS,
        "show_error": True,
        "ssr_mode": False,
    }


def lines_of_text(text: str) -> list[str]:
    """The pasted lines; an empty box or far too much is refused with a sentence."""
    if not text or not text.strip():
        raise gr.Error("There is nothing to scan: paste at least one line, or upload a file.")
    if len(text) > MAX_CHARACTERS:
        raise gr.Error(
            f"The log must have at most {MAX_CHARACTERS:,} characters; found {len(text):,}. Send a part of it."
        )
    return text.strip("\r\n").replace("\r\n", "\n").split("\n")  # not splitlines: a form feed ends no line


def lines_of_file(path: str) -> list[str]:
    """The lines of an upload, read as the package reads every log; bad input is refused with its own sentence."""
    from logllm.hf_datasets import read_lines

    try:
        lines, size = [], 0
        for line in read_lines(path):
            size += len(line)
            if size > MAX_CHARACTERS:  # a small .gz can hold very much
                raise ValueError(
                    f"The log must have at most {MAX_CHARACTERS:,} characters unpacked. Send a part of it."
                )
            lines.append(line)
        return lines
    except (ValueError, OSError) as error:
        raise gr.Error(str(error)) from error


def worth_showing(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The flagged windows, worst first, filled up with the highest scores where there are few."""
    ranked = sorted(verdicts, key=lambda one: (not one.is_anomalous, -one.score))
    flagged = sum(one.is_anomalous for one in verdicts)
    return ranked[: min(max(flagged, LEAST_WINDOWS_SHOWN), MAX_WINDOWS_SHOWN)]


def summary(verdicts: Sequence[Verdict], shown: Sequence[Verdict]) -> str:
    """One sentence of Markdown; it holds numbers only, never text of the log."""
    if not verdicts:
        return "**No window** could be formed from these lines."
    flagged = sum(one.is_anomalous for one in verdicts)
    lines = len({number for one in verdicts for number in one.line_numbers})
    told = f"**{flagged:,} of {len(verdicts):,} windows** flagged in {lines:,} lines."
    if flagged and len(shown) >= flagged:
        return told
    return f"{told} Below are the {len(shown)} with the highest scores."


def main() -> None:
    """Load the checkpoints and serve the page."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    try:
        models = find_models()
    except FileNotFoundError as error:
        sys.exit(str(error))
    build_app(load_scans(models)).launch(**launch_options())


if __name__ == "__main__":
    main()
