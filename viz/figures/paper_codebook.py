"""The codes for print: planes and distances of each codebook side by side, their use, all sequences.

Where all tokens share one codebook it is one plane and one matrix. See `paper.py` for what all printed figures share.
"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm, to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Circle

from viz.figures import style
from viz.figures.codebook import CodebookData, NestedCounts
from viz.figures.paper import PAGE_IN, RULE, SEQUENTIAL, paper

ACROSS = 4
"""Codebooks side by side; further ones go below."""
MAX_NUMBERED = 10
"""Codes up to which each distance is written into its cell; beyond, a bar tells what the colours mean."""


def draw_codebook(codebook: CodebookData, nested: NestedCounts, *, width_in: float = PAGE_IN) -> Figure:
    """Draw the codes' planes (a) and distances (b), their use (c), and the grid of all sequences (d)."""
    with paper():
        draw = _one_book if codebook.num_books == 1 else _books
        return draw(codebook, nested, width_in)


def _one_book(codebook: CodebookData, nested: NestedCounts, width_in: float) -> Figure:
    figure = Figure(figsize=(width_in, width_in * 0.52), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.06), wspace=0.03)
    grid = left.add_gridspec(2, 2, height_ratios=(1.25, 1))
    plane, distances, usage = (left.add_subplot(place) for place in (grid[0, 0], grid[0, 1], grid[1, :]))
    sequences = right.subplots()
    _plane(plane, codebook, 0)
    _distances(distances, codebook, 0)
    _usage(usage, codebook)
    _nested(right, sequences, nested)
    for ax, letter in zip((plane, distances, usage, sequences), "abcd", strict=True):
        ax.set_anchor("N")
        _letter(ax, letter)
    return figure


def _books(codebook: CodebookData, nested: NestedCounts, width_in: float) -> Figure:
    """Draw small multiples over a second row of use and sequences."""
    across, side = min(codebook.num_books, ACROSS), width_in / ACROSS
    rows = -(-codebook.num_books // across)
    heights = (rows * 0.95 * side, rows * 1.05 * side, 0.42 * width_in)
    figure = Figure(figsize=(width_in, sum(heights)), layout="constrained")
    top, middle, bottom = figure.subfigures(3, 1, height_ratios=heights, hspace=0.02)
    for part, draw, letter in ((top, _plane, "a"), (middle, _distances, "b")):
        axes = part.subplots(rows, across, squeeze=False).reshape(-1)
        for book, ax in enumerate(axes):
            if book < codebook.num_books:
                draw(ax, codebook, book)
                ax.set_title(codebook.name(book))
            else:
                ax.set_axis_off()
        _letter(axes[0], letter)
    usage, sequences = bottom.subplots(1, 2, width_ratios=(1, 1.3))
    _usage(usage, codebook)
    _nested(bottom, sequences, nested)
    _letter(usage, "c")
    _letter(sequences, "d")
    return figure


def _letter(ax: Axes, letter: str) -> None:
    ax.set_title(letter, loc="left", fontweight="bold", fontsize=8)


def _plane(ax: Axes, data: CodebookData, book: int) -> None:
    """Draw a codebook's codes, each in a ring that tells how far the next token leads from it."""
    counts, colors, plane = data.uses[book], style.code_colors(data.num_codes), data.planes[book]
    small = data.num_books > 1
    ax.scatter(*plane.T, s=(28 if small else 60) * (1 + 2 * counts / max(1, counts.max())), c=colors, clip_on=False)
    for code, (x, y) in enumerate(plane):
        ink = style.ink(colors[code])
        ax.text(x, y, str(code), color=ink, ha="center", va="center", fontsize=5 if small else 6, fontweight="bold")
        if data.ring(book):
            ax.add_patch(Circle((x, y), data.ring(book), fill=False, color=style.NEUTRAL, lw=0.4, zorder=0))
    ax.margins(0.12 if small else 0.2)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[], xlabel=f"codes, scaled (stress {data.stress[book]:.2f})")
    ax.set_aspect("equal", adjustable="datalim")


def _distances(ax: Axes, data: CodebookData, book: int) -> None:
    norm = PowerNorm(0.5, vmin=0, vmax=data.farthest)  # later codebooks are small: so that theirs show, too
    image = ax.imshow(data.distances[book], cmap=SEQUENTIAL, norm=norm)
    if data.num_codes <= MAX_NUMBERED:
        for (row, column), value in np.ndenumerate(data.distances[book]):
            color = style.ink(to_hex(SEQUENTIAL(norm(value))))
            text = f"{value:.{data.decimals}f}"
            ax.text(column, row, text, ha="center", va="center", fontsize=4, color=color)
    else:
        ax.figure.colorbar(image, ax=ax, shrink=0.6, aspect=20, pad=0.03).outline.set_visible(False)
    step = max(1, data.num_codes // 8)
    ax.set(xticks=range(0, data.num_codes, step), yticks=range(0, data.num_codes, step), xlabel="distance of codes")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


def _usage(ax: Axes, data: CodebookData) -> None:
    shares = data.usage / np.maximum(1, data.usage.sum(axis=1, keepdims=True))
    starts, positions = np.cumsum(shares, axis=1) - shares, np.arange(len(shares))
    for code, color in enumerate(style.code_colors(data.num_codes)):
        ax.barh(positions, shares[:, code], left=starts[:, code], color=color, edgecolor="white", lw=0.4, height=0.75)
        for position in positions[shares[:, code] > 0.045]:
            middle = starts[position, code] + shares[position, code] / 2
            ax.text(middle, position, str(code), ha="center", va="center", fontsize=5, color=style.ink(color))
    ax.set(yticks=positions, yticklabels=[f"token {i}" for i in positions], xlim=(0, 1), xlabel="share of transitions")
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _nested(figure: SubFigure, ax: Axes, data: NestedCounts) -> None:
    height, width = data.counts.shape
    logs = np.ma.masked_invalid(np.where(data.counts > 0, np.log10(np.maximum(data.counts, 1)), np.nan))
    top = max(1.0, float(logs.max())) if data.counts.any() else 1.0
    image = ax.imshow(logs, cmap=SEQUENTIAL, vmin=0, vmax=top)
    (rows, columns), rule = data.block, {"color": RULE, "lw": 0.4}
    if data.block != (1, 1):
        ax.hlines(np.arange(0, height + 1, rows) - 0.5, -0.5, width - 0.5, **rule)
        ax.vlines(np.arange(0, width + 1, columns) - 0.5, -0.5, height - 0.5, **rule)
    ax.set_yticks(np.arange(0, height, rows) + (rows - 1) / 2, labels=range(height // rows))
    ax.set_xticks(np.arange(0, width, columns) + (columns - 1) / 2, labels=range(width // columns))
    ax.set(xlabel=data.axis_title(1), ylabel=data.axis_title(0))
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    powers = range(int(top) + 1)
    bar = figure.colorbar(image, ax=ax, shrink=0.5, aspect=26, pad=0.02, label="transitions")
    bar.set_ticks(powers, labels=[str(10**power) for power in powers])
    bar.outline.set_visible(False)
