"""What follows what, for print."""

from __future__ import annotations

from matplotlib.figure import Figure

from viz.figures.follow import FollowData
from viz.figures.paper import COLUMN_IN, SEQUENTIAL, paper


def draw_follow(data: FollowData, *, width_in: float = COLUMN_IN) -> Figure:
    """Draw the matrix of shares with its scale; small ones with their numbers."""
    with paper():
        figure = Figure(figsize=(width_in, width_in * 0.86), layout="constrained")
        ax = figure.subplots()
        shares, places = data.shares, range(len(data.names))
        image = ax.imshow(shares, cmap=SEQUENTIAL, vmin=0, interpolation="nearest")
        turned = {"rotation": 90} if len(data.names) > 10 else {}
        ax.set_xticks(places, data.names, **turned)
        ax.set_yticks(places, data.names)
        ax.set(xlabel=f"{data.what}, one window later", ylabel=f"{data.what}, now")
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        if len(data.names) <= 10:
            for (i, j), share in _cells(shares):
                dark = image.norm(share) < 0.6
                ax.text(j, i, f"{share:.0%}", ha="center", va="center", size=4.5, color="white" if dark else "black")
        bar = figure.colorbar(image, ax=ax, shrink=0.6, aspect=24, pad=0.02, label="share of what follows")
        bar.outline.set_visible(False)
        return figure


def _cells(shares):
    return (((i, j), share) for i, row in enumerate(shares) for j, share in enumerate(row) if share == share)
