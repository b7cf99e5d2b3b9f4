"""An ablation for print: every setting a row, grouped by what was varied, every measure a panel with its intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from viz.figures.paper import MUTED, PAGE_IN, RULE, TEXT, paper

Facts = Mapping[str, Any]
GAP = 1.5
"""Rows between two groups; the group's name stands there."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One measure of a panel: its key, what the legend calls it, its colour and whether its dot is filled."""

    key: str
    name: str
    color: str
    is_filled: bool = True


PANELS: dict[str, tuple[Mark, ...]] = {
    "gain over copying (dB)": (Mark(key="psnr_gain_db", name="gain", color="#0072b2"),),
    "controllability (dB)": (
        Mark(key="controllability_db", name="over random tokens", color="#0072b2"),
        Mark(key="controllability_shuffled_db", name="over another clip's", color="#e69f00", is_filled=False),
    ),
    "R2 of a linear probe": (
        Mark(key="probe_r2_tokens", name="tokens", color="#0072b2"),
        Mark(key="probe_r2_continuous", name="continuous", color="#e69f00", is_filled=False),
    ),
}


def draw_ablation(rows: Sequence[Facts], *, width_in: float = PAGE_IN) -> Figure:
    """Draw the rows of `ablate laq`, in their order; a line marks the base run in each panel."""
    places, groups = _places(rows)
    lowest = max(places, default=0.0)
    with paper():
        figure = Figure(figsize=(width_in, 0.5 + 0.125 * (lowest + 2)), layout="constrained")
        axes = figure.subplots(1, len(PANELS), sharey=True)
        for ax, (title, marks) in zip(axes, PANELS.items(), strict=True):
            for mark in marks:
                _dots(ax, rows, places, mark, len(marks) > 1)
            ax.set(xlabel=title, ylim=(lowest + 0.8, -GAP))
            ax.grid(axis="y", color="#eef0f3", lw=0.4)
            ax.tick_params(axis="y", length=0)
            ax.spines["left"].set_visible(False)
            if len(marks) > 1:
                ax.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        axes[0].set_yticks(places, [row["label"] for row in rows])
        for tick, row in zip(axes[0].get_yticklabels(), rows, strict=True):
            tick.set_color(TEXT if row["is_base"] else MUTED)
        for title, place in groups:
            where = axes[0].get_yaxis_transform()
            axes[0].text(-0.02, place, title, transform=where, ha="right", va="center", fontsize=6, fontweight="bold")
        return figure


def ablation_table(rows: Sequence[Facts]) -> Iterable[Sequence]:
    """Yield the plotted numbers as one long table."""
    yield ["axis", "setting", "measure", "value", "low", "high"]
    for row in rows:
        for marks in PANELS.values():
            for mark in marks:
                if (value := row.get(mark.key)) is not None:
                    ends = (row.get(f"{mark.key}_{end}") for end in ("low", "high"))
                    shown = (f"{x:.6g}" if x is not None else "" for x in (value, *ends))
                    yield [row["axis"], row["label"], mark.key, *shown]


def _dots(ax: Axes, rows: Sequence[Facts], places: Sequence[float], mark: Mark, is_named: bool) -> None:
    known = [(row, place) for row, place in zip(rows, places, strict=True) if row.get(mark.key) is not None]
    base = next((row[mark.key] for row, _ in known if row["is_base"]), None)
    if base is not None and mark.is_filled:
        ax.axvline(base, color=RULE, lw=0.6, ls=(0, (3, 2)), zorder=0)
    for row, place in known:
        low, high = row.get(f"{mark.key}_low"), row.get(f"{mark.key}_high")
        if low is not None and high is not None:
            ax.plot([low, high], [place, place], color=mark.color, lw=0.7, alpha=0.7, solid_capstyle="butt")
    face = mark.color if mark.is_filled else "white"
    xs, ys = [row[mark.key] for row, _ in known], [place for _, place in known]
    look = {"s": 9, "facecolors": face, "edgecolors": mark.color, "linewidths": 0.7, "zorder": 3}
    ax.scatter(xs, ys, label=mark.name if is_named else None, **look)


def _places(rows: Sequence[Facts]) -> tuple[list[float], list[tuple[str, float]]]:
    """Return the height of each row, and the name and height of each group."""
    places, groups, y, axis = [], [], 0.0, None
    for row in rows:
        if row["axis"] != axis:
            y += GAP if places else 0.0
            axis = row["axis"]
            groups.append((axis, y - 0.9))
        places.append(y)
        y += 1
    return places, groups
