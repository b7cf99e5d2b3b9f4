"""What the map's script asks for: figures as strings, pictures of a point; and what is written and ringed around it.

Figures are kept as they are sent: a hundred thousand points cost a third of a second to lay out and nothing to repeat.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from html import escape

import numpy as np

from lapa.types import LapaError, LatentIndex
from viz.figures.frames import data_uri
from viz.figures.latent_map import latent_map
from viz.figures.map_data import MAX_POINTS, unknown_colours
from viz.figures.project import place
from viz.tabs.page import Page
from viz.tabs.selection import Selection, whole_number
from viz.tabs.shelf import BoundedCache

NO_INDEX = "This bundle has no index, so there is no map. Build one with 'python -m lapa index'."
FIGURE_BYTES = 24 * 2**20
MAX_RINGS = 3000
MIN_TRUSTED = 22
"""Fewer transitions have no trustworthiness (see lapa/projection.py)."""
PLANES = ("umap", "pca")


def map_index(page: Page, selection: Selection) -> LatentIndex:
    """Return the bundle's index.

    Raises:
        LapaError: if it has none.
    """
    index = page.bench.explorer(selection.bundle).index
    if index is None:
        raise LapaError(NO_INDEX)
    return index


def plot_request(selection: Selection, coords: str, level: str, colour: str) -> str:
    """Return which maps the page's script shall ask for; `coords` "both" is two of them side by side."""
    shown = PLANES if coords == "both" else (coords,)
    return json.dumps({"bundle": selection.bundle, "coords": shown, "level": level, "colour": colour})


def figure_server(page: Page) -> Callable[[dict], dict]:
    """Return the function that hands out maps."""
    kept = BoundedCache(FIGURE_BYTES, len)

    def figure(request: dict) -> dict:
        """Return a map as {"figure": Plotly's JSON as one string}, or {"error": a sentence}."""
        bundle, coords, level, colour = (
            str(request.get(name))[:60] for name in ("bundle", "coords", "level", "colour")
        )
        try:
            index = page.bench.explorer(bundle).need_index()
            key = (bundle, coords, level, colour)
            draw = latent_map
            return {
                "figure": kept.get(key, lambda: json.dumps(draw(index, coords=coords, level=level, colour_by=colour)))
            }
        except LapaError as error:
            return {"error": str(error)}

    return figure


def picture_server(page: Page) -> Callable[[dict], dict]:
    """Return the function that hands out a transition's two pictures and its words."""

    def pictures(request: dict) -> dict:
        """Return {"images", "tokens", "words"} for the card that follows the mouse; nothing for a row that is none."""
        try:
            explorer = page.bench.explorer(str(request.get("bundle")))
            row, index = whole_number(request.get("row"), "a row"), explorer.index
            if index is None or not 0 <= row < len(index):
                return {}
            shown, clip = explorer.pictures(row) or (), int(index.clip[row])
            return {
                "images": [data_uri(frame, kind="jpeg", quality=85, longer_side=160) for frame in shown],
                "tokens": index.latent_action(row).label,
                "words": index.clip_instructions[clip] or index.clip_names[clip],
            }
        except LapaError:
            return {}

    return pictures


def marks_json(page: Page, selection: Selection) -> str:
    """Return what the script rings: the picked row, and where the selected pair belongs on each plane."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    if index is None:
        return "{}"
    chosen = page.bench.chosen(selection)
    near = explorer.neighbours(chosen, k=5)
    rows, distances = [n.row for n in near], np.array([n.distance for n in near])
    pair = {name: place(getattr(index, name)[rows], distances).tolist() for name in PLANES}
    return json.dumps({"row": selection.row, "pair": pair, "tokens": chosen.label})


def found_text(by: str, rows: np.ndarray) -> str:
    """Return how rows were found and the rows to ring, in one string; of very many an even sample."""
    shown = rows if len(rows) <= MAX_RINGS else rows[np.linspace(0, len(rows) - 1, MAX_RINGS).astype(np.int64)]
    return f"{by} {base64.b64encode(shown.astype('<i4').tobytes()).decode()}"


def _why_unmeasured(index: LatentIndex) -> str:
    if len(index) < MIN_TRUSTED:
        return f"{len(index):,} transitions are too few to measure it on"
    return "this index was built before it was measured; build it again"


def facts_html(index: LatentIndex) -> str:
    """Return the line under the map: how much it shows, how far to trust it, what it was not told."""
    shown = f"{len(index):,} transitions of {len(index.clip_names):,} clips"
    shown += f", every {len(index) / MAX_POINTS:.1f}th drawn" if len(index) > MAX_POINTS else ""
    trust = ", ".join(
        f"{name.upper()} <b>{index.trustworthiness[name]:.2f}</b>" for name in PLANES if name in index.trustworthiness
    )
    measured = (
        f'<span title="Of the 10 nearest points on the plane, how far they are the nearest in truth: 1 is always, 0.5 '
        f'chance. On up to 2,000 transitions.">Trustworthiness: {trust}</span>'
        if trust
        else f"<span>Trustworthiness unknown: {_why_unmeasured(index)}</span>"
    )
    missing = unknown_colours(index)
    untold = f"<span>Not recorded here, so no colour: {escape(', '.join(missing))}</span>" if missing else ""
    return f'<p class="map-facts"><span>{shown}</span>{measured}{untold}</p>'
