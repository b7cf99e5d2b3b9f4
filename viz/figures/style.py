"""The one place that knows colours: codes, themes, and what Plotly and the page's style sheet share of them.

A code has the same colour everywhere: chips, ribbons, maps, paper figures. Up to eight codes use the Okabe-Ito palette
(told apart by colour-blind readers), with its black replaced by a grey and its yellow deepened, so that both show on
white and on near-black. More codes cycle through hues of equal lightness and differ by label, not by colour alone.
"""

from __future__ import annotations

import base64
import math

import numpy as np

OKABE_ITO = ("#e69f00", "#56b4e9", "#009e73", "#e3c800", "#0072b2", "#d55e00", "#cc79a7", "#868e96")
NEUTRAL = "#9aa0a8"
"""Colour of what is unknown or is no category."""
CATEGORIES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#e3c800")
"""Colours of things that are not codes (tasks, splits): the same palette in an order that starts apart from it."""
DIVERGING = ("#1f6fb4", "#f4f4f2", "#c8600a")
"""Less, none, more."""
FONT = "Inter, 'Source Sans 3', system-ui, -apple-system, 'Segoe UI', sans-serif"
THEMES = {
    "light": {
        "text": "#1f2430",
        "muted": "#5b6472",
        "grid": "#e7e9ee",
        "line": "#c9cdd6",
        "page": "#ffffff",
        "raised": "#f6f7f9",
    },
    "dark": {
        "text": "#e8eaf0",
        "muted": "#a3abb9",
        "grid": "#272c36",
        "line": "#454c5a",
        "page": "#0f1217",
        "raised": "#191d25",
    },
}


def code_color(code: int, num_codes: int = 8) -> str:
    """Return the colour of one code as "#rrggbb"."""
    if num_codes <= len(OKABE_ITO):
        return OKABE_ITO[code % len(OKABE_ITO)]
    return hue_color(360.0 * code / num_codes, lightness=(0.74, 0.65, 0.69)[code % 3])


def code_colors(num_codes: int) -> list[str]:
    """Return the colours of all codes."""
    return [code_color(code, num_codes) for code in range(num_codes)]


def hue_color(degrees: int | float, *, lightness: float = 0.68, chroma: float = 0.125) -> str:
    """Return a hue of fixed perceived lightness (Oklch) as "#rrggbb"; the cycle closes at 360 degrees."""
    a, b = chroma * math.cos(math.radians(degrees)), chroma * math.sin(math.radians(degrees))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )
    return "#" + "".join(f"{round(255 * _gamma(min(1.0, max(0.0, value)))):02x}" for value in linear)


def cyclic_scale(num_stops: int = 25) -> list[tuple[float, str]]:
    """Return a Plotly colour scale that ends where it starts, for directions."""
    return [(i / (num_stops - 1), hue_color(360.0 * i / (num_stops - 1))) for i in range(num_stops)]


def sequential_scale(num_stops: int = 21) -> list[tuple[float, str]]:
    """Return a Plotly colour scale from blue over green to yellow, lightness rising, both ends visible on any theme."""
    stops = [i / (num_stops - 1) for i in range(num_stops)]
    return [(s, hue_color(272 - 172 * s, lightness=0.48 + 0.40 * s, chroma=0.115 + 0.025 * s)) for s in stops]


def ink(color: str) -> str:
    """Return the text colour, near-black or white, that reads best on `color`."""
    return max(("#14171c", "#ffffff"), key=lambda text: contrast(text, color))


def contrast(first: str, second: str) -> float:
    """Return the WCAG contrast ratio of two colours, 1 to 21."""
    dark, light = sorted((_luminance(first), _luminance(second)))
    return (light + 0.05) / (dark + 0.05)


