"""The page's colours and type: the paper, ink and one red of the report, in light and dark; no font is fetched.

Notes: Gradio's dark mode is a second set of names ending in `_dark`, so every row of the table names both.
"""

import gradio as gr

PAPER, CARD, INK, MUTED, RULE, ACCENT = range(6)
COLOURS = (  # light, dark: those of `logllm.report.html`
    ("#f6f6f3", "#131416"),
    ("#ffffff", "#1b1d20"),
    ("#1d1f23", "#e6e6e3"),
    ("#5f646d", "#9da2ab"),
    ("#dfdfd9", "#303338"),
    ("#b3321b", "#b3321b"),
)
VARIABLES = {
    PAPER: ("body_background_fill", "checkbox_label_background_fill"),
    CARD: (
        "block_background_fill", "block_label_background_fill", "input_background_fill", "panel_background_fill",
        "button_secondary_background_fill", "checkbox_background_color", "input_background_fill_focus",
        "background_fill_primary", "background_fill_secondary", "code_background_fill",
    ),
    INK: (
        "body_text_color", "block_title_text_color", "button_secondary_text_color", "checkbox_label_text_color",
        "link_text_color_hover",
    ),
    MUTED: ("body_text_color_subdued", "block_label_text_color", "block_info_text_color", "input_placeholder_color"),
    RULE: (
        "border_color_primary", "block_border_color", "input_border_color", "checkbox_label_border_color",
        "button_secondary_border_color",
    ),
    ACCENT: (
        "button_primary_background_fill", "checkbox_background_color_selected", "checkbox_border_color_selected",
        "slider_color",
    ),
}  # fmt: skip
MORE = {
    "button_primary_background_fill_hover": ("#9a2914", "#c63d24"),
    "button_primary_text_color": ("white", "white"),
    "button_secondary_background_fill_hover": ("#efefea", "#25282c"),
    "checkbox_border_color": ("#a2a7b0", "#6b7078"),
    "checkbox_label_background_fill_hover": ("#efefea", "#25282c"),
    "checkbox_label_background_fill_selected": ("#efefea", "#25282c"),
    "color_accent": ("#b3321b", "#f58a6a"),
    "border_color_accent": ("#b3321b", "#f58a6a"),
    "input_border_color_focus": ("#b3321b", "#f58a6a"),
    "link_text_color": ("#b3321b", "#f58a6a"),
}
ONCE = {  # the same in both modes
    "block_shadow": "none",
    "block_label_shadow": "none",
    "button_primary_shadow": "none",
    "button_secondary_shadow": "none",
    "block_radius": "8px",
    "button_large_radius": "6px",
    "button_small_radius": "6px",
    "input_radius": "6px",
    "checkbox_label_shadow": "none",
}


def _settings() -> dict[str, str]:
    pairs = {name: COLOURS[colour] for colour, names in VARIABLES.items() for name in names} | MORE
    light = {name: pair[0] for name, pair in pairs.items()}
    dark = {f"{name}_dark": pair[1] for name, pair in pairs.items() if name != "color_accent"}
    return {**light, **dark, **ONCE}


THEME = gr.themes.Base(
    primary_hue="red", neutral_hue="zinc", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]
).set(**_settings())
