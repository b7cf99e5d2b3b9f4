"""Which latent action follows which, one window later in the same clip: for one token or for the whole."""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from lapa.types import LapaError, LatentIndex
from viz.figures.follow import NO_PAIRS, FollowData, follow_data, follow_figure
from viz.tabs.map_export import KINDS, TITLES, exporter
from viz.tabs.markup import empty, section
from viz.tabs.page import Page, Updates, act_html, sentence
from viz.tabs.selection import Selection, whole_number

FIGURE_JS = "window.lapa.plot(element, trigger, [], watch, props, server)"
WHOLE = -1
NOTE = (
    "Each row: of all transitions that say this, what the same clip says one window later. Whole latent actions are "
    "the commonest; the others stand together."
)


def build_follow(page: Page) -> None:
    """Build the matrix with its choice of token and what saves it."""
    gr.HTML(section("What follows what", "", note=NOTE), apply_default_css=False)
    with gr.Row(elem_classes=["controls"]):
        choice = gr.Radio([("0", 0)], value=0, label="Token", elem_id="follow-token", elem_classes=["segments"])
    matrix = gr.HTML(
        "",
        html_template='<div class="plot" role="group" aria-label="Which code follows which"></div>',
        elem_id="plot-follow",
        elem_classes=["still"],
        js_on_load=FIGURE_JS,
        apply_default_css=False,
    )
    words = act_html("follow-words", server_functions=[exporter(page)])

    def draw(selection: Selection, position: int) -> tuple[Selection, Updates]:
        index = page.bench.explorer(selection.bundle).need_index()
        data = follow_data(index, read_position(index, position))
        figure = json.dumps(follow_figure(data)) if data.num_pairs else ""
        return selection, {matrix: figure, words: words_html(selection.bundle, position, data)}

    def show(selection: Selection) -> Updates:
        index = page.bench.explorer(selection.bundle).index
        if index is None:
            return {matrix: "", words: "", choice: gr.Radio(visible=False)}
        choices = [(str(number), number) for number in range(index.code_seq_len)] + [("Whole", WHOLE)]
        return {**draw(selection, 0)[1], choice: gr.Radio(choices, value=0, visible=True)}

    page.on(choice.input, draw, [choice], [matrix, words])
    page.add_view("map", [matrix, words, choice], show, key=lambda s: s.bundle)


def read_position(index: LatentIndex, text: object) -> int | None:
    """Read the choice of a token, None for the whole latent action.

    Raises:
        LapaError: if there is no such token.
    """
    position = whole_number(text, "a token")
    if not WHOLE <= position < index.code_seq_len:
        raise LapaError(f"there is no token {position}: choose 0 to {index.code_seq_len - 1}")
    return None if position == WHOLE else position


def words_html(bundle: str, position: int, data: FollowData) -> str:
    """Return the sentence under the matrix and the buttons that save it."""
    if not data.num_pairs:
        return empty(sentence(NO_PAIRS))
    seen, chance = data.repeats
    text = (
        f"{data.num_pairs:,} pairs. The same {data.what} again: {seen:.0%}, by chance {chance:.0%}. What came before "
        f"tells {data.information_bits:.2f} bits about what comes next."
    )
    buttons = "".join(
        f'<button type="button" class="quiet" data-server="export" data-what="follow" data-save="{kind}" '
        f'data-bundle="{escape(bundle)}" data-position="{position}" '
        f'aria-label="save what follows what as {title}">{title}</button>'
        for kind, title in ((kind, TITLES.get(kind, kind.upper())) for kind in KINDS)
    )
    return f'<p class="lead">{text}</p><div class="toolbar"><small>Save this matrix</small>{buttons}</div>'