def rgb(color: str) -> tuple[int, int, int]:
    """Turn "#rrggbb" into three ints in [0, 255]."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def darker(color: str, amount: float = 0.35) -> str:
    """Mix a colour with black: outlines that keep light dots visible on white."""
    return "#" + "".join(f"{round(value * (1 - amount)):02x}" for value in rgb(color))


def base_layout(theme: str = "light", *, uirevision: str = "keep") -> dict:
    """Return what all Plotly layouts start from: transparent, quiet, and keeping the user's zoom on updates."""
    colors = THEMES[theme]
    return {
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": FONT, "size": 13, "color": colors["text"]},
        "margin": {"l": 48, "r": 16, "t": 32, "b": 44},
        "hoverlabel": {
            "bgcolor": colors["raised"], "bordercolor": colors["line"],
            "font": {"family": FONT, "size": 12, "color": colors["text"]}, "align": "left",
        },
        "legend": {"bgcolor": "rgba(0,0,0,0)", "itemsizing": "constant", "font": {"size": 12}},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": colors["muted"], "activecolor": colors["text"]},
        "uirevision": uirevision,
        "autosize": True,
    }  # fmt: skip


def axis(theme: str = "light", title: str = "", **more: object) -> dict:
    """Return a quiet Plotly axis."""
    colors = THEMES[theme]
    return {
        "title": {"text": title, "font": {"size": 12, "color": colors["muted"]}, "standoff": 8},
        "gridcolor": colors["grid"], "linecolor": colors["line"], "tickcolor": colors["line"],
        "tickfont": {"size": 11, "color": colors["muted"]},
        "zeroline": False, "showline": True, "automargin": True,
        **more,
    }  # fmt: skip


def color_bar(title: str, **more: object) -> dict:
    """Return a slim Plotly colour bar."""
    return {
        "thickness": 10,
        "len": 0.6,
        "outlinewidth": 0,
        "tickfont": {"size": 11},
        "title": {"text": title, "side": "right", "font": {"size": 12}},
        **more,
    }


def theme_patch(layout: dict, theme: str) -> dict:
    """Return flat keys for `Plotly.relayout` that put an existing layout into another theme, data untouched."""
    colors = THEMES[theme]
    patch = {
        "font.color": colors["text"],
        "hoverlabel.bgcolor": colors["raised"],
        "hoverlabel.bordercolor": colors["line"],
        "hoverlabel.font.color": colors["text"],
        "modebar.color": colors["muted"],
        "modebar.activecolor": colors["text"],
    }
    for name in layout:
        if name.startswith(("xaxis", "yaxis")):
            patch |= {
                f"{name}.gridcolor": colors["grid"],
                f"{name}.linecolor": colors["line"],
                f"{name}.tickcolor": colors["line"],
                f"{name}.tickfont.color": colors["muted"],
                f"{name}.title.font.color": colors["muted"],
            }
    for i, shape in enumerate(layout.get("shapes", ())):
        if shape.get("name") == "rule":
            patch[f"shapes[{i}].line.color"] = colors["text"]
    return patch


def figure(data: list[dict], layout: dict) -> dict:
    """Return a Plotly figure as plain JSON, with the patches that move it between themes.

    Returns:
        {"data", "layout", "themes": {"light": patch, "dark": patch}}; patches are for `Plotly.relayout`.
    """
    return {"data": data, "layout": layout, "themes": {theme: theme_patch(layout, theme) for theme in THEMES}}


def packed(values: np.ndarray) -> dict:
    """Return a one- or two-dimensional array as Plotly's base64 form: one string, however many points."""
    kind = "i4" if values.dtype.kind in "iub" else "f4"
    array = {"dtype": kind, "bdata": base64.b64encode(np.ascontiguousarray(values, f"<{kind}").tobytes()).decode()}
    return array if values.ndim == 1 else array | {"shape": ", ".join(map(str, values.shape))}


