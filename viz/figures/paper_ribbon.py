"""A clip for print: its film over its token ribbon, one lane per token, on one axis of seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from matplotlib.figure import Figure

from lapa.types import Clip, LatentAction
from viz.figures import style
from viz.figures.canvas import Canvas, aspect
from viz.figures.paper import PAGE_IN, RULE, paper

LEFT, LANE, GAP, PICTURE_IN = 0.42, 0.15, 0.03, 0.55
"""Inches: for the lanes' names, a lane's height, between lanes, a picture's least width."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ribbon:
    """A clip and what the quantizer says along it: (frame number, latent action), evenly spaced."""

    clip: Clip
    window: int
    actions: Sequence[tuple[int, LatentAction]]

    @property
    def stride(self) -> int:
        """Frames from one latent action to the next."""
        return self.actions[1][0] - self.actions[0][0] if len(self.actions) > 1 else 1

    @property
    def span(self) -> tuple[int, int]:
        """First frame shown, and the one after the last."""
        return self.actions[0][0], self.actions[-1][0] + self.stride


def draw_ribbon(ribbon: Ribbon, *, width_in: int | float = PAGE_IN) -> Figure:
    """Draw film and lanes; a lane's cell begins at the frame its latent action starts from."""
    room = width_in - LEFT
    num_pictures = max(1, int((room + GAP) / (PICTURE_IN + GAP)))
    side = (room - (num_pictures - 1) * GAP) / num_pictures
    tall, num_lanes = side * aspect(ribbon.clip.frames[0]), len(ribbon.actions[0][1].tokens)
    first, end = ribbon.span
    with paper():
        canvas = Canvas(width_in, tall + 0.06 + num_lanes * (LANE + GAP) + 0.32)
        for i in range(num_pictures):
            left = i * (side + GAP)
            t = first + int((left + side / 2) / room * (end - first))
            canvas.picture(ribbon.clip.frames[min(t, ribbon.clip.num_frames - 1)], LEFT + left, 0, side, tall)
        for position in range(num_lanes):
            _lane(canvas, ribbon, position, tall + 0.06 + position * (LANE + GAP), room)
        _seconds(canvas, ribbon, tall + 0.06 + num_lanes * (LANE + GAP), room)
        return canvas.figure


def ribbon_table(ribbon: Ribbon) -> Iterable[Sequence]:
    """Say what was drawn: each latent action, when, and how sure each token is."""
    positions = range(len(ribbon.actions[0][1].tokens))
    yield ["frame", "time_s", *(f"token_{i}" for i in positions), *(f"margin_{i}" for i in positions)]
    for t, action in ribbon.actions:
        sure = action.margins or ("",) * len(action.tokens)
        yield [t, f"{t / ribbon.clip.fps:.4f}", *action.tokens, *(f"{m:.4f}" if m != "" else "" for m in sure)]


def _lane(canvas: Canvas, ribbon: Ribbon, position: int, top: int | float, room: int | float) -> None:
    canvas.note(f"token {position}", LEFT - 0.06, top + LANE / 2, across="right")
    first, end = ribbon.span
    num_codes = ribbon.actions[0][1].codebook_size
    for token, run in groupby(ribbon.actions, key=lambda item: item[1].tokens[position]):
        times = [t for t, _ in run]
        left = LEFT + room * (times[0] - first) / (end - first)
        width = room * (times[-1] + ribbon.stride - times[0]) / (end - first)
        color = style.code_color(token, num_codes)
        canvas.box(left, top, width, LANE, fill=color, edge="white", line=0.4)
        if width > 0.07 * len(str(token)):
            middle = left + width / 2
            canvas.words(str(token), middle, top + LANE / 2, size=5, color=style.ink(color), across="center")


def _seconds(canvas: Canvas, ribbon: Ribbon, top: int | float, room: int | float) -> None:
    first, end = (t / ribbon.clip.fps for t in ribbon.span)
    for second in np.arange(np.ceil(first / (step := _step(end - first))) * step, end, step):
        x = LEFT + room * (second - first) / (end - first)
        canvas.box(x, top, 0, 0.035, edge=RULE, line=0.5)
        canvas.note(f"{second:g}", x, top + 0.09, across="center")
    canvas.note("time of the current frame (s)", LEFT + room / 2, top + 0.23, across="center")


def _step(span: int | float) -> float:
    """Return a round step that makes about eight ticks."""
    rough = max(span / 8, 1e-6)
    scale = 10.0 ** np.floor(np.log10(rough))
    return float(next(scale * factor for factor in (1, 2, 5, 10) if scale * factor >= rough))
