"""Map: every transition of the index as a point. Hover to look, press to go there, lasso or search to count.

Plotly is drawn by `assets/app.js` from a figure sent as one string; pictures come one by one, when a point is hovered.
Everything a mouse can pick, the search box and the buttons beneath can pick too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr
import numpy as np

from lapa.types import LapaError, LatentIndex
from viz.figures.frames import data_uri
from viz.figures.latent_map import latent_map
from viz.figures.map_data import colour_choices, rows_matching
from viz.figures.project import place
from viz.tabs.actions import choose_row, common_actions
from viz.tabs.exact import build_exact
from viz.tabs.inspect import neighbour_html
from viz.tabs.map_export import export_buttons, exporter
from viz.tabs.markup import empty
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.picked import picked_html
from viz.tabs.selection import Selection, whole_number

PROJECTIONS = [("UMAP", "umap"), ("PCA", "pca")]
LEVELS = [("Transitions", "transition"), ("Sequences", "sequence")]
MAX_PICKED = 5000
MAX_FOUND = 2000
PLOT_JS = "window.lapa.plot(element, trigger, ['point', 'lasso'], watch, props, server)"
NO_INDEX = "This bundle has no index, so there is no map. Build one with 'python -m lapa index'."


def build_map(page: Page) -> None:
    """Build the tab."""
    bench = page.bench
    with gr.Tab("Map", id="map", elem_id="tab-map", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="map-controls"):
            coords = gr.Radio(PROJECTIONS, value="umap", label="Projection", elem_classes=["segments"])
            level = gr.Radio(LEVELS, value="transition", label="Points", elem_classes=["segments"])
            colour = gr.Dropdown(
                ["token 0"], value="token 0", label="Colour", elem_id="map-colour", elem_classes=["narrow"]
            )
            search = gr.Textbox(
                label="Find", placeholder="3-*-7-*, an instruction, a clip", elem_id="map-search", elem_classes=["grow"]
            )
        with gr.Row(elem_id="map-row"):
            plot = gr.HTML(
                "",
                html_template='<div class="plot" role="img" aria-label="map of latent actions"></div>'
                '<div class="hover-card" hidden></div>',
                elem_id="plot",
                js_on_load=PLOT_JS,
                apply_default_css=False,
                server_functions=[_pictures(page)],
                scale=5,
                min_width=420,
            )
            detail = act_html("map-detail", scale=2, min_width=250)
        marks = gr.HTML("", html_template="", elem_id="marks", js_on_load="window.lapa.marks(props, watch)")
        exports = act_html("map-exports", server_functions=[exporter(page)])
        picked = act_html("picked")
        build_exact(page)
    controls = [coords, level, colour]

    def draw(selection: Selection, coords: str, level: str, colour: str) -> tuple[Selection, Updates]:
        return selection, {
            plot: plot_json(page, selection, coords, level, colour),
            exports: export_buttons(selection.bundle, coords, level, colour),
        }

    def find(selection: Selection, text: str, coords: str) -> tuple[Selection, Updates]:
        rows = rows_matching(_index(page, selection), text[:200]) if text.strip() else np.array([], np.int64)
        shown = picked_html(page, selection, rows, f"'{text[:60]}'") if text.strip() else ""
        return selection, {picked: shown, marks: marks_json(page, selection, coords, rows)}

    def lasso(selection: Selection, data: Mapping[str, Any]) -> tuple[Selection, Updates]:
        rows = read_rows(data.get("rows"), len(_index(page, selection)))
        return selection, {picked: picked_html(page, selection, rows, "the lasso")}

    for control in controls:
        page.on(control.input, draw, controls, [plot, exports])
    page.on(search.submit, find, [search, coords], [picked, marks])
    page.on_data(plot.point, lambda s, data: choose_row(bench, s, whole_number(data.get("row"), "a row")))
    page.on_data(plot.lasso, lasso, outputs=[picked])
    for part in (detail, picked):
        page.on_act(part, common_actions(bench))

    def show_plot(selection: Selection) -> Updates:
        index = bench.explorer(selection.bundle).index
        if index is None:
            return {plot: "", picked: empty(NO_INDEX), exports: ""}
        choices = colour_choices(index)
        return {
            plot: plot_json(page, selection, "umap", "transition", choices[0]),
            colour: gr.Dropdown(choices, value=choices[0]),
            coords: "umap",
            level: "transition",
            search: "",
            picked: "",
            exports: export_buttons(selection.bundle, "umap", "transition", choices[0]),
        }

    page.add_view("map", [plot, *controls, search, picked, exports], show_plot, key=lambda s: s.bundle)
    page.add_view("map", [marks], lambda s: {marks: marks_json(page, s, "umap")})
    page.add_view("map", [detail], lambda s: {detail: detail_html(page, s)})


def plot_json(page: Page, selection: Selection, coords: str, level: str, colour: str) -> str:
    """Return the map's Plotly figure as one string."""
    figure = latent_map(_index(page, selection), coords=coords, level=level, colour_by=colour)
    return json.dumps({**figure, "bundle": selection.bundle, "coords": coords})