def css_variables(num_codes: int = 8) -> str:
    """Return the style sheet's variables: --code-N, --code-N-ink, and the themes' colours as --fig-NAME."""
    codes = "".join(
        f"--code-{code}:{color};--code-{code}-ink:{ink(color)};" for code, color in enumerate(code_colors(num_codes))
    )
    light, dark = ("".join(f"--fig-{k}:{v};" for k, v in THEMES[theme].items()) for theme in ("light", "dark"))
    return f":root{{{codes}{light}}}\n.dark{{{dark}}}\n"


def component_css() -> str:
    """Return the style sheet of the HTML that `film`, `frames` and `distributions` write (classes `lae-*`)."""
    return COMPONENTS


COMPONENTS = """\
.lae-chips{display:inline-flex;gap:4px;vertical-align:middle}
.lae-chip{display:inline-flex;flex-direction:column;align-items:center;justify-content:center;box-sizing:border-box;
 min-width:1.9em;height:1.9em;padding:0 .4em;border-radius:.45em;font:600 1em/1 ui-monospace,Menlo,monospace;
 box-shadow:inset 0 0 0 1px rgba(0,0,0,.18)}
.lae-chips.small{gap:2px;font-size:.75rem}
.lae-chips.large{gap:8px;font-size:1.5rem}
.lae-chip i{display:block;width:1.1em;height:.16em;margin-top:.18em;border-radius:1px;background:rgba(0,0,0,.2)}
.lae-chip i b{display:block;height:100%;border-radius:1px;background:currentColor}
.lae-ribbon{position:relative;display:grid;grid-template-columns:1.4em 1fr;gap:3px 6px;color:var(--fig-muted,#5b6472);
 font-size:.75rem}
.lae-ribbon .lane{display:flex;height:16px;border-radius:3px;overflow:hidden;background:var(--fig-grid,#e7e9ee)}
.lae-ribbon .lane span{display:block;min-width:0;overflow:hidden;text-align:center;
 font:600 10px/16px ui-monospace,monospace}
.lae-ribbon .name{text-align:right;line-height:16px}
.lae-ribbon .over{position:absolute;left:calc(1.4em + 6px);right:0;top:0;bottom:1.5em;pointer-events:none}
.lae-ribbon .now{position:absolute;top:-3px;bottom:-3px;box-sizing:border-box;min-width:3px;border:2px solid
 var(--fig-text,#1f2430);border-radius:4px}
.lae-ribbon .ticks{position:relative;grid-column:2;height:1.2em}
.lae-ribbon .ticks span{position:absolute;transform:translateX(-50%)}
.lae-ribbon .ticks span:first-child{transform:none}
.lae-ribbon .ticks span:last-child{transform:translateX(-100%)}
.lae-film{display:flex;gap:4px;overflow-x:auto;padding-bottom:4px}
.dark .lae-film{color-scheme:dark}
.lae-film figure{margin:0;flex:0 0 auto;color:var(--fig-muted,#5b6472);font-size:.72rem;text-align:center}
.lae-film img{display:block;height:var(--film-height,72px);border-radius:4px;outline:1px solid var(--fig-line,#c9cdd6);
 outline-offset:-1px}
.lae-film .frame img{outline:3px solid #0072b2;outline-offset:-3px}
.lae-film .future img{outline:3px solid #d55e00;outline-offset:-3px}
.lae-film .frame,.lae-film .future{color:var(--fig-text,#1f2430);font-weight:600}
.lae-blink{position:relative;display:inline-block;line-height:0}
.lae-blink img{border-radius:4px;max-width:100%}
.lae-blink img+img{position:absolute;inset:0;animation:lae-blink 1.2s steps(1) infinite}
@keyframes lae-blink{0%{opacity:0}50%{opacity:1}}
@media (prefers-reduced-motion:reduce){.lae-blink img+img{animation:none;opacity:0}.lae-blink:hover img+img{opacity:1}}
"""


def _gamma(value: float) -> float:
    return 12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def _luminance(color: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in rgb(color))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
