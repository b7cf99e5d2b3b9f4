"""The exact views of a small codebook: nothing is projected away, so what is far apart here is far apart.

Code vectors with all their distances, how often each position says each code, every possible sequence at its own
place in a grid of grids, and which latent action follows which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import gradio as gr

from lapa.types import LapaError, LatentAction
from viz.figures.codebook import codebook_data, codebook_figure, nested_counts, nested_figure, usage_figure
from viz.tabs.actions import choose_tokens
from viz.tabs.map_follow import build_follow
from viz.tabs.markup import section
from viz.tabs.page import Page, Updates
from viz.tabs.selection import Selection, whole_number

PLOT_JS = "window.lapa.plot(element, trigger, ['point'], watch, props, server)"
STILL_JS = "window.lapa.plot(element, trigger, [], watch, props, server)"
NOTES = {
    "codebook": (
        "The codes",
        "Each code vector in a plane, its area by use, beside the exact distances of all pairs. Where every token has "
        "codes of its own, choose whose to see: equal colours are equal distances in all of them, and a ring tells how "
        "far the next token leads from there.",
    ),
    "usage": ("Use by position", "The share of transitions in which each position says each code."),
    "nested": (
        "Every sequence",
        "A grid of grids: the large cell is given by the first two tokens, the place within it by the next two. "
        "Blank cells never occur. Press a cell to choose its tokens.",
    ),
}


def build_exact(page: Page) -> None:
    """Build the figures under the map."""
    with gr.Row(elem_id="exact", equal_height=False):
        with gr.Column(scale=1, min_width=420):
            _heading("codebook")
            with gr.Row(elem_classes=["controls"]):
                book = gr.Radio([("0", 0)], value=0, label="Token", elem_id="codebook-token", elem_classes=["segments"])
            codes = _figure("codebook", STILL_JS)
            _heading("usage")
            usage = _figure("usage", STILL_JS)
        with gr.Column(scale=1, min_width=420):
            _heading("nested")
            nested = _figure("nested", PLOT_JS)
    build_follow(page)

    def choose(selection: Selection, data: Mapping[str, Any]) -> Selection:
        return choose_cell(page, selection, whole_number(data.get("row"), "a sequence"))

    def draw(selection: Selection, book: int) -> tuple[Selection, Updates]:
        return selection, {codes: codes_json(page, selection, book)}

    def show(selection: Selection) -> Updates:
        index = page.bench.explorer(selection.bundle).index
        if index is None:
            return {codes: "", usage: "", nested: "", book: gr.Radio(visible=False)}
        numbers = codebook_data(index)
        choices = [(str(number), number) for number in range(numbers.num_books)]
        return {
            codes: json.dumps(codebook_figure(numbers)),
            usage: json.dumps(usage_figure(numbers)),
            nested: json.dumps(nested_figure(nested_counts(index))),
            book: gr.Radio(choices, value=0, visible=len(choices) > 1),
        }

    page.on(book.input, draw, [book], [codes])
    page.on_data(nested.point, choose)
    page.add_view("map", [codes, usage, nested, book], show, key=lambda s: s.bundle)


def codes_json(page: Page, selection: Selection, book: int) -> str:
    """Return the figure of one codebook as one string."""
    numbers, book = codebook_data(page.bench.explorer(selection.bundle).need_index()), whole_number(book, "a token")
    if not 0 <= book < numbers.num_books:
        raise LapaError(f"there is no token {book}: choose 0 to {numbers.num_books - 1}")
    return json.dumps(codebook_figure(numbers, book))


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


def _heading(name: str) -> None:
    title, note = NOTES[name]
    gr.HTML(section(title, "", note=note), apply_default_css=False)


def _figure(name: str, js: str) -> gr.HTML:
    return gr.HTML(
        "",
        html_template=f'<div class="plot" role="group" aria-label="{NOTES[name][0]}"></div>',
        elem_id=f"plot-{name}",
        elem_classes=["still"],
        js_on_load=js,
        apply_default_css=False,
    )