def marks_json(page: Page, selection: Selection, coords: str, found: np.ndarray | None = None) -> str:
    """Return what is ringed on the map: the picked row, rows that were found, and where the selected pair belongs."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    if index is None:
        return "{}"
    near = explorer.neighbours(page.bench.chosen(selection), k=5)
    rows, distances = [n.row for n in near], np.array([n.distance for n in near])
    places = {name: place(getattr(index, name)[rows], distances).tolist() for name in ("umap", "pca")}
    rows_found = [] if found is None else found[:MAX_FOUND].tolist()
    return json.dumps({"row": selection.row, "found": rows_found, "pair": places[coords], "coords": coords})


def detail_html(page: Page, selection: Selection) -> str:
    """Return the picked transition and its neighbours in the original space."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    if index is None:
        return ""
    if selection.row is None:
        title, around = "Nearest to the selection", page.bench.chosen(selection)
        own = '<p class="lead">The ring marks where the selected pair belongs. Press a point to pick it.</p>'
    else:
        title, around = "Nearest to it", index.latent_action(selection.row)
        t, clip = int(index.t[selection.row]), int(index.clip[selection.row])
        own = "<h4>Picked</h4>" + neighbour_html(page, selection, selection.row, f"{index.clip_names[clip]}, frame {t}")
    found = [n for n in explorer.neighbours(around, k=5) if n.row != selection.row][:4]
    cells = "".join(neighbour_html(page, selection, n.row, f"distance {n.distance:.2f}") for n in found)
    return f'<div class="detail">{own}<h4>{title}</h4><div class="stack">{cells}</div></div>'


def read_rows(rows: Any, num_rows: int) -> np.ndarray:
    """Check row numbers that came from a browser.

    Raises:
        LapaError: if they are not rows of the index.
    """
    if not isinstance(rows, list) or not all(isinstance(row, int) and 0 <= row < num_rows for row in rows[:MAX_PICKED]):
        raise LapaError("these are not transitions of the map: draw the lasso again")
    return np.unique(np.array(rows[:MAX_PICKED], np.int64))


def _index(page: Page, selection: Selection) -> LatentIndex:
    index = page.bench.explorer(selection.bundle).index
    if index is None:
        raise LapaError(NO_INDEX)
    return index


def _pictures(page: Page):
    def pictures(request: dict) -> dict:
        """Return a transition's two pictures and its words, for the card that follows the mouse."""
        try:
            explorer = page.bench.explorer(str(request.get("bundle")))
            row = whole_number(request.get("row"), "a row")
            index = explorer.index
            if index is None or not 0 <= row < len(index):
                return {}
            shown = explorer.pictures(row) or ()
            clip = int(index.clip[row])
            return {
                "images": [data_uri(frame, kind="jpeg", quality=85, longer_side=160) for frame in shown],
                "tokens": index.latent_action(row).label,
                "words": index.clip_instructions[clip] or index.clip_names[clip],
            }
        except LapaError:
            return {}

    return pictures
