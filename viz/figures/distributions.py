"""What a policy expected: one row of bars per token, as SVG that a page shows and a screen reader reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from viz.figures.style import code_color

BAR, GAP, ROW, LEFT, LABEL = 34, 6, 64, 26, 15
"""Pixels: a bar's width and gap, a row's height, the space for its number, the line for the code's number."""


def distribution_bars(distributions: Float[np.ndarray, "l k"], tokens: Sequence[int]) -> str:
    """Return an SVG of each position's probabilities; the chosen token is outlined, numbers are in the titles.

    Args:
        distributions: rows sum to 1.
        tokens: l ints, what was chosen.
    """
    num_rows, num_codes = distributions.shape
    width, height = LEFT + num_codes * (BAR + GAP), num_rows * ROW
    rows = "".join(
        _row(position, distribution, token)
        for position, (distribution, token) in enumerate(zip(distributions, tokens, strict=True))
    )
    said = "; ".join(f"token {i}: code {token} at {distributions[i, token]:.0%}" for i, token in enumerate(tokens))
    return (
        f'<svg class="lae-bars" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="probabilities of the latent action, {said}" xmlns="http://www.w3.org/2000/svg">{rows}</svg>'
    )


def entropy_bits(distributions: Float[np.ndarray, "l k"]) -> Float[np.ndarray, "l"]:
    """Return how undecided each position is: 0 is certain, log2(k) knows nothing."""
    return -(distributions * np.log2(np.maximum(distributions, 1e-12))).sum(axis=1)


def divergence_bits(first: Float[np.ndarray, "l k"], second: Float[np.ndarray, "l k"]) -> Float[np.ndarray, "l"]:
    """Return how far two policies' expectations are apart at each position (Jensen-Shannon): 0 is alike, 1 disjoint."""
    middle = (first + second) / 2
    return np.maximum(entropy_bits(middle) - (entropy_bits(first) + entropy_bits(second)) / 2, 0.0)


def _row(position: int, distribution: Float[np.ndarray, "k"], token: int) -> str:
    top = position * ROW
    base, full = top + ROW - LABEL - 4, ROW - LABEL - 12
    name = f'<text x="4" y="{base}" font-size="12" fill="currentColor" opacity="0.65">{position}</text>'
    line = f'<line x1="{LEFT}" x2="{LEFT + len(distribution) * (BAR + GAP) - GAP}" y1="{base}" y2="{base}"/>'
    bars = "".join(
        _bar(position, code, float(p), (base, full), len(distribution), chosen=code == token)
        for code, p in enumerate(distribution)
    )
    return f'{name}<g stroke="currentColor" stroke-opacity="0.3">{line}</g>{bars}'


def _bar(position: int, code: int, p: float, box: tuple[int, int], num_codes: int, *, chosen: bool) -> str:
    base, full = box
    x, height = LEFT + code * (BAR + GAP), max(1.0, p * full)
    rim = ' stroke="currentColor" stroke-width="2.5"' if chosen else ""
    weight = ' font-weight="700"' if chosen else ' opacity="0.65"'
    return (
        f"<g><title>token {position}, code {code}: {p:.1%}{', chosen' if chosen else ''}</title>"
        f'<rect x="{x}" y="{base - full}" width="{BAR}" height="{full}" fill="currentColor" opacity="0.06"/>'
        f'<rect x="{x}" y="{base - height:.1f}" width="{BAR}" height="{height:.1f}" rx="2" '
        f'fill="{code_color(code, num_codes)}"{rim}/>'
        f'<text x="{x + BAR / 2}" y="{base + LABEL - 2}" font-size="12" text-anchor="middle" '
        f'fill="currentColor"{weight}>{code}</text></g>'
    )
