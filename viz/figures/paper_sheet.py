"""The contact sheet for print: a frame under every code of every position, the other tokens kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from lapa.types import Frame, LatentAction
from viz.figures import style
from viz.figures.canvas import CHIP_IN, Canvas, aspect
from viz.figures.frames import signed_difference
from viz.figures.paper import MUTED, PAGE_IN, TEXT, paper

NAME, GAP, LINE, ACROSS = 0.17, 0.03, 0.17, 8
"""Inches: for the rows' names, between pictures, for a line of chips; codes side by side."""
SHOWS = ("picture", "change")


@dataclass(frozen=True, kw_only=True, eq=False)
class Sheet:
    """A frame and what it becomes: `futures[i, k]` under `chosen` with token i replaced by code k."""

    frame: Frame
    chosen: LatentAction
    futures: UInt8[np.ndarray, "l k _ _ 3"]


def draw_sheet(sheet: Sheet, *, shows: str = SHOWS[0], width_in: int | float = PAGE_IN) -> Figure:
    """Draw one row per position, the chosen code's picture in a dark rim; `shows` is "picture" or "change"."""
    num_rows, num_codes = sheet.futures.shape[:2]
    across = min(ACROSS, num_codes)
    lines = -(-num_codes // across)
    side = (width_in - NAME - across * GAP) / (across + 1)
    tall = side * aspect(sheet.futures[0, 0])
    row_in = lines * (tall + LINE) + 0.05
    with paper():
        canvas = Canvas(width_in, num_rows * row_in)
        canvas.picture(sheet.frame, 0, 0, side, side * aspect(sheet.frame))
        canvas.note("the frame", side / 2, side * aspect(sheet.frame) + 0.025 + CHIP_IN / 2, across="center")
        for position in range(num_rows):
            top = position * row_in
            named = {"size": 5.5, "color": MUTED, "across": "center", "rotation": 90}
            canvas.words(f"token {position}", side + NAME / 2 + GAP / 2, top + tall / 2, **named)
            for code in range(num_codes):
                line, column = divmod(code, across)
                place = (side + NAME + GAP + column * (side + GAP), top + line * (tall + LINE))
                _cell(canvas, sheet, position, code, place, (side, tall), shows)
        return canvas.figure


def sheet_table(sheet: Sheet) -> Iterable[Sequence]:
    """Say what was drawn: per cell its tokens, and how far it is from the frame and from the chosen future."""
    yield ["position", "code", "tokens", "is_chosen", "mean_change", "mean_difference_to_chosen"]
    chosen = sheet.futures[0, sheet.chosen.tokens[0]].astype(np.float32)
    start = chosen if sheet.frame.shape != chosen.shape else sheet.frame.astype(np.float32)
    for position, row in enumerate(sheet.futures):
        for code, future in enumerate(row):
            tokens = list(sheet.chosen.tokens)
            is_chosen, tokens[position] = tokens[position] == code, code
            away = [f"{np.abs(future - other).mean() / 255:.6f}" for other in (start, chosen)]
            yield [position, code, "-".join(map(str, tokens)), int(is_chosen), *away]


def _cell(
    canvas: Canvas,
    sheet: Sheet,
    position: int,
    code: int,
    place: tuple[int | float, int | float],
    size: tuple[int | float, int | float],
    shows: str,
) -> None:
    (x, y), (side, tall) = place, size
    future = sheet.futures[position, code]
    picture = signed_difference(sheet.frame, future) if shows == "change" else future
    is_chosen = sheet.chosen.tokens[position] == code
    canvas.picture(picture, x, y, side, tall, **({"rim": TEXT} if is_chosen else {}))
    color = style.code_color(code, sheet.chosen.codebook_size)
    canvas.box(x, y + tall + 0.025, side, CHIP_IN, fill=color)
    middle = y + tall + 0.025 + CHIP_IN / 2
    text, weight = (f"{code}, as chosen", "bold") if is_chosen and side > 0.55 else (str(code), "bold")
    canvas.words(text, x + side / 2, middle, size=5.5, color=style.ink(color), across="center", weight=weight)
