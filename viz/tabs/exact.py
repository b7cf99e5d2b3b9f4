"""The exact views of a small codebook: nothing is projected away, so what is far apart here is far apart.

Code vectors with all their distances, how often each position says each code, and every possible sequence at its own
place in a grid of grids.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from lapa.types import LapaError, LatentAction
from viz.figures.codebook import codebook_data, codebook_figure, nested_counts, nested_figure, usage_figure
from viz.tabs.actions import choose_tokens
from viz.tabs.markup import section
from viz.tabs.page import Page, Updates
from viz.tabs.selection import Selection, whole_number

PLOT_JS = "window.lapa.plot(element, trigger, ['point'], watch, props, server)"
STILL_JS = "window.lapa.plot(element, trigger, [], watch, props, server)"
NOTES = {
    "codebook": ("The codes", "Each code vector in a plane, its area by use, beside the exact distances of all pairs."),
    "usage": ("Use by position", "The share of transitions in which each position says each code."),
    "nested": (
        "Every sequence",
        "A grid of grids: the large cell is given by the first two tokens, the place within it by the next two. "
        "Blank cells never occur. Press a cell to choose its tokens.",
    ),
}


def build_exact(page: Page) -> None:
    """Build the three figures under the map."""
    with gr.Row(elem_id="exact", equal_height=False):
        with gr.Column(scale=1, min_width=420):
            codes = _figure("codebook", STILL_JS)
            usage = _figure("usage", STILL_JS)
        with gr.Column(scale=1, min_width=420):
            nested = _figure("nested", PLOT_JS)

    def choose(selection: Selection, data: Mapping[str, Any]) -> Selection:
        return choose_cell(page, selection, whole_number(data.get("row"), "a sequence"))

    def show(selection: Selection) -> Updates:
        index = page.bench.explorer(selection.bundle).index
        if index is None:
            return {codes: "", usage: "", nested: ""}
        numbers = codebook_data(index)
        return {
            codes: json.dumps(codebook_figure(numbers)),
            usage: json.dumps(usage_figure(numbers)),
            nested: json.dumps(nested_figure(nested_counts(index))),
        }

    page.on_data(nested.point, choose)
    page.add_view("map", [codes, usage, nested], show, key=lambda s: s.bundle)


def choose_cell(page: Page, selection: Selection, code: int) -> Selection:
    """Choose the sequence of a cell of the nested grid, given as one integer."""
    explorer = page.bench.explorer(selection.bundle)
    if (
        nested_counts(explorer.index).num_tokens != explorer.code_seq_len
        or not 0 <= code < explorer.codebook_size**explorer.code_seq_len
    ):
        raise LapaError("this cell stands for several sequences: choose one of them in the table of a lasso")
    action = LatentAction.from_code(code, code_seq_len=explorer.code_seq_len, codebook_size=explorer.codebook_size)
    return choose_tokens(page.bench, selection, action.label)


def _figure(name: str, js: str) -> gr.HTML:
    title, note = NOTES[name]
    gr.HTML(section(title, "", note=note), apply_default_css=False)
    return gr.HTML(
        "",
        html_template=f'<div class="plot" role="img" aria-label="{title}"></div>',
        elem_id=f"plot-{name}",
        elem_classes=["still"],
        js_on_load=js,
        apply_default_css=False,
    )
