"""Lines of text on pictures, for films: measured in pixels, shortened to a width, drawn with fallback fonts."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

from viz.figures.fonts import BASE, font_runs


@lru_cache(maxsize=64)
def label_font(size: int, *, bold: bool = False, path: Path = BASE) -> ImageFont.FreeTypeFont:
    """Return a font; by default DejaVu Sans, which matplotlib brings along, so that every machine draws the same."""
    return ImageFont.truetype(str(path.with_stem(f"{path.stem}-Bold") if bold else path), size)


def line_width(text: str, size: int) -> float:
    """Return the width of a line in pixels."""
    return sum(label_font(size, path=path).getlength(run) for run, path in font_runs(text))


def fit_text(text: str, size: int, width: int | float) -> str:
    """Shorten a line to `width` pixels."""
    text = " ".join(text.split())
    if line_width(text, size) <= width:
        return text
    while text and line_width(text + "\u2026", size) > width:
        text = text[:-1]
    return text.rstrip() + "\u2026"


def draw_line(draw: ImageDraw.ImageDraw, x: int | float, y: int | float, text: str, color: str, size: int) -> None:
    """Write one line; x is its left edge and y its middle. Each run of characters is in a font that has them."""
    ascent, descent = label_font(size).getmetrics()
    baseline = y + (ascent - descent) / 2
    for run, path in font_runs(text):
        font = label_font(size, path=path)
        place, anchor = ((x, y), "lm") if path == BASE else ((x, baseline), "ls")
        draw.text(place, run, color, font, anchor=anchor)
        x += font.getlength(run)
