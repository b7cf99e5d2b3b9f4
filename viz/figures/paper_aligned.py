"""Two models' maps of the same transitions for print: the twin of `aligned.aligned_figure`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Int
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from viz.figures import style
from viz.figures.aligned import Aligned
from viz.figures.paper import PAGE_IN, RULE, paper


def draw_aligned(
    aligned: Aligned,
    codes: Int[np.ndarray, "n"],
    num_codes: int,
    *,
    names: tuple[str, str],
    width_in: int | float = PAGE_IN,
) -> Figure:
    """Draw both planes side by side on the same axes, points coloured by one code; the residual stands beneath."""
    with paper():
        figure = Figure(figsize=(width_in, width_in * 0.55 + 0.15), layout="constrained")
        axes = figure.subplots(1, 2)
        colors = np.array(style.code_colors(num_codes))[codes]
        reach = 1.06 * float(max(np.abs(aligned.first).max(), np.abs(aligned.second).max()))
        area = 7 if len(codes) < 1000 else 3
        for ax, plane, name, letter in zip(axes, (aligned.first, aligned.second), names, "ab", strict=True):
            ax.scatter(*plane.T, s=area, c=colors, edgecolors=(0, 0, 0, 0.3), linewidths=0.15)
            ax.set_title(letter, loc="left", fontweight="bold", fontsize=8)
            ax.set_title(name)
            ax.set(xticks=[], yticks=[], xlabel="PC 1", ylabel="PC 2")
            ax.spines[:].set_visible(True)
            ax.spines[:].set_color(RULE)
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach))
            ax.set_aspect("equal")
        axes[0].set(xlabel="PC 1 of a", ylabel="PC 2 of a")
        said = f"b, turned onto a (residual {aligned.residual:.2f}, chance {aligned.chance:.2f})"
        axes[1].set(xlabel=said, ylabel="")
        dots = [
            Line2D([], [], ls="", marker="o", ms=3.5, mew=0, color=style.code_color(code, num_codes), label=str(code))
            for code in range(num_codes)
            if (codes == code).any()
        ]
        options = {"ncols": 9, "frameon": False, "handletextpad": 0.1, "columnspacing": 0.8}
        figure.legend(handles=dots, loc="outside upper right", **options)
        return figure


def aligned_table(
    aligned: Aligned, places: Iterable[Sequence], tokens: tuple[Sequence[str], Sequence[str]]
) -> Iterable[Sequence]:
    """Say what was drawn: per transition where it is from (clip, frame, window), both models' tokens and places."""
    yield ["clip", "frame", "window", "tokens_first", "tokens_second", "x_first", "y_first", "x_second", "y_second"]
    for place, one, two, a, b in zip(places, *tokens, aligned.first, aligned.second, strict=True):
        yield [*place, one, two, *(f"{value:.6g}" for value in (*a, *b))]
