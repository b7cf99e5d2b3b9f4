"""Dream: an instruction becomes a film, step by step, beside what was recorded; any step can be chosen otherwise.

Every film from one start is kept in a tree (`dreams.py`). What is shown of it: the film (`dream_stage.py`), the choice
at a step (`dream_bars.py`, `dream_pad.py`), all branches (`dream_tree.py`), instructions compared (`dream_compare.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import gradio as gr

from lapa.types import LapaError, LatentAction
from viz.tabs.dream_bars import swapped
from viz.tabs.dream_compare import HINT, MOST, read_instructions
from viz.tabs.dream_parts import DreamParts
from viz.tabs.dream_store import DreamStore
from viz.tabs.dreams import ROOT, DreamTree, stretched
from viz.tabs.exporting import exporter
from viz.tabs.markup import button, section
from viz.tabs.page import Handler, Page, Updates, act_html
from viz.tabs.saving import save_film
from viz.tabs.selection import Selection, whole_number

NUM_SUGGESTIONS = 5
OPTIONS_HELP = """<p class="lead">A step is one window long. Temperature 0 takes the likeliest codes; above it, they are
drawn with the seed, from the top-k likeliest (0: from all). Dream starts anew, Dream on continues from the step
shown.</p>"""


def build_dream(page: Page) -> None:
    """Build the tab."""
    dreams = DreamStore()
    with gr.Tab("Dream", id="dream", elem_id="tab-dream", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="dream-controls"):
            text = gr.Textbox(
                label="Instruction",
                placeholder="push the red star to the left",
                max_length=2000,
                elem_id="instruction",
                elem_classes=["grow"],
            )
            go = gr.Button("Dream", variant="primary", elem_id="dream-go")
            go_on = gr.Button("Dream on", elem_id="dream-on")
            stop = gr.Button("Stop", elem_id="dream-stop")
        suggestions = act_html("suggestions")
        options = _build_options()
        stage = act_html("stage", server_functions=[_saver(page, dreams), exporter(page)])
        tree, expected = act_html("tree"), act_html("expected")
        with gr.Column(elem_classes=["part-block"]):
            gr.HTML(section("Compare instructions", "", note=HINT), apply_default_css=False, elem_classes=["view"])
            with gr.Row(elem_classes=["controls"], elem_id="compare-controls"):
                lines = gr.Textbox(
                    label="Instructions, one per line",
                    lines=MOST,
                    max_lines=MOST,
                    max_length=4000,
                    elem_id="compare-lines",
                    elem_classes=["grow"],
                )
                against = gr.Button("Compare", variant="primary", elem_id="compare-go")
                stop_against = gr.Button("Stop", elem_id="compare-stop")
            compared = act_html("compared")
    parts = DreamParts(page, dreams, stage, expected, tree, compared)

    def run(selection: Selection, words: str, *values: Any) -> Iterator[Updates]:
        num_steps, how = read_options(*values)
        yield from parts.follow(parts.dream(selection), ROOT, words, num_steps, how)

    def run_on(selection: Selection, words: str, *values: Any) -> Iterator[Updates]:
        (num_steps, how), dream = read_options(*values), parts.dream(selection)
        yield from parts.follow(dream, dream.at, words, num_steps, how)

    def run_against(selection: Selection, words: str, written: str, *values: Any) -> Iterator[Updates]:
        num_steps, how = read_options(*values)
        yield from parts.compare(parts.dream(selection), words, read_instructions(written), num_steps, how)

    def halt(selection: Selection) -> None:
        parts.dream(selection).run = None  # the run sees it before its next step

    def suggest(selection: Selection, data: Mapping[str, Any], *_: Any) -> tuple[Selection, Updates]:
        return selection, {text: str(data.get("text", ""))[:500]}

    for event in (go.click, text.submit):
        page.stream(event, run, [text, *options], parts.outputs)
    page.stream(go_on.click, run_on, [text, *options], parts.outputs)
    page.stream(against.click, run_against, [text, lines, *options], parts.outputs)
    for event in (stop.click, stop_against.click):
        event(halt, [page.state], None, show_progress="hidden", api_visibility="private")
    for part in parts.outputs:
        page.on_act(part, step_actions(parts), [text], parts.outputs)
    page.on_act(suggestions, {"suggest": suggest}, [], [text])

    def show_words(selection: Selection) -> Updates:
        written, own = parts.dream(selection).text, own_instruction(page, selection)
        found = suggested(page, selection)
        return {
            text: own if written is None else written,
            suggestions: suggestions_html(found),
            lines: "\n".join(found[:3]),
        }

    def show_tree(selection: Selection) -> Updates:
        dream = parts.dream(selection)
        return parts.show(dream, own_instruction(page, selection) if dream.text is None else dream.text)

    page.add_view("dream", [text, suggestions, lines], show_words, key=lambda s: (s.bundle, s.clip))
    page.add_view("dream", parts.outputs, show_tree, key=lambda s: (s.bundle, s.clip, s.t, s.window_s))


def _build_options() -> list[Any]:
    """Build how a dream is drawn, in the order of `read_options`."""
    with gr.Row(elem_classes=["controls"], elem_id="dream-options"):
        options = [
            gr.Slider(1, 32, value=8, step=1, label="Steps", elem_classes=["narrow"], buttons=[]),
            gr.Slider(0, 2, value=0, step=0.1, label="Temperature", elem_classes=["narrow"], buttons=[]),
            gr.Number(label="Top-k", value=0, precision=0, minimum=0, elem_id="dream-top-k", elem_classes=["tiny"]),
            gr.Number(label="Seed", value=0, precision=0, minimum=0, elem_id="dream-seed", elem_classes=["tiny"]),
        ]
        gr.HTML(OPTIONS_HELP, apply_default_css=False, elem_classes=["view"], elem_id="dream-help")
    return options


def read_options(
    steps: float, temperature: float, top_k: float | None, seed: float | None
) -> tuple[int, dict[str, float | int]]:
    """Return how many steps, and how tokens are picked.

    Raises:
        LapaError: if a number makes no sense.
    """
    seed, top_k = whole_number(int(seed or 0), "a seed"), whole_number(int(top_k or 0), "top-k")
    if seed < 0:
        raise LapaError(f"a seed of {seed} is not possible: give 0 or more")
    return int(steps), {"temperature": float(temperature), "top_k": top_k, "seed": seed}


def step_actions(parts: DreamParts) -> dict[str, Handler]:
    """Return what presses on the film, the bars, the arrows and the tree do, by the name they carry in `data-do`."""

    def then(change: Any) -> Handler:
        def handler(selection: Selection, data: Mapping[str, Any], words: str) -> tuple[Selection, Updates]:
            dream = parts.dream(selection)
            change(dream, data, words)
            return selection, parts.show(dream, words)

        return handler

    def steer(dream: DreamTree, data: Mapping[str, Any], words: str) -> None:
        action = parts.page.bench.read_tokens(dream.selection, str(data.get("tokens", "")))
        take(parts.page, dream, whole_number(data.get("at"), "a step"), action, words)

    def swap(dream: DreamTree, data: Mapping[str, Any], words: str) -> None:
        action, base, position = swapped(parts.page, dream, data, words)
        is_same = action.tokens == base.latent_action.tokens
        take(parts.page, dream, base.parent, action, base.instruction, None if is_same else position)

    return {
        "show": then(lambda dream, data, words: dream.stand(whole_number(data.get("node"), "a step"))),
        "next": then(lambda dream, data, words: dream.stand(whole_number(data.get("node"), "a step"), is_open=True)),
        "steer": then(steer),
        "swap": then(swap),
        "remove": then(lambda dream, data, words: dream.remove(whole_number(data.get("node"), "a step"))),
        "clear": then(lambda dream, data, words: dream.clear()),
        "truth": then(lambda dream, data, words: setattr(dream, "shows_truth", not dream.shows_truth)),
    }


def take(page: Page, dream: DreamTree, at: int, action: LatentAction, words: str, position: int | None = None) -> None:
    """Take a step that a person chose, and stand there; the policy is asked how likely it found it."""
    explorer, frame = page.bench.explorer(dream.selection.bundle), dream.node(at).frame
    words = " ".join(words.split()) if explorer.has_policy else ""
    expected = explorer.predict(frame, words, taken=action).distributions if words else None
    played = next(iter(explorer.play(frame, [action], stretch=False)))
    node = dream.add(at, played, words, expected=expected, swapped=position, by_hand=True)
    dream.text = words or dream.text
    dream.stand(node.id, is_open=True)


def own_instruction(page: Page, selection: Selection) -> str:
    """Return what the clip itself says is being done, or ""."""
    return page.bench.shelf.entry(selection.clip).instruction


def suggested(page: Page, selection: Selection) -> list[str]:
    """Return the clip's own instruction, where it has one, and a few of other clips."""
    found = [own] if (own := own_instruction(page, selection)) else []
    for entry in page.bench.shelf.entries(page.bench.group(selection.bundle)):
        if len(found) > NUM_SUGGESTIONS:
            break
        if entry.instruction and entry.instruction not in found:
            found.append(entry.instruction)
    return found


def suggestions_html(found: list[str]) -> str:
    """Return instructions as buttons."""
    cells = "".join(button(escape(words), "suggest", classes="suggestion", text=words) for words in found)
    return f'<div class="suggestions" role="group" aria-label="suggested instructions">{cells}</div>'


def _saver(page: Page, dreams: DreamStore):
    def save(request: dict) -> dict:
        """Return a film as a file, for the browser to keep."""
        try:
            dream = dreams.get(str(request.get("key")))
            film = dream.path(whole_number(request.get("node"), "a step"))
            return save_film(page.bench, stretched(film, dream.start), str(request.get("save")))
        except LapaError as error:
            return {"error": str(error)}

    return save
