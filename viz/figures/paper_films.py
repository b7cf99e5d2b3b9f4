"""Films for print: a rollout, or a transfer, as rows of pictures one window apart, their tokens beneath.

Long films wrap into further lines; every row of a line shows the same moments.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from lapa.types import Frame, LatentAction
from viz.figures.canvas import CHIP_IN, Canvas, aspect, fitted
from viz.figures.paper import PAGE_IN, paper

PICTURE_IN = 0.7
"""A picture is at least this wide."""
GAP, HEAD, TITLE, BETWEEN = 0.035, 0.16, 0.15, 0.13
"""Inches: between pictures, for the times, for a row's title, between lines."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FilmRow:
    """One row: `actions[i]` led from picture i to picture i + 1; a recording has none.

    `distributions[i]` are the probabilities [l k] that the action was chosen from, or None.
    """

    title: str
    frames: Sequence[Frame]
    actions: Sequence[LatentAction] = ()
    distributions: Sequence[np.ndarray | None] = ()


def draw_films(rows: Sequence[FilmRow], *, window_s: int | float, width_in: int | float = PAGE_IN) -> Figure:
    """Draw rows of film under each other; `window_s` is the time from one picture to the next."""
    longest = max(len(row.frames) for row in rows)
    across = min(longest, max(2, int((width_in + GAP) / (PICTURE_IN + GAP))))
    num_lines = -(-longest // across)
    across = -(-longest // num_lines)
    side = min(1.1, (width_in - (across - 1) * GAP) / across)
    tall = side * max(aspect(row.frames[0]) for row in rows)
    heights = [TITLE + tall + (CHIP_IN + 0.06 if row.actions else 0.03) for row in rows]
    line_in = HEAD + sum(heights)
    with paper():
        canvas = Canvas(across * (side + GAP) - GAP, num_lines * line_in + (num_lines - 1) * BETWEEN)
        for line in range(num_lines):
            top = line * (line_in + BETWEEN)
            shown = range(line * across, min(longest, (line + 1) * across))
            for column, i in enumerate(shown):
                canvas.note(moment(i, window_s), column * (side + GAP) + side / 2, top + 0.06, across="center")
            top += HEAD
            for row, height in zip(rows, heights, strict=True):
                _row(canvas, row, shown, top, side, tall)
                top += height
        return canvas.figure


def film_table(rows: Iterable[FilmRow]) -> Iterable[Sequence]:
    """Say what was drawn: per row and picture the tokens that led there, and how likely the policy found each.

    `mean_change` is to the picture before, in [0, 1]; the pictures themselves are told apart by their pixels' sha256.
    """
    yield ["row", "picture", "tokens", "probabilities", "mean_change", "pixels_sha256"]
    for row in rows:
        for i, frame in enumerate(row.frames):
            action = row.actions[i - 1] if 0 < i <= len(row.actions) else None
            chosen = row.distributions[i - 1] if action and i <= len(row.distributions) else None
            shares = "" if chosen is None else " ".join(f"{p[t]:.4f}" for p, t in zip(chosen, action.tokens))
            before = row.frames[max(0, i - 1)].astype(np.float32)
            change = f"{np.abs(frame - before).mean() / 255:.6f}"
            pixels = hashlib.sha256(np.ascontiguousarray(frame).tobytes()).hexdigest()
            yield [row.title, i, action.label if action else "", shares, change, pixels]


def moment(i: int, window_s: int | float) -> str:
    """Return when a picture is, counted from the start."""
    return "start" if i == 0 else f"+{i * window_s:.3g} s"


def _row(canvas: Canvas, row: FilmRow, shown: range, top: int | float, side: int | float, tall: int | float) -> None:
    if shown.start >= len(row.frames):
        return
    canvas.words(fitted(row.title, len(shown) * side), 0, top + TITLE * 0.4)
    top += TITLE
    for column, i in enumerate(shown):
        if i >= len(row.frames):
            break
        x = column * (side + GAP)
        canvas.picture(row.frames[i], x, top, side, side * aspect(row.frames[i]))
        if 0 < i <= len(row.actions):
            action = row.actions[i - 1]
            canvas.chips(action.tokens, action.codebook_size, x, top + tall + 0.03, side)
