"""A film of films: rows of pictures become one moving picture, each row a tile with its title and its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image, ImageDraw

from lapa.types import Frame, LatentAction
from viz.figures import style
from viz.figures.canvas import aspect
from viz.figures.lettering import draw_line, fit_text, label_font
from viz.figures.paper_films import FilmRow, moment

TILE, GAP, LINE = 256, 8, 26
PAPER, INK, QUIET = "#ffffff", style.THEMES["light"]["text"], style.THEMES["light"]["muted"]


def film_frames(rows: Sequence[FilmRow], *, window_s: int | float) -> Iterator[Frame]:
    """Yield the film's pictures, uint8 [h w 3] of one size; a row that ends early stays at its last picture."""
    tall = round(TILE * max(aspect(row.frames[0]) for row in rows))
    size = GAP + len(rows) * (TILE + GAP), 2 * LINE + tall + LINE
    for i in range(max(len(row.frames) for row in rows)):
        sheet = Image.new("RGB", size, PAPER)
        draw = ImageDraw.Draw(sheet)
        for column, row in enumerate(rows):
            left, shown = GAP + column * (TILE + GAP), min(i, len(row.frames) - 1)
            draw_line(draw, left, LINE / 2, fit_text(row.title, 13, TILE), INK, 13)
            when = moment(shown, window_s) + (" (its end)" if shown < i else "")
            draw.text((left, LINE * 1.3), when, QUIET, label_font(12), anchor="lm")
            frame = row.frames[shown]
            tile = Image.fromarray(frame).resize((TILE, round(TILE * aspect(frame))), Image.Resampling.LANCZOS)
            sheet.paste(tile, (left, 2 * LINE))
            if 0 < shown <= len(row.actions):
                _chips(draw, row.actions[shown - 1], left, 2 * LINE + tall + 4)
        yield np.asarray(sheet)


def _chips(draw: ImageDraw.ImageDraw, action: LatentAction, left: int, top: int) -> None:
    step, height = min(22, TILE // len(action.tokens)), LINE - 8
    left += (TILE - step * len(action.tokens)) // 2
    for i, token in enumerate(action.tokens):
        color, x = style.code_color(token, action.codebook_size), left + i * step
        draw.rectangle((x, top, x + step - 3, top + height), fill=color)
        middle = (x + (step - 3) / 2, top + height / 2)
        draw.text(middle, str(token), style.ink(color), label_font(12, bold=True), anchor="mm")
