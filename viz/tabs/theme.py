"""The look of Gradio's own components; everything else is in `assets/app.css`. No font is fetched from anywhere."""

from __future__ import annotations

import gradio as gr

from viz.figures.style import THEMES

FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "sans-serif"]
MONO = ["ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace"]
ACCENT, ACCENT_DARK = "#2f5d8a", "#8fb8de"


def build_theme() -> gr.themes.Base:
    """Return the theme, in light and dark."""
    light, dark = THEMES["light"], THEMES["dark"]
    pairs = {
        "body_background_fill": ("page", "page"),
        "background_fill_primary": ("page", "page"),
        "background_fill_secondary": ("raised", "raised"),
        "block_background_fill": ("page", "page"),
        "border_color_primary": ("grid", "grid"),
        "body_text_color": ("text", "text"),
        "body_text_color_subdued": ("muted", "muted"),
        "block_label_text_color": ("muted", "muted"),
        "block_title_text_color": ("muted", "muted"),
        "input_background_fill": ("raised", "raised"),
        "input_border_color": ("line", "line"),
        "button_secondary_background_fill": ("raised", "raised"),
        "button_secondary_background_fill_hover": ("grid", "grid"),
        "button_secondary_text_color": ("text", "text"),
        "button_secondary_border_color": ("line", "line"),
    }
    values = {name: light[of_light] for name, (of_light, _) in pairs.items()}
    values |= {f"{name}_dark": dark[of_dark] for name, (_, of_dark) in pairs.items()}
    theme = gr.themes.Base(
        neutral_hue="slate",
        primary_hue="slate",
        font=FONT,
        font_mono=MONO,
        radius_size="md",
        spacing_size="md",
        text_size="md",
    )
    return theme.set(
        **values,
        button_primary_background_fill=ACCENT,
        button_primary_background_fill_hover="#264d73",
        button_primary_background_fill_dark=ACCENT_DARK,
        button_primary_background_fill_hover_dark="#a9c9e6",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#0f1217",
        slider_color=ACCENT,
        slider_color_dark=ACCENT_DARK,
        block_border_width="0px",
        block_shadow="none",
        block_padding="0px",
        block_label_background_fill="transparent",
        block_title_text_size="12px",
        block_title_text_weight="500",
        layout_gap="16px",
    )
