"""One transition for print: now, later, what the tokens make of it, what changed and what is missed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from lapa.types import Frame, FramePair, LatentAction
from viz.figures.canvas import CHIP_IN, Canvas, aspect, fitted
from viz.figures.frames import error_heat, signed_difference
from viz.figures.paper import PAGE_IN, paper
from viz.figures.psnr import psnr

GAP, HEAD, FOOT = 0.05, 0.16, 0.32
"""Inches: between pictures, over them, under them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen:
    """A pair, its latent action, and the later frame decoded from it (in the size of the pair's frames)."""

    pair: FramePair
    window_s: int | float
    action: LatentAction
    decoded: Frame

    @property
    def psnr(self) -> tuple[float, float]:
        """Of the decoded frame, and of copying the current one; dB."""
        return psnr(self.decoded, self.pair.future), psnr(self.pair.frame, self.pair.future)


def draw_pair(seen: Seen, *, width_in: int | float = PAGE_IN) -> Figure:
    """Draw five pictures, a to e; in one column, two lines of three and two."""
    pair = seen.pair
    quality, copied = seen.psnr
    shots = [
        (pair.frame, f"frame {pair.t}", "now"),
        (pair.future, f"frame {pair.t + pair.window}", f"{seen.window_s:.3g} s later"),
        (seen.decoded, "decoded", f"{quality:.1f} dB; copy {copied:.1f} dB"),
        (signed_difference(pair.frame, pair.future), "what changed", "darker (blue), brighter"),
        (error_heat(seen.decoded, pair.future), "what is missed", "black 0, yellow 0.3 or more"),
    ]
    across = 5 if width_in > 4.5 else 3
    side = (width_in - (across - 1) * GAP) / across
    tall = side * aspect(pair.frame)
    line_in = HEAD + tall + FOOT
    with paper():
        canvas = Canvas(width_in, line_in * -(-len(shots) // across))
        for i, (picture, title, note) in enumerate(shots):
            x, y = i % across * (side + GAP), i // across * line_in
            canvas.words("abcde"[i], x, y + 0.07, size=7, weight="bold")
            canvas.words(fitted(title, side - 0.12), x + 0.12, y + 0.07)
            canvas.picture(picture, x, y + HEAD, side, tall)
            canvas.note(fitted(note, side, 5.5), x, y + HEAD + tall + 0.07)
            if i == 2:
                canvas.chips(seen.action.tokens, seen.action.codebook_size, x, y + HEAD + tall + 0.15, CHIP_IN * 4.5)
        return canvas.figure


def pair_table(seen: Seen) -> Iterable[Sequence]:
    """Say what was drawn: the tokens, how sure each is, and how near the decoded frame comes."""
    yield ["quantity", "of", "value"]
    for i, token in enumerate(seen.action.tokens):
        yield ["token", i, token]
    for i, margin in enumerate(seen.action.margins or ()):
        yield ["margin", i, f"{margin:.6f}"]
    for name, value in zip(("decoded", "copying the current frame"), seen.psnr, strict=True):
        yield ["psnr_db", name, f"{value:.4f}"]
