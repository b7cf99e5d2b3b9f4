"""A sheet of paper measured in inches from its upper left corner: pictures, chips and words put at places.

What printed films, ribbons and contact sheets are made of. Pictures are brought to the resolution of print, so that
every format shows the same pixels; all else is vectors. Use inside `paper()`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from unicodedata import east_asian_width

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from lapa.types import Frame
from viz.figures import style
from viz.figures.paper import MUTED, RULE, TEXT

DPI = 300
CHIP_IN = 0.115
"""Height of a chip."""


class Canvas:
    """One figure with a single invisible axis in inches, y pointing down."""

    def __init__(self, width_in: int | float, height_in: int | float):
        self.figure = Figure(figsize=(width_in, height_in))
        self.ax = self.figure.add_axes((0, 0, 1, 1))
        self.ax.set(xlim=(0, width_in), ylim=(height_in, 0))
        self.ax.set_axis_off()

    def picture(
        self, frame: Frame, x: int | float, y: int | float, width: int | float, height: int | float, *, rim: str = RULE
    ) -> None:
        """Put a picture into a box, with a thin rim; `rim` other than the default is drawn thicker."""
        size = max(1, round(width * DPI)), max(1, round(height * DPI))
        pixels = np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))
        self.ax.imshow(pixels, extent=(x, x + width, y + height, y), interpolation="none", aspect="auto", zorder=1)
        self.box(x, y, width, height, edge=rim, line=0.4 if rim == RULE else 1.4)
        self._keep_limits()

    def box(
        self,
        x: int | float,
        y: int | float,
        width: int | float,
        height: int | float,
        *,
        fill: str = "none",
        edge: str = "none",
        line: int | float = 0,
    ) -> None:
        """Draw a rectangle."""
        self.ax.add_patch(Rectangle((x, y), width, height, facecolor=fill, edgecolor=edge, linewidth=line, zorder=2))

    def words(
        self,
        text: str,
        x: int | float,
        y: int | float,
        *,
        size: int | float = 6,
        color: str = TEXT,
        across: str = "left",
        **more: object,
    ) -> None:
        """Write one line; `across` is what of it stands at x, and y is its middle."""
        self.ax.text(x, y, text, fontsize=size, color=color, ha=across, va="center_baseline", zorder=3, **more)

    def chips(self, tokens: Sequence[int], num_codes: int, x: int | float, y: int | float, width: int | float) -> None:
        """Draw a latent action as coloured chips, centred in `width`; they shrink where there is little room."""
        step = min(CHIP_IN * 1.12, width / max(1, len(tokens)))
        left = x + (width - step * len(tokens)) / 2
        for i, token in enumerate(tokens):
            color = style.code_color(token, num_codes)
            self.box(left + i * step, y, step * 0.9, CHIP_IN, fill=color)
            digits = len(str(token))
            size = min(5.5, step * 72 / (0.75 * digits + 0.55))
            middle = left + (i + 0.45) * step
            self.words(
                str(token), middle, y + CHIP_IN / 2, size=size, color=style.ink(color), across="center", weight="bold"
            )

    def note(self, text: str, x: int | float, y: int | float, *, across: str = "left") -> None:
        """Write a quiet line."""
        self.words(text, x, y, size=5.5, color=MUTED, across=across)

    def _keep_limits(self) -> None:
        width, height = self.figure.get_size_inches()
        self.ax.set(xlim=(0, width), ylim=(height, 0))


def fitted(text: str, width_in: int | float, size: int | float = 6) -> str:
    """Shorten a line to a width, judging letters by their mean width; Chinese and its like count twice."""
    room = int(width_in * 72 / (0.52 * size))
    text = " ".join(text.split())
    ends = list(accumulate(2 if east_asian_width(c) in "WF" else 1 for c in text))
    return text if not ends or ends[-1] <= room else text[: bisect_right(ends, max(0, room - 1))].rstrip() + "\u2026"


def aspect(frame: Frame) -> float:
    """Return height over width."""
    return frame.shape[0] / frame.shape[1]


def like(picture: Frame, other: Frame) -> Frame:
    """Give a picture the size of another."""
    if picture.shape == other.shape:
        return picture
    size = other.shape[1], other.shape[0]
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
