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
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from viz.figures import style
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
    "text.parse_math": False,  # what people write may hold dollar signs
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
                    *zip(*drawn(sides, side)) if sides.get(side) else ([], []),
                    color=color,
                    lw=width / 2,
                    label=side,
                    marker="o" if side == "held-out" else None,
                    ms=1.6,
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
