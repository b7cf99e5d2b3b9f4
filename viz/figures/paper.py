"""The same figures for print: matplotlib, column width, type embedded, no titles (papers have captions).

Nothing here goes through pyplot, so that figures can be drawn in any thread; `style_lock` guards matplotlib's settings,
which are global.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, to_hex
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from viz.figures import style
from viz.figures.codebook import CodebookData, NestedCounts
from viz.figures.curves import SIDES, TITLES, Row, drawn, panels
from viz.figures.map_data import MapData, point_sizes

COLUMN_IN, PAGE_IN = 3.25, 6.75
"""Widths of one column and of the page, in inches."""
VECTOR_UP_TO = 20_000
"""Points beyond which dots are pixels in an otherwise vector figure."""
TEXT, MUTED, RULE = "#1f2430", "#5b6472", "#c9cdd6"
SETTINGS = {
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "latent-action-explorer",
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "xtick.labelsize": 6,
    "ytick.labelsize": 6,
    "legend.fontsize": 6,
    "axes.linewidth": 0.5,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "text.color": TEXT,
    "savefig.dpi": 300,
    "figure.dpi": 100,
    "image.interpolation": "nearest",
}
SEQUENTIAL = ListedColormap([color for _, color in style.sequential_scale(256)])
style_lock = threading.RLock()


@contextmanager
def paper() -> Iterator[None]:
    """Draw and save with the settings of print; one thread at a time."""
    with style_lock, matplotlib.rc_context(SETTINGS):
        yield


def draw_map(data: MapData, *, width_in: float = COLUMN_IN) -> Figure:
    """Draw the map: dots, their legend or scale, rings around what was selected."""
    with paper():
        figure = Figure(figsize=(width_in, width_in), layout="constrained")
        ax = figure.subplots()
        area = point_sizes(data, 1.8 if len(data.rows) > 3000 else 2.6, 15.0) ** 2
        # Rare sequences over frequent ones, so that big discs hide nothing.
        order = np.argsort(-data.counts, kind="stable")
        known = order[~np.isnan(data.values[order])]
        unknown = order[np.isnan(data.values[order])]
        rim = ("white", 0.3) if data.level == "sequence" else ((0, 0, 0, 0.25), 0.12)
        look = {"edgecolors": rim[0], "linewidths": rim[1], "rasterized": len(order) > VECTOR_UP_TO}
        ax.scatter(*data.xy[unknown].T, s=area[unknown], c=style.NEUTRAL, alpha=0.35, **look)
        if data.groups:
            colors = np.array([color for _, color in data.groups])[data.values[known].astype(int)]
            ax.scatter(*data.xy[known].T, s=area[known], c=colors, **look)
            _legend(ax, data)
        else:
            _quantity(ax, data, known, area, look)
        _rings(ax, data)
        name = data.coords.upper()
        ax.set(xticks=[], yticks=[], xlabel=f"{name} 1", ylabel=f"{name} 2")
        ax.set_aspect("equal", adjustable="datalim")
        return figure


def draw_codebook(codebook: CodebookData, nested: NestedCounts, *, width_in: float = PAGE_IN) -> Figure:
    """Draw the codes' plane, distances and usage, and the grid of all sequences, as panels a to d."""
    with paper():
        figure = Figure(figsize=(width_in, width_in * 0.52), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.06), wspace=0.03)
        grid = left.add_gridspec(2, 2, height_ratios=(1.25, 1))
        axes = [left.add_subplot(grid[0, 0]), left.add_subplot(grid[0, 1]), left.add_subplot(grid[1, :])]
        axes.append(right.subplots())
        _plane(axes[0], codebook)
        _distances(axes[1], codebook)
        _usage(axes[2], codebook)
        _nested(right, axes[3], nested)
        for ax, letter in zip(axes, "abcd", strict=True):
            ax.set_anchor("N")
            ax.set_title(letter, loc="left", fontweight="bold", fontsize=8)
        return figure


