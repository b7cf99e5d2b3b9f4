"""Arrows: which way each code of a position moves things, as a small compass, and a chain of arrows over a frame.

Vectors are (right, up) as shares of the picture's longer side, so an arrow over a frame has its true place and length;
a compass is scaled to its own longest arrow.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from viz.figures.style import code_color

Vector = tuple[float, float]
SIDE = 100
HEAD = 0.32
"""Length of an arrow's head as a share of the arrow, up to a largest one."""


def compass_html(
    vectors: Sequence[Vector | None],
    labels: Sequence[str],
    *,
    chosen: int | None = None,
    faint: Sequence[int] = (),
    title: str = "",
) -> str:
    """Return one numbered arrow per code from a common centre, `chosen` thicker, those that say little `faint`.

    Codes without a vector have no arrow.
    """
    longest = max((math.hypot(*v) for v in vectors if v is not None), default=0.0)
    scale = 0.40 * SIDE / longest if longest > 0 else 0.0
    order = sorted(range(len(vectors)), key=lambda code: code == chosen)  # the chosen one lies on top
    parts = []
    for code in order:
        if vectors[code] is None:
            continue
        step = _down(vectors[code], scale)
        arrow = _arrow((SIDE / 2, SIDE / 2), step, code_color(code, len(vectors)), code == chosen, labels[code])
        kind, number = ("faint", "") if code in faint else ("", _number(code, step))
        parts.append(f'<g class="{kind}">{arrow}{number}</g>')
    name, drawn = html.escape(title, quote=True), "".join(parts)
    return (
        f'<svg class="lae-compass" viewBox="0 0 {SIDE} {SIDE}" role="img" aria-label="{name}">'
        f'<circle cx="50" cy="50" r="47"/><path class="cross" d="M50 3V97M3 50H97"/>{drawn}</svg>'
    )


def chain_html(
    vectors: Sequence[Vector],
    codes: Sequence[int],
    labels: Sequence[str],
    num_codes: int,
    *,
    middle: Vector,
    size: Vector,
) -> str:
    """Return arrows, one after the other, to lay over a picture of `size` (width, height) pixels.

    The chain is centred on `middle`, in pixels (right, down). Each arrow starts where the last one ended.
    """
    longer = max(size)
    steps = [_down(vector, longer) for vector in vectors]
    x, y = (middle[axis] - sum(step[axis] for step in steps) / 2 for axis in (0, 1))
    parts = []
    for step, code, label in zip(steps, codes, labels, strict=True):
        parts.append(_arrow((x, y), step, code_color(code, num_codes), True, label, unit=longer / SIDE))
        x, y = x + step[0], y + step[1]
    said = html.escape("; ".join(label for label in labels if label), quote=True)
    return (
        f'<svg class="lae-chain" viewBox="0 0 {size[0]:g} {size[1]:g}" role="img" aria-label="{said}">'
        f"{''.join(parts)}</svg>"
    )


def _number(code: int, step: Vector) -> str:
    """Write a code just beyond the tip of its arrow, where the arrow is long enough to tell whose it is."""
    length = math.hypot(*step)
    if length < 0.15 * SIDE:
        return ""
    x, y = (SIDE / 2 + part * (1 + 6.5 / length) for part in step)
    return f'<text x="{x:.1f}" y="{y + 3.6:.1f}" text-anchor="middle">{code}</text>'


def _down(vector: Vector, scale: float) -> Vector:
    """Turn (right, up) into the page's (right, down)."""
    return vector[0] * scale, -vector[1] * scale


def _arrow(start: Vector, step: Vector, color: str, is_bold: bool, label: str, *, unit: float = 1.0) -> str:
    length = math.hypot(*step)
    if length < 0.4 * unit:
        return ""
    x, y = start[0] + step[0], start[1] + step[1]
    ahead, head = (step[0] / length, step[1] / length), min(HEAD * length, 7 * unit)
    base = x - ahead[0] * head, y - ahead[1] * head
    wing = -ahead[1] * head * 0.55, ahead[0] * head * 0.55
    width = (2.6 if is_bold else 1.8) * unit
    shape = (
        f"M{start[0]:.2f} {start[1]:.2f}L{base[0]:.2f} {base[1]:.2f}"
        f"M{x:.2f} {y:.2f}L{base[0] + wing[0]:.2f} {base[1] + wing[1]:.2f}"
        f"L{base[0] - wing[0]:.2f} {base[1] - wing[1]:.2f}Z"
    )
    halo = f'<path class="halo" d="{shape}" stroke-width="{width + 1.2 * unit:.2f}"/>'
    return (
        f"<g><title>{html.escape(label)}</title>{halo}"
        f'<path d="{shape}" stroke="{color}" fill="{color}" stroke-width="{width:.2f}"/></g>'
    )
