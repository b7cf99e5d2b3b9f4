"""Compare: the same frames, the same clip and the same transitions through two bundles, with one selection for both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from viz.figures.aligned import align, aligned_figure, residual_words
from viz.figures.film import ribbon_html
from viz.figures.frames import error_heat
from viz.figures.psnr import psnr
from viz.tabs.actions import choose_other, common_actions
from viz.tabs.compared import common_of, gather, group_of, names_of, other_of
from viz.tabs.exporting import exporter
from viz.tabs.markup import chips, empty, figure, novelty_html, same_size, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection, whole_number
from viz.tabs.tables import grid

ALONE = (
    "There is only one bundle here. Put another beside it in the checkpoints folder, or start the app with --laq DIR "
    "to compare your own quantizer with the shipped ones."
)
PLOT_JS = "window.lapa.plot(element, trigger, ['point'], watch, props, server)"
NOTE = (
    "Both models look at the same frames, however far apart the selection puts them; each was trained with a window of "
    "its own."
)


def build_compare(page: Page) -> None:
    """Build the tab."""
    save = [exporter(page)]
    with gr.Tab("Compare", id="compare", elem_id="tab-compare", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="compare-controls"):
            other = gr.Radio([], label="Compare with", elem_id="compare-other", elem_classes=["segments"])
        seen = act_html("compare-seen")
        ribbons = act_html("compare-ribbons")
        gr.HTML(
            section("The same transitions on both maps", "", note=MAPS_NOTE),
            apply_default_css=False,
            elem_classes=["view"],
        )
        with gr.Row(elem_classes=["controls"], elem_id="compare-map-controls"):
            go = gr.Button("Draw the maps", variant="primary", elem_id="compare-go")
            stop = gr.Button("Stop", elem_id="compare-stop")
            colour = gr.Dropdown([], label="Colour", elem_id="compare-colour", elem_classes=["narrow"])
        status = act_html("compare-status", server_functions=save)
        maps = gr.HTML(
            "",
            html_template='<div class="plot" role="img" aria-label="two maps of the same transitions"></div>',
            elem_id="compare-maps",
            elem_classes=["still"],
            js_on_load=PLOT_JS,
            apply_default_css=False,
        )
        numbers = act_html("compare-numbers", server_functions=save)

    def draw(selection: Selection, colour_by: str | None) -> Updates:
        return {
            maps: maps_json(page, selection, colour_by or "first 0"),
            status: status_html(page, selection, colour_by or "first 0"),
        }

    def run(selection: Selection, colour_by: str | None) -> Iterator[Updates]:
        if other_of(page, selection) is None:
            yield {status: empty(ALONE)}
            return
        for done, total in gather(page, selection):
            yield {status: progress_html(done, total)}
        yield draw(selection, colour_by)

    def recolour(selection: Selection, colour_by: str) -> tuple[Selection, Updates]:
        return selection, draw(selection, colour_by)

    def step(selection: Selection, data: Mapping[str, Any]) -> Selection:
        return choose_transition(page, selection, _here(page, selection, whole_number(data.get("by"), "a step")))

    def show_controls(selection: Selection) -> Updates:
        names = dict(zip((selection.bundle, other_of(page, selection)), names_of(page, selection)))
        others = [(names.get(name, name), name) for name in page.bench.bundles if name != selection.bundle]
        choices = colour_choices(page, selection)
        return {
            other: gr.Radio(others, value=other_of(page, selection), visible=len(others) > 0),
            colour: gr.Dropdown(choices, value=choices[0][1] if choices else None),
            numbers: numbers_html(page, selection),
        }

    page.on(other.input, lambda s, name: choose_other(page.bench, s, str(name)), [other])
    page.on(colour.input, recolour, [colour], [maps, status])
    started = page.stream(go.click, run, [colour], [maps, status])
    stop.click(None, None, None, cancels=[started], api_visibility="private")
    page.on_data(maps.point, lambda s, d: choose_transition(page, s, whole_number(d.get("row"), "a transition")))
    for part in (seen, ribbons):
        page.on_act(part, common_actions(page.bench))
    page.on_act(status, {"step": step})

    def pair_of(selection: Selection) -> tuple:
        return selection.bundle, other_of(page, selection)

    page.add_view("compare", [other, colour, numbers], show_controls, key=pair_of)
    page.add_view(
        "compare", [seen], lambda s: {seen: seen_html(page, s)}, key=lambda s: (*pair_of(s), s.clip, s.t, s.window_s)
    )
    page.add_view(
        "compare",
        [ribbons],
        lambda s: {ribbons: ribbons_html(page, s)},
        key=lambda s: (*pair_of(s), s.clip, s.t, s.window_s),
    )
    page.add_view(
        "compare", [maps, status], lambda s: draw(s, None), key=lambda s: (*pair_of(s), s.clip, s.t, s.window_s)
    )


MAPS_NOTE = (
    "Each model's latents in a plane of their own (PCA), the second turned and mirrored onto the first. One "
    "colour is one code of the model named under Colour: where it also gathers on the other map, both models keep the "
    "same things apart. Press a point to select its transition on both maps and in the page."
)


def seen_html(page: Page, selection: Selection) -> str:
    """Return the pair, and what each model says of it, draws of it and misses."""
    bench, other = page.bench, other_of(page, selection)
    if other is None:
        return empty(ALONE)
    pair = bench.pair(selection)
    cards = "".join(
        _card(page, replace(selection, bundle=name, tokens=None, row=None), title)
        for name, title in zip((selection.bundle, other), names_of(page, selection), strict=True)
    )
    later = f"{pair.window} frames, {selection.window_s:.2g} s later"
    frames = figure(pair.frame, f"Frame {pair.t}", "now") + figure(pair.future, f"Frame {pair.t + pair.window}", later)
    inside = f'<div class="compare-grid"><div class="compare-pair">{frames}</div>{cards}</div>'
    return section("The selected frames", inside, note=NOTE)


def ribbons_html(page: Page, selection: Selection) -> str:
    """Return the tokens of the clip by both models, over the same stretch of time."""
    other = other_of(page, selection)
    if other is None:
        return ""
    lanes = "".join(
        f"<h4>{escape(title)}</h4>{ribbon_html(page.bench.ribbon(replace(selection, bundle=name)), selection.t)}"
        for name, title in zip((selection.bundle, other), names_of(page, selection), strict=True)
    )
    note = "Equal colours mean equal codes within a model, not across: each has codes of its own."
    return section("Along the clip", f'<div class="compare-lanes">{lanes}</div>', note=note)


def numbers_html(page: Page, selection: Selection) -> str:
    """Return what both were measured by, side by side, with the difference."""
    other = other_of(page, selection)
    if other is None:
        return ""
    one, two = (page.bench.explorer(name).records() for name in (selection.bundle, other))
    names = names_of(page, selection)
    parts = "".join(
        f"<h4>{escape(t.title[:1].upper() + t.title[1:])}</h4>{grid((t.header[0], *names, t.header[3]), t.rows)}"
        for t in one.beside(two)
    )
    saves = "".join(
        f'<button type="button" class="quiet" data-server="export" data-save="{kind}" data-what="comparison" '
        f'data-bundle="{escape(selection.bundle)}" data-beside="{escape(other)}" '
        f'aria-label="save the comparison as {title}">{title}</button>'
        for kind, title in (("json", "JSON"), ("md", "Markdown"), ("tex", "LaTeX"))
    )
    note = f"The difference is {names[1]} less {names[0]}."
    body = parts or empty("Neither has numbers that the other has, too.")
    return section("Numbers", f'<div class="compare-tables">{body}</div><div class="toolbar">{saves}</div>', note=note)


def maps_json(page: Page, selection: Selection, colour_by: str) -> str:
    """Return both maps as one Plotly figure, the selected transition ringed; "" before they are gathered."""
    common = common_of(page, selection)
    if common is None:
        return ""
    codes, num_codes = common.colours(colour_by)
    row = selected_row(page, selection)
    shown = aligned_figure(align(*common.continuous), codes, num_codes, names=names_of(page, selection), selected=row)
    return json.dumps(shown)


def status_html(page: Page, selection: Selection, colour_by: str) -> str:
    """Return which transitions are shown, the residuals, and the selected transition; or what to do first."""
    common = common_of(page, selection)
    if common is None:
        group = "the clips of this group" if other_of(page, selection) else "clips"
        return f'<p class="empty">Not drawn yet. Both models will look at up to 288 transitions of {group}.</p>'
    row = selected_row(page, selection)
    aligned = align(*common.continuous)
    shown = "No transition is selected: press a point, or"
    if row is not None:
        labels = (tokens[row] for tokens in common.labels())
        said = " and ".join(f"{name} {label}" for name, label in zip(names_of(page, selection), labels))
        shown = f"Ringed: {common.clips[row]}, frame {common.times[row]}: {said}."
    steps = "".join(
        f'<button type="button" class="quiet" data-do="step" data-by="{by}">{text}</button>'
        for by, text in ((-1, "previous transition"), (1, "next transition"))
    )
    return (
        f'<p class="lead">{escape(common.origin)}. {residual_words(aligned)} The planes show '
        f"{aligned.explained[0]:.0%} and {aligned.explained[1]:.0%} of what varies.</p>"
        f'<div class="toolbar"><span>{escape(shown)}</span>{steps}</div>'
        + export_buttons("compare", selection, label="two maps", colour_by=colour_by)
    )


def selected_row(page: Page, selection: Selection) -> int | None:
    """Return the transition of the maps nearest to the selection, in its clip."""
    common = common_of(page, selection)
    group, _, name = selection.clip.partition("/")
    here = group_of(page, selection)
    if common is None or here != group:
        return None
    return common.find(name, selection.t)


def choose_transition(page: Page, selection: Selection, row: int) -> Selection:
    """Select a transition of the maps in the whole page, where its clip is on this machine."""
    common = common_of(page, selection)
    if common is None or not 0 <= row < len(common.clips):
        return selection
    group = group_of(page, selection) if common.is_encoded else common.data
    clip_id = page.bench.shelf.find(group, common.clips[row])
    if clip_id is None:
        return selection
    return page.bench.fit(replace(selection, clip=clip_id, t=int(common.times[row]), tokens=None, row=None))


def colour_choices(page: Page, selection: Selection) -> list[tuple[str, str]]:
    """Return whose token can colour the points."""
    other = other_of(page, selection)
    if other is None:
        return []
    pairs = zip(("first", "second"), (selection.bundle, other), names_of(page, selection), strict=True)
    return [
        (f"{title}, token {position}", f"{side} {position}")
        for side, name, title in pairs
        for position in range(page.bench.explorer(name).code_seq_len)
    ]


def progress_html(done: int, total: int) -> str:
    """Return how far the models are."""
    return (
        f'<div class="progress" role="status"><progress max="{total}" value="{done}"></progress>'
        f"<span>Both models look at clip {done} of {total}</span></div>"
    )


def _card(page: Page, selection: Selection, title: str) -> str:
    bench, pair = page.bench, page.bench.pair(selection)
    explorer, seen = bench.explorer(selection.bundle), bench.seen(selection)
    rebuilt = same_size(explorer.decode(pair.frame, seen), pair.future)
    quality, copied = psnr(rebuilt, pair.future), psnr(pair.frame, pair.future)
    facts = (
        f"<dl><dt>from these tokens</dt><dd>{quality:.1f} dB</dd><dt>if nothing moved</dt><dd>{copied:.1f} dB</dd>"
        f"<dt>trained with a window of</dt><dd>{explorer.window_s:.2g} s</dd></dl>"
    )
    head = f"<h4>{escape(title)}</h4>{chips(seen, 'large')}{novelty_html(explorer, pair.frame, is_short=True)}{facts}"
    shots = figure(rebuilt, "Decoded", "from its tokens") + figure(error_heat(rebuilt, pair.future), "Missed", "error")
    return f'<div class="compare-card"><div class="panel">{head}</div><div class="compare-pair">{shots}</div></div>'


def _here(page: Page, selection: Selection, by: int) -> int:
    """Return the transition `by` places on from the selected one, around the end."""
    common, row = common_of(page, selection), selected_row(page, selection)
    if common is None:
        return -1
    return (by if row is None else row + by) % len(common.clips)
