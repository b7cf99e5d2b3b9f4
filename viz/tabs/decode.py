"""Decode: the selected frame under any tokens: the editor, the future it leads to, and what each code does.

The editor and its picture are answered first; the contact sheet, thirty pictures, follows when they are on the screen.
"""

from __future__ import annotations

import logging
from dataclasses import replace

import gradio as gr
import numpy as np

from lapa.types import Frame, LapaError
from viz.figures.compass import chain_html
from viz.figures.frames import signed_difference
from viz.tabs.actions import choose_tokens, common_actions
from viz.tabs.decode_sequence import build_sequence
from viz.tabs.decode_sheet import SHOWS, Variants, sheet_html
from viz.tabs.decode_transfer import build_transfer
from viz.tabs.editor import editor_html
from viz.tabs.exporting import exporter
from viz.tabs.markup import button, empty, figure, same_size
from viz.tabs.page import EVENT_OPTIONS, OUR_FAULT, Page, Updates, act_html, sentence
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection

log = logging.getLogger("lapa.app")
EDGE = 0.15
"""How near to the frame's edge the middle of the arrows may lie, as a share of its width and height."""
LONGER = 3
"""Arrows over a frame are drawn so many times as long as the motion was."""


def build_decode(page: Page) -> None:
    """Build the tab."""
    variants = Variants(page.bench)
    with gr.Tab("Decode", id="decode", elem_id="tab-decode", render_children=True):
        result = act_html("decoded")
        with gr.Row(elem_id="token-entry", elem_classes=["controls"]):
            typed = gr.Textbox(label="Tokens", placeholder="3-0-7-1", elem_id="typed-tokens", elem_classes=["narrow"])
            shows = gr.Radio(
                SHOWS, value=SHOWS[0], label="Show in the sheet", elem_id="shows", elem_classes=["segments"]
            )
        sheet = act_html("sheet", server_functions=[exporter(page)])
        build_sequence(page)
        build_transfer(page)
    bench, actions = page.bench, common_actions(page.bench)

    def show_sheet(selection: Selection, shown: str) -> str:
        try:
            tokens = bench.chosen(selection).label
            save = export_buttons("sheet", selection, label="contact sheet", tokens=tokens, shows=shown.lower())
            return sheet_html(page, variants, selection, shown) + save
        except LapaError as error:
            return empty(sentence(error))
        except Exception as error:  # the border to the browser: nothing may pass as a traceback
            log.error("unexpected", exc_info=error)
            return empty(OUR_FAULT)

    page.on_act(result, {**actions, "random": lambda s, data: random_tokens(page, s)})
    page.on_act(sheet, actions)
    page.on(typed.submit, lambda s, text: choose_tokens(bench, s, text), [typed])
    for event in (result.change, shows.input):
        event(show_sheet, [page.state, shows], [sheet], **EVENT_OPTIONS)
    page.add_view(
        "decode", [result], lambda s: {result: result_html(page, variants, s)}, key=lambda s: replace(s, row=None)
    )
    page.add_view("decode", [typed], lambda s: typed_tokens(page, typed, s), key=lambda s: bench.chosen(s).label)


def typed_tokens(page: Page, typed: gr.Textbox, selection: Selection) -> Updates:
    """Return the chosen tokens as text."""
    return {typed: page.bench.chosen(selection).label}


def random_tokens(page: Page, selection: Selection) -> Selection:
    """Set tokens drawn at random; chance here is the visitor's, so it needs no seed."""
    explorer = page.bench.explorer(selection.bundle)
    drawn = np.random.default_rng().integers(explorer.codebook_size, size=explorer.code_seq_len)
    return replace(selection, tokens=tuple(drawn.tolist()), row=None)


def result_html(page: Page, variants: Variants, selection: Selection) -> str:
    """Return the frame with the measured motion of the chosen codes, the frame under them, and what they change."""
    bench = page.bench
    pair, chosen = bench.pair(selection), bench.chosen(selection)
    (decoded,) = variants.decode(selection, [chosen.tokens])
    start = same_size(pair.frame, decoded)
    arrows = arrows_html(page, selection, start, decoded)
    now = figure(pair.frame, f"Frame {pair.t}", f"measured motion, {LONGER} x as long" if arrows else "now")
    tools = button("Random tokens", "random") + button(
        "Back to the tokens seen here", "seen", classes="button" if selection.tokens else "button off"
    )
    return (
        '<div class="grid three">'
        + now.replace("</figure>", f"{arrows}</figure>").replace('class="shot ', 'class="shot over ')
        + figure(decoded, f"Under {chosen.label}", "decoded", classes="main")
        + figure(signed_difference(start, decoded), "What the tokens change", "decoded minus now", classes="diff")
        + f'</div><div class="toolbar">{editor_html(bench.explorer(selection.bundle), chosen)}{tools}</div>'
    )


def arrows_html(page: Page, selection: Selection, start: Frame, decoded: Frame) -> str:
    """Return the measured motions of the chosen codes as arrows over the frame, where the tokens change the most.

    A measured motion is a mean and has no place of its own.
    """
    explorer = page.bench.explorer(selection.bundle)
    chosen = page.bench.chosen(selection)
    known = [meaning for meaning in explorer.meanings(chosen) if meaning.picture is not None and meaning.points]
    if not known:
        return ""
    height, width = start.shape[:2]
    return chain_html(
        [(LONGER * meaning.picture[0], LONGER * meaning.picture[1]) for meaning in known],
        [meaning.code for meaning in known],
        [meaning.sentence for meaning in known],
        explorer.codebook_size,
        middle=where_changed(start, decoded),
        size=(float(width), float(height)),
    )


def where_changed(start: Frame, decoded: Frame) -> tuple[float, float]:
    """Return the middle (right, down), in pixels, of the strongest changes; of the frame where nothing changes."""
    change = np.abs(decoded.astype(np.float32) - start.astype(np.float32)).sum(axis=2)
    weight = np.where(change >= 0.5 * change.max(), change + 1.0, 0.0)
    right, down = (
        float(np.average(np.arange(weight.shape[axis]), weights=weight.sum(axis=1 - axis))) for axis in (1, 0)
    )
    height, width = change.shape
    return min(max(right, EDGE * width), (1 - EDGE) * width), min(max(down, EDGE * height), (1 - EDGE) * height)
