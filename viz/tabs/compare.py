"""Compare: the same frames, the same clip and the same transitions through two bundles, with one selection for both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from viz.exports.common import NUM_CLIPS, PER_CLIP
from viz.figures.aligned import aligned_figure, residual_words
from viz.tabs.actions import choose_other, common_actions
from viz.tabs.compare_parts import ALONE, numbers_html, progress_html, ribbons_html, seen_html
from viz.tabs.compared import aligned_of, common_of, gather, group_of, names_of, other_of
from viz.tabs.exporting import exporter
from viz.tabs.markup import empty, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection, whole_number
from viz.tabs.stopping import Stopping

FIRST = "first 0"
PLOT_JS = """
const tell = (name, data) => trigger(name, { ...data, colour: JSON.parse(props.value || '{}').layout?.meta });
window.lapa.plot(element, tell, ['point'], watch, props, server);
"""


def build_compare(page: Page) -> None:
    """Build the tab."""
    save = [exporter(page)]
    with gr.Tab("Compare", id="compare", elem_id="tab-compare", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="beside-controls"):
            other = gr.Radio([], label="Compare with", elem_id="compare-other", elem_classes=["segments"])
        seen = act_html("compare-seen")
        ribbons = act_html("compare-ribbons")
        gr.HTML(
            section("The same transitions on both maps", "", note=MAPS_NOTE),
            apply_default_css=False,
            elem_classes=["view"],
        )
        with gr.Row(elem_classes=["controls"], elem_id="compare-map-controls"):
            go = gr.Button("Draw the maps", variant="primary", elem_id="maps-go")
            stop = gr.Button("Stop", elem_id="maps-stop")
            colour = gr.Dropdown([], label="Colour", elem_id="compare-colour", elem_classes=["narrow"])
        status = act_html("compare-status", server_functions=save)
        maps = gr.HTML(
            "",
            html_template='<div class="plot" role="group" aria-label="two maps of the same transitions"></div>',
            elem_id="compare-maps",
            elem_classes=["still"],
            js_on_load=PLOT_JS,
            apply_default_css=False,
        )
        numbers = act_html("compare-numbers", server_functions=save)

    def draw(selection: Selection, colour_by: str) -> Updates:
        choices = colour_choices(page, selection)
        return {
            maps: maps_json(page, selection, colour_by),
            status: status_html(page, selection, colour_by),
            colour: gr.Dropdown(choices, value=colour_by if choices else None),
        }

    stopping = Stopping()

    def run(selection: Selection, colour_by: str) -> Iterator[Updates]:
        if other_of(page, selection) is None:
            yield {status: empty(ALONE)}
            return
        is_stopped = stopping.begin()
        for done, total in gather(page, selection):
            if is_stopped():
                yield {status: stopped_html(page, selection)}
                return
            yield {status: progress_html(done, total)}
        yield draw(selection, colour_by)

    def recolour(selection: Selection, colour_by: str) -> tuple[Selection, Updates]:
        return selection, draw(selection, colour_by)

    def step(selection: Selection, data: Mapping[str, Any], colour_by: str) -> tuple[Selection, Updates]:
        row = _here(page, selection, whole_number(data.get("by"), "a step"))
        return recolour(choose_transition(page, selection, row), colour_by)

    def press(selection: Selection, data: Mapping[str, Any]) -> tuple[Selection, Updates]:
        row = whole_number(data.get("row"), "a transition")
        return recolour(choose_transition(page, selection, row), str(data.get("colour") or FIRST))

    def show_controls(selection: Selection) -> Updates:
        names = dict(zip((selection.bundle, other_of(page, selection)), names_of(page, selection)))
        others = [(names.get(name, name), name) for name in page.bench.bundles if name != selection.bundle]
        return {
            other: gr.Radio(others, value=other_of(page, selection), visible=len(others) > 0),
            numbers: numbers_html(page, selection),
        }

    page.on(other.input, lambda s, name: choose_other(page.bench, s, str(name)), [other])
    page.on(colour.input, recolour, [colour], [maps, status])
    page.stream(go.click, run, [colour], [maps, status, colour])
    stop.click(stopping.press, None, None, show_progress="hidden", api_visibility="private")
    page.on_data(maps.point, press)
    for part in (seen, ribbons):
        page.on_act(part, common_actions(page.bench))
    page.on_act(status, {"step": step}, [colour])

    def pair_of(selection: Selection) -> tuple:
        return selection.bundle, other_of(page, selection)

    page.add_view("compare", [other, numbers], show_controls, key=pair_of)
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
        "compare",
        [maps, status, colour],
        lambda s: draw(s, FIRST),
        key=lambda s: (*pair_of(s), s.clip, s.t, s.window_s),
    )


MAPS_NOTE = (
    "Each model's latents in a plane of their own (PCA), the second turned and mirrored onto the first. One "
    "colour is one code of the model named under Colour: where it also gathers on the other map, both models keep the "
    "same things apart. Press a point to select its transition on both maps and in the page."
)


def maps_json(page: Page, selection: Selection, colour_by: str) -> str:
    """Return both maps as one Plotly figure, the selected transition ringed; "" before they are gathered."""
    common = common_of(page, selection)
    if common is None:
        return ""
    codes, num_codes = common.colours(colour_by)
    row = selected_row(page, selection)
    shown = aligned_figure(
        aligned_of(page, selection, common), codes, num_codes, names=names_of(page, selection), selected=row
    )
    shown["layout"]["meta"] = colour_by
    return json.dumps(shown)


def status_html(page: Page, selection: Selection, colour_by: str) -> str:
    """Return which transitions are shown, the residuals, and the selected transition; or what to do first."""
    common = common_of(page, selection)
    if common is None:
        return empty(
            f"Not drawn yet. Both models will look at {NUM_CLIPS * PER_CLIP} transitions of this group's clips."
        )
    row = selected_row(page, selection)
    aligned = aligned_of(page, selection, common)
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


def stopped_html(page: Page, selection: Selection) -> str:
    """Return what to say after Stop: the maps where they are drawn, else that the work so far is kept."""
    if common_of(page, selection) is not None:
        return status_html(page, selection, FIRST)
    return empty("Stopped. What was encoded is kept: press Draw the maps to go on.")


def _here(page: Page, selection: Selection, by: int) -> int:
    """Return the transition `by` places on from the selected one, around the end."""
    common, row = common_of(page, selection), selected_row(page, selection)
    if common is None:
        return -1
    return (by if row is None else row + by) % len(common.clips)
