"""The scorecard for print: the twin of `scorecard.scorecard_figure`, as panels a to e."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from viz.figures import style
from viz.figures.paper import MUTED, PAGE_IN, RULE, SEQUENTIAL, paper
from viz.figures.scorecard import (
    FLOOR,
    PER_ROW,
    TARGETS,
    Bar,
    ScorecardData,
    compass_rows,
    drawn_value,
    probe_labels,
    probe_shift,
    reach,
    scorecard_data,
)


def draw_scorecard(facts: Mapping[str, Any], *, width_in: float = PAGE_IN) -> Figure:
    """Draw gains, probes and what holds elsewhere; below them a compass per token, and what the tokens share."""
    with paper():
        data = scorecard_data(facts)
        rows = compass_rows(data)
        heights = (1.55, *(1.35,) * rows)
        figure = Figure(figsize=(width_in, width_in * 0.2 * sum(heights)), layout="constrained")
        upper, lower = figure.subfigures(2, 1, height_ratios=(heights[0], sum(heights[1:])), hspace=0.02)
        gains, probes, elsewhere = upper.subplots(1, 3)
        _bars(gains, data.gains, "dB")
        _probes(probes, data)
        _bars(elsewhere, data.elsewhere, "cosine")
        columns = min(PER_ROW, data.num_positions) + 1
        axes = lower.subplots(rows, columns, squeeze=False)
        for place in range(rows * columns):
            row, column = divmod(place, columns)
            position = row * PER_ROW + column
            if column == columns - 1 and row == 0:
                _shared(axes[row, column], data)
            elif column < columns - 1 and position < data.num_positions:
                _compass(axes[row, column], data, position)
            else:
                axes[row, column].set_axis_off()
        for ax, letter in zip((gains, probes, elsewhere, axes[0, 0], axes[0, -1]), "abcde", strict=True):
            ax.set_title(letter, loc="left", fontweight="bold", fontsize=8)
        return figure


def _bars(ax: Axes, bars: tuple[Bar, ...], unit: str) -> None:
    places = np.arange(len(bars))
    ax.barh(places, [drawn_value(bar.value) for bar in bars], color=[bar.color for bar in bars], height=0.62)
    for place, bar in zip(places, bars, strict=True):
        if bar.low is not None and bar.high is not None:
            ax.plot([drawn_value(bar.low), drawn_value(bar.high)], [place, place], color=MUTED, lw=0.8)
        right = max(drawn_value(bar.value), bar.high or bar.value, 0.0)
        ax.annotate(f"{bar.value:.2f}", (right, place), (2, 0), textcoords="offset points", va="center", fontsize=5.5)
    ax.set(yticks=places, yticklabels=[bar.label for bar in bars], xlabel=unit)
    ax.axvline(0, color=RULE, lw=0.5)
    ax.margins(x=0.18)
    _quiet(ax)


def _probes(ax: Axes, data: ScorecardData) -> None:
    labels = probe_labels(data)
    for target, bars in data.probes.items():
        places = [labels.index(bar.label) + probe_shift(data, target) for bar in bars]
        color = TARGETS[target]
        for place, bar in zip(places, bars, strict=True):
            if bar.low is not None and bar.high is not None:
                ax.plot([drawn_value(bar.low), drawn_value(bar.high)], [place, place], color=color, lw=0.8)
        ax.scatter([], [], s=8, color=color, label=target)
        for place, bar in zip(places, bars, strict=True):
            sign = "<" if bar.value < FLOOR else "o"
            ax.scatter(drawn_value(bar.value), place, s=8, color=color, marker=sign, zorder=3, clip_on=False)
    ax.set(yticks=range(len(labels)), yticklabels=labels, xlabel="R2 of a linear probe", xlim=(FLOOR, 1))
    ax.grid(axis="y", color="#e7e9ee", lw=0.4)
    ax.axvline(0, color=RULE, lw=0.5)
    if data.probes:
        ax.legend(frameon=False, loc="lower right", fontsize=5, borderaxespad=0, borderpad=0, handletextpad=0)
    _quiet(ax)


def _quiet(ax: Axes) -> None:
    ax.invert_yaxis()
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _compass(ax: Axes, data: ScorecardData, position: int) -> None:
    size = reach(data)
    ax.add_patch(Circle((0, 0), data.length, fill=False, color=RULE, lw=0.5))
    for arrow in data.arrows:
        if arrow.position != position:
            continue
        color = style.code_color(arrow.code, data.num_codes)
        alpha = 0.25 + 0.75 * min(1.0, max(0.0, arrow.concentration))
        look = {"arrowstyle": "-|>", "color": color, "alpha": alpha, "lw": 1.2, "mutation_scale": 6}
        ax.annotate("", (arrow.x, arrow.y), (0, 0), arrowprops={**look, "shrinkA": 0, "shrinkB": 0})
        length = max(float(np.hypot(arrow.x, arrow.y)), 1e-9)
        x, y = np.array([arrow.x, arrow.y]) * (1 + 0.1 * size / length)
        ax.text(x, y, str(arrow.code), color=style.darker(color), fontsize=5.5, ha="center", va="center")
    ax.set(xlim=(-size, size), ylim=(-size, size), xticks=[], yticks=[], xlabel=f"token {position}")
    ax.spines[:].set_visible(False)
    ax.set_aspect("equal")
    if position == 0:
        ax.text(size, -0.12 * size, data.axes[0], fontsize=5, color=MUTED, ha="right", va="top")
        ax.text(0, size, data.axes[1], fontsize=5, color=MUTED, ha="center", va="top")


def _shared(ax: Axes, data: ScorecardData) -> None:
    ax.imshow(data.shared, cmap=SEQUENTIAL, vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(data.shared):
        ink = style.ink(to_hex(SEQUENTIAL(value)))
        ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=4.5, color=ink)
    ticks = range(data.num_positions)
    ax.set(xticks=ticks, yticks=ticks, xlabel="said by two tokens")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
