"""Inspect: what happened between two frames, as the quantizer says it, and where else it happened."""

from __future__ import annotations

import gradio as gr
import numpy as np

from lapa.types import Frame
from viz.figures.compare import Comparison, compare_html
from viz.figures.film import film_html, ribbon_html
from viz.figures.frames import error_heat, motion_overlay, signed_difference
from viz.tabs.actions import common_actions
from viz.tabs.exporting import exporter
from viz.tabs.markup import (
    button,
    empty,
    figure,
    later_words,
    meaning_note,
    novelty_html,
    same_size,
    section,
    sure_chips,
)
from viz.tabs.neighbour import neighbour_html
from viz.tabs.page import Page, act_html
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection

STRIP_FRAMES = 14
NUM_NEIGHBOURS = 8
LITTLE = " Here the first frame as it is would have been nearer: hardly anything moved, or the tokens missed it."
CHOICES = (
    Comparison(name="Decoded", left="later", right="decoded", left_title="recorded later", right_title="decoded"),
    Comparison(name="Before", left="now", right="later", left_title="now", right_title="later"),
    Comparison(name="Change", left="later", right="change", left_title="later", right_title="later minus now"),
    Comparison(name="Motion", left="now", right="motion", left_title="now", right_title="what moves"),
    Comparison(name="Error", left="decoded", right="error", left_title="decoded", right_title="what it misses"),
)


def build_inspect(page: Page) -> None:
    """Build the tab."""
    with gr.Tab("Inspect", id="inspect", elem_id="tab-inspect", render_children=True):
        film, ribbon = act_html("film"), act_html("ribbon")
        pair, near = act_html("pair"), act_html("near")
        exports = act_html("inspect-exports", server_functions=[exporter(page)])
    actions = common_actions(page.bench)
    for part in (film, ribbon, pair, near, exports):
        page.on_act(part, actions)
    page.add_view("inspect", [film], lambda s: {film: film_strip(page, s)}, key=lambda s: (s.clip, s.window_s))
    page.add_view("inspect", [ribbon], lambda s: {ribbon: ribbon_strip(page, s)})
    page.add_view("inspect", [pair], lambda s: {pair: pair_html(page, s)})
    page.add_view("inspect", [near], lambda s: {near: near_html(page, s)})
    page.add_view("inspect", [exports], lambda s: {exports: exports_html(s)})


def film_strip(page: Page, selection: Selection) -> str:
    """Return the clip as a film strip, over the same stretch of time as the ribbon."""
    clip, last = page.bench.clip(selection), page.bench.last(selection)
    times = np.unique(np.linspace(0, last, STRIP_FRAMES).round().astype(int)).tolist()
    return film_html([clip.frames[t] for t in times], times)


def ribbon_strip(page: Page, selection: Selection) -> str:
    """Return the clip's tokens over time, one lane per position."""
    bench = page.bench
    meaning = bench.explorer(selection.bundle).meaning
    labels = [[code.label for code in row] for row in meaning.codes] if meaning else ()
    ribbon = ribbon_html(
        bench.ribbon(selection),
        selection.t,
        end=bench.last(selection),
        window=bench.window(selection),
        meanings=labels,
    )
    return (
        f'{ribbon}<p class="legend">One lane per token position. Press or drag along the lanes to go there; on the '
        "keyboard, arrow keys step by one frame, Page Up and Page Down by one window.</p>"
    )


def pair_html(page: Page, selection: Selection) -> str:
    """Return the two frames, what the decoder makes of the tokens, and all of them on one comparison."""
    bench = page.bench
    pair, seen = bench.pair(selection), bench.seen(selection)
    explorer = bench.explorer(selection.bundle)
    rebuilt = same_size(explorer.decode(pair.frame, seen), pair.future)
    layers = {
        "now": same_size(pair.frame, pair.future),
        "later": pair.future,
        "decoded": rebuilt,
        "change": signed_difference(pair.frame, pair.future),
        "motion": motion_overlay(pair.frame, pair.future),
        "error": error_heat(rebuilt, pair.future),
    }
    when = later_words(pair.window, bench.clip(selection).fps)
    quality, copied = psnr(pair.future, rebuilt), psnr(pair.future, pair.frame)
    worse = LITTLE if quality < copied else ""
    comparison = compare_html(layers, CHOICES, inverted=("change",))
    return (
        '<div class="grid three">'
        + figure(pair.frame, f"Frame {pair.t}", "now")
        + figure(pair.future, f"Frame {pair.t + pair.window}", when)
        + f'<figure class="shot compare"><figcaption><b>Compare</b><span class="note">drag, or let them blink'
        f"</span></figcaption>{comparison}</figure></div>"
        '<div class="panel tokens-panel"><div><h4>What the quantizer says</h4>'
        f"{sure_chips(seen, explorer.meanings(seen))}</div>"
        f"<div><h4>How well the tokens tell it</h4><dl><dt>decoded from these tokens</dt><dd>{quality:.1f} dB</dd>"
        f"<dt>if nothing moved</dt><dd>{copied:.1f} dB</dd></dl>"
        f'<p class="lead">PSNR against the recorded later frame; higher is nearer.{worse}</p>'
        f"{novelty_html(explorer, pair.frame)}</div>"
        f'<div class="foot">{meaning_note(explorer)}{button("Try other tokens", "tab", tab="decode")}</div></div>'
    )


def near_html(page: Page, selection: Selection) -> str:
    """Return the transitions of the index whose latent action is nearest, before quantisation."""
    bench = page.bench
    explorer = bench.explorer(selection.bundle)
    if not explorer.has_index:
        return section("The same elsewhere", empty("This bundle has no index, so nothing can be compared."))
    name = bench.shelf.entry(selection.clip).title
    found = explorer.neighbours(bench.seen(selection), k=NUM_NEIGHBOURS, exclude_clip=name)
    cells = "".join(neighbour_html(page, selection, n.row, f"distance {n.distance:.2g}") for n in found)
    note = (
        "The nearest transitions of other clips in the index, by the latent action before quantisation; each picture "
        "shows before and after in turn. Press one to go there. "
        '<button type="button" class="quiet" data-still aria-pressed="false">Stop the pictures</button>'
    )
    return section("The same elsewhere", f'<div class="grid near moving">{cells}</div>', note=note)


def exports_html(selection: Selection) -> str:
    """Return what of this tab can be saved for print: the pair that is shown, and the film over its ribbon."""
    return export_buttons("pair", selection, label="pair") + export_buttons("ribbon", selection, label="token ribbon")


def psnr(picture: Frame, truth: Frame) -> float:
    """Return the peak signal-to-noise ratio of a picture, in dB; at most 99."""
    error = float(np.mean(np.square(picture.astype(np.float32) - truth.astype(np.float32))))
    return min(99.0, 10.0 * np.log10(255.0**2 / max(error, 1e-6)))