def draw_curves(rows: Iterable[Row], *, names: Sequence[str] | None = None, width_in: float = PAGE_IN) -> Figure:
    """Draw training curves as small multiples, three in a row."""
    with paper():
        found = panels(rows, names)
        num_rows = max(1, -(-len(found) // 3))
        figure = Figure(figsize=(width_in, 1.6 * num_rows), layout="constrained")
        axes = figure.subplots(num_rows, 3, squeeze=False).reshape(-1)
        for ax, (name, sides) in zip(axes, found.items()):
            for side, (color, width) in SIDES.items():
                ax.plot(
                    *zip(*drawn(sides, side)) if sides.get(side) else ([], []), color=color, lw=width / 2, label=side
                )
            ax.set_title(TITLES.get(name, name.replace("_", " ")), loc="left")
            ax.locator_params(nbins=4)
            ax.grid(axis="y", color="#e7e9ee", lw=0.5)
            ax.set_xlim(0)
            ax.set_xlabel("step")
        for ax in axes[len(found) :]:
            ax.set_axis_off()
        if found:
            axes[0].legend(frameon=False)
        return figure


def _legend(ax: Axes, data: MapData) -> None:
    present = set(data.values[~np.isnan(data.values)].astype(int).tolist())
    names = [group for number, group in enumerate(data.groups) if number in present]
    names += [("unknown", style.NEUTRAL)] if np.isnan(data.values).any() else []
    dots = [Line2D([], [], ls="", marker="o", ms=3.5, mew=0, color=color, label=name) for name, color in names]
    title = data.colour_by if data.colour_by.startswith("token") else None
    columns = 9 if all(len(name) < 4 for name, _ in names) else 4
    options = {"ncols": columns, "frameon": False, "handletextpad": 0.1, "columnspacing": 0.8, "borderaxespad": 0.2}
    ax.legend(
        handles=dots,
        title=title,
        title_fontsize=6,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        alignment="left",
        **options,
    )


def _quantity(ax: Axes, data: MapData, known: np.ndarray, area: np.ndarray, look: dict) -> None:
    """Colour dots by a quantity; directions get a wheel, the rest a bar."""
    low, high = data.value_range
    cyclic = data.colour_by == "direction"
    colors = ListedColormap([style.hue_color(i) for i in range(360)]) if cyclic else SEQUENTIAL
    dots = ax.scatter(*data.xy[known].T, s=area[known], c=data.values[known], cmap=colors, vmin=low, vmax=high, **look)
    if cyclic:
        wheel = ax.inset_axes((0.05, 1.06, 0.13, 0.13), projection="polar")
        angles = np.radians(np.arange(361))
        wheel.pcolormesh(angles, [0.55, 1.0], np.arange(360)[None], cmap=colors, rasterized=True)
        wheel.set(
            ylim=(0, 1), yticks=[], xticks=np.radians([0, 90, 180, 270]), xticklabels=["right", "fwd", "left", "back"]
        )
        wheel.tick_params(pad=-5, labelsize=4.5)
        wheel.grid(False)
        wheel.spines["polar"].set_visible(False)
        return
    bar = ax.figure.colorbar(dots, ax=ax, shrink=0.5, aspect=24, pad=0.02, label=data.colour_by)
    bar.outline.set_visible(False)
    if data.colour_by == "count":
        bar.set_ticks(range(int(high) + 1), labels=[str(10**power) for power in range(int(high) + 1)])


def _rings(ax: Axes, data: MapData) -> None:
    places = data.xy[data.rings] if data.query is None else np.concatenate([data.xy[data.rings], data.query[None]])
    for width, color in ((1.8, "#14171c"), (0.7, "#ffffff")):
        ax.scatter(*places.T, s=34, facecolors="none", edgecolors=color, linewidths=width)


def _plane(ax: Axes, data: CodebookData) -> None:
    counts, colors = data.usage.sum(axis=0), style.code_colors(data.num_codes)
    ax.scatter(*data.plane.T, s=60 + 120 * counts / max(1, counts.max()), c=colors, clip_on=False)
    for code, (x, y) in enumerate(data.plane):
        ax.text(x, y, str(code), color=style.ink(colors[code]), ha="center", va="center", fontsize=6, fontweight="bold")
    ax.margins(0.2)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[], xlabel=f"codes, scaled (stress {data.stress:.2f})")
    ax.set_aspect("equal", adjustable="datalim")


def _distances(ax: Axes, data: CodebookData) -> None:
    ax.imshow(data.distances, cmap=SEQUENTIAL)
    top = max(float(data.distances.max()), 1e-9)
    if data.num_codes <= 10:
        for (row, column), value in np.ndenumerate(data.distances):
            color = style.ink(to_hex(SEQUENTIAL(value / top)))
            ax.text(column, row, f"{value:.1f}", ha="center", va="center", fontsize=4, color=color)
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
