"""Map: every transition, sequence or code of the index as a point. Hover to look, press to go there, lasso to count.

Plotly is drawn by `assets/map.js`, which fetches figures and pictures as it needs them. Everything a mouse can pick,
the keyboard on the plot, the search box and the table beneath can pick too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from viz.figures.map_data import colour_choices
from viz.tabs.actions import choose_row, common_actions
from viz.tabs.exact import build_exact
from viz.tabs.map_export import export_buttons, exporter
from viz.tabs.map_plot import (
    NO_INDEX,
    facts_html,
    figure_server,
    found_text,
    map_index,
    marks_json,
    picture_server,
    plot_request,
)
from viz.tabs.map_query import NUM_NEAR, Query, read_lasso, rows_of
from viz.tabs.map_table import change_table, csv_server, table_html
from viz.tabs.markup import button, empty, section
from viz.tabs.neighbour import neighbour_html
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.picked import picked_html
from viz.tabs.selection import Selection, whole_number

PROJECTIONS = [("UMAP", "umap"), ("PCA", "pca"), ("Both", "both")]
LEVELS = [("Transitions", "transition"), ("Sequences", "sequence"), ("Codes", "code")]
PLOT_JS = "window.lapa.map(element, trigger, ['point', 'lasso'], watch, props, server)"
KEYS = (
    "Map of latent actions. Arrow keys move from point to point, Enter goes to the point, Escape closes its pictures. "
    "The table below holds the same transitions."
)
PANEL = (
    '<div class="panel-map"><h4></h4><div class="plot" tabindex="0" role="application" '
    f'aria-label="{KEYS}"></div><canvas aria-hidden="true"></canvas></div>'
)
TEMPLATE = (
    f'<div class="panels-map">{PANEL}{PANEL}</div><div class="hover-card" hidden></div>'
    '<p class="empty problem" role="alert" hidden></p>'
    '<p class="sr-only" aria-live="polite"></p>'
)


def build_map(page: Page) -> None:
    """Build the tab."""
    with gr.Tab("Map", id="map", elem_id="tab-map", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="map-controls"):
            coords = gr.Radio(PROJECTIONS, value="umap", label="Projection", elem_classes=["segments"])
            level = gr.Radio(LEVELS, value="transition", label="Points", elem_classes=["segments"])
            colour = gr.Dropdown(
                ["token 0"], value="token 0", label="Colour", elem_id="map-colour", elem_classes=["narrow"]
            )
            search = gr.Textbox(
                label="Find",
                placeholder="3-*-7-*, words, a clip, split:train",
                elem_id="map-search",
                elem_classes=["grow"],
            )
        with gr.Row(elem_id="map-row"):
            plot = gr.HTML(
                "",
                html_template=TEMPLATE,
                elem_id="plot",
                js_on_load=PLOT_JS,
                apply_default_css=False,
                server_functions=[figure_server(page), picture_server(page)],
                scale=5,
                min_width=420,
            )
            detail = act_html("map-detail", scale=2, min_width=250)
        facts = act_html("map-facts")
        marks = gr.HTML("", html_template="", elem_id="marks", js_on_load="window.lapa.marks(props, watch)")
        found = gr.HTML("", html_template="", elem_id="found", js_on_load="window.lapa.found(props, watch)")
        exports = act_html("map-exports", server_functions=[exporter(page)])
        picked = act_html("picked")
        table = act_html("map-table", server_functions=[csv_server(page)])
        build_exact(page)
    asked = gr.State(Query(), time_to_live=4 * 3600)
    controls, shown = [coords, level, colour], [asked, picked, table, found]

    def show_set(selection: Selection, query: Query) -> Updates:
        rows = rows_of(page.bench.explorer(selection.bundle), query)
        return {
            asked: query,
            picked: picked_html(page, selection, rows, query),
            table: section("Table", table_html(page, selection.bundle, query, rows, selection.row)),
            found: found_text(query.by, rows[:0] if query.by == "all" else rows),
        }

    def draw(selection: Selection, coords: str, level: str, colour: str) -> tuple[Selection, Updates]:
        plane = "umap" if coords == "both" else coords
        return selection, {
            plot: plot_request(selection, coords, level, colour),
            exports: export_buttons(selection.bundle, plane, level, colour),
        }

    def find(selection: Selection, text: str) -> tuple[Selection, Updates]:
        map_index(page, selection)
        text = text.strip()[:200]
        return selection, show_set(selection, Query(by="find", text=text) if text else Query())

    def lasso(selection: Selection, data: Mapping[str, Any]) -> tuple[Selection, Updates]:
        map_index(page, selection)
        return selection, show_set(selection, Query() if data.get("is_empty") else read_lasso(data))

    def point(selection: Selection, data: Mapping[str, Any]) -> tuple[Selection, Updates]:
        new = choose_row(page.bench, selection, whole_number(data.get("row"), "a row"))
        pattern = str(data.get("pattern") or "")[:200]
        return new, show_set(new, Query(by="find", text=pattern)) if pattern else {}

    def near(selection: Selection, data: Mapping[str, Any]) -> tuple[Selection, Updates]:
        return selection, show_set(selection, Query(by="near", row=whole_number(data.get("row"), "a row")))

    def turn(selection: Selection, data: Mapping[str, Any], query: Query) -> tuple[Selection, Updates]:
        new = change_table(query, dict(data))
        rows = rows_of(page.bench.explorer(selection.bundle), new)
        return selection, {
            asked: new,
            table: section("Table", table_html(page, selection.bundle, new, rows, selection.row)),
        }

    for control in controls:
        page.on(control.input, draw, controls, [plot, exports])
    page.on(search.submit, find, [search], shown)
    page.on_data(plot.point, point, outputs=shown)
    page.on_data(plot.lasso, lasso, outputs=shown)
    actions = common_actions(page.bench)
    page.on_act(detail, {**actions, "near": near}, outputs=shown)
    page.on_act(picked, actions)
    plain = {name: partial(_without_query, action) for name, action in actions.items()}
    page.on_act(table, {**plain, "sort": turn, "page": turn}, [asked], [asked, table])

    def show_plot(selection: Selection) -> Updates:
        index = page.bench.explorer(selection.bundle).index
        if index is None:
            blank = dict.fromkeys((plot, exports, facts, table, found), "")
            return {**blank, picked: empty(NO_INDEX), asked: Query()}
        choices = colour_choices(index)
        return {
            **draw(selection, "umap", "transition", choices[0])[1],
            **show_set(selection, Query()),
            colour: gr.Dropdown(choices, value=choices[0]),
            coords: "umap",
            level: "transition",
            search: "",
            facts: facts_html(index),
        }

    page.add_view("map", [plot, *controls, search, facts, exports, *shown], show_plot, key=lambda s: s.bundle)
    page.add_view("map", [marks], lambda s: {marks: marks_json(page, s)})
    page.add_view("map", [detail], lambda s: {detail: detail_html(page, s)})


def detail_html(page: Page, selection: Selection) -> str:
    """Return the picked transition and its neighbours in the original space."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    if index is None:
        return ""
    if selection.row is None:
        title, around, more = "Nearest to the selection", page.bench.chosen(selection), ""
        own = '<p class="lead">The ring marks where the selected pair belongs. Press a point to pick it.</p>'
    else:
        title, around = "Nearest to it", index.latent_action(selection.row)
        t, clip = int(index.t[selection.row]), int(index.clip[selection.row])
        own = "<h4>Picked</h4>" + neighbour_html(page, selection, selection.row, f"{index.clip_names[clip]}, frame {t}")
        label = f"the {NUM_NEAR} nearest as a set, with their statistics"
        more = button(f"Its {NUM_NEAR} nearest as a set", "near", label=label, row=selection.row)
    found = [n for n in explorer.neighbours(around, k=5) if n.row != selection.row][:4]
    cells = "".join(neighbour_html(page, selection, n.row, f"distance {n.distance:.2g}") for n in found)
    return f'<div class="detail">{own}{more}<h4>{title}</h4><div class="stack moving">{cells}</div></div>'


def _without_query(action: Any, selection: Selection, data: Mapping[str, Any], query: Query) -> Selection:
    return action(selection, data)
