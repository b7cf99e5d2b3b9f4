"""Inspect: what happened between two frames, as the quantizer says it, and where else it happened."""

from __future__ import annotations

from html import escape

import gradio as gr
import numpy as np

from lapa.types import Frame
from viz.figures.film import film_html, ribbon_html
from viz.figures.frames import error_heat, signed_difference
from viz.tabs.actions import common_actions
from viz.tabs.markup import button, chips, empty, figure, novelty_html, picture, same_size, section, sure_chips
from viz.tabs.page import Page, act_html
from viz.tabs.selection import Selection

STRIP_FRAMES = 14
NUM_NEIGHBOURS = 8


def build_inspect(page: Page) -> None:
    """Build the tab."""
    with gr.Tab("Inspect", id="inspect", elem_id="tab-inspect", render_children=True):
        film, ribbon = act_html("film"), act_html("ribbon")
        pair, near = act_html("pair"), act_html("near")
    actions = common_actions(page.bench)
    for part in (film, ribbon, pair, near):
        page.on_act(part, actions)
    page.add_view("inspect", [film], lambda s: {film: film_strip(page, s)}, key=lambda s: (s.clip, s.window_s))
    page.add_view("inspect", [ribbon], lambda s: {ribbon: ribbon_strip(page, s)})
    page.add_view("inspect", [pair], lambda s: {pair: pair_html(page, s)})
    page.add_view("inspect", [near], lambda s: {near: near_html(page, s)})


def film_strip(page: Page, selection: Selection) -> str:
    """Return the clip as a film strip, over the same stretch of time as the ribbon."""
    clip, last = page.bench.clip(selection), page.bench.last(selection)
    times = np.unique(np.linspace(0, last, STRIP_FRAMES).round().astype(int)).tolist()
    return film_html([clip.frames[t] for t in times], times)


def ribbon_strip(page: Page, selection: Selection) -> str:
    """Return the clip's tokens over time, one lane per position."""
    ribbon = ribbon_html(page.bench.ribbon(selection), selection.t)
    return f'{ribbon}<p class="legend">One lane per token position. Press the film or the lanes to go there.</p>'


def pair_html(page: Page, selection: Selection) -> str:
    """Return the two frames, what the decoder makes of the tokens, and both differences."""
    bench = page.bench
    pair, seen = bench.pair(selection), bench.seen(selection)
    explorer = bench.explorer(selection.bundle)
    rebuilt = same_size(explorer.decode(pair.frame, seen), pair.future)
    quality, copied = psnr(pair.future, rebuilt), psnr(pair.future, pair.frame)
    when = f"{pair.window} frames, {selection.window_s:.2g} s later"
    token_panel = (
        f'<div class="panel tokens-panel"><h4>What the quantizer says</h4>{sure_chips(seen)}'
        f"{novelty_html(explorer, pair.frame)}"
        f"<dl><dt>from these tokens</dt><dd>{quality:.1f} dB</dd>"
        f"<dt>if nothing moved</dt><dd>{copied:.1f} dB</dd></dl>"
        f'<p class="lead">PSNR against the recorded later frame; higher is nearer.</p>'
        f"{button('Try other tokens', 'tab', tab='decode')}</div>"
    )
    return (
        '<div class="grid three">'
        + figure(pair.frame, f"Frame {pair.t}", "now")
        + figure(pair.future, f"Frame {pair.t + pair.window}", when)
        + figure(rebuilt, "Decoded", f"from frame {pair.t} and the tokens alone")
        + token_panel
        + figure(signed_difference(pair.frame, pair.future), "What changed", "later frame minus now", classes="diff")
        + figure(error_heat(rebuilt, pair.future), "What is missed", "error of the decoded frame")
        + "</div>"
    )


def near_html(page: Page, selection: Selection) -> str:
    """Return the transitions of the index whose latent action is nearest, before quantisation."""
    bench = page.bench
    explorer = bench.explorer(selection.bundle)
    if not explorer.has_index:
        return section("The same elsewhere", empty("This bundle has no index, so nothing can be compared."))
    name = bench.shelf.entry(selection.clip).title
    found = explorer.neighbours(bench.seen(selection), k=NUM_NEIGHBOURS, exclude_clip=name)
    cells = "".join(neighbour_html(page, selection, n.row, f"distance {n.distance:.2f}") for n in found)
    note = "The nearest transitions of other clips in the index, by the latent action before quantisation."
    return section("The same elsewhere", f'<div class="grid four">{cells}</div>', note=note)


def neighbour_html(page: Page, selection: Selection, row: int, note: str) -> str:
    """Return one transition of the index as a button: before, after, tokens, where it is from."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    clip = int(index.clip[row])
    action = index.latent_action(row)
    pictures = explorer.pictures(row)
    shown = (
        '<span class="missing">its video is not on this machine</span>'
        if pictures is None
        else "".join(picture(frame, "", side=160) for frame in pictures)
    )
    words = escape(index.clip_instructions[clip] or index.clip_names[clip])
    tokens = chips(action, "small")
    inside = f'<span class="two">{shown}</span>{tokens}<span class="words">{words}</span><small>{escape(note)}</small>'
    label = f"transition {row}: {action.label}, {index.clip_instructions[clip]}"
    return button(inside, "row", label=label, classes="neighbour", row=row)


def psnr(picture: Frame, truth: Frame) -> float:
    """Return the peak signal-to-noise ratio of a picture, in dB; at most 99."""
    error = float(np.mean(np.square(picture.astype(np.float32) - truth.astype(np.float32))))
    return min(99.0, 10.0 * np.log10(255.0**2 / max(error, 1e-6)))
