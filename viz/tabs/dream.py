"""Dream: an instruction becomes a rollout, step by step, beside what was recorded; any step can be steered by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import gradio as gr

from lapa.types import LapaError, LatentAction, Step
from viz.tabs.dreams import MAX_STEPS, Dream, Dreams, steering
from viz.tabs.film import film_row, films
from viz.tabs.markup import button, chips, code_style, empty, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.saving import SAVE_KINDS, save_film
from viz.tabs.selection import Selection, whole_number

NUM_SUGGESTIONS = 5
ARROWS = {"left": "\u2190", "up": "\u2191", "down": "\u2193", "right": "\u2192"}


def build_dream(page: Page) -> None:
    """Build the tab."""
    bench, dreams = page.bench, Dreams(page.bench)
    with gr.Tab("Dream", id="dream", elem_id="tab-dream", render_children=True):
        with gr.Row(elem_classes=["controls"], elem_id="dream-controls"):
            text = gr.Textbox(
                label="Instruction",
                placeholder="push the red star to the left",
                max_length=2000,
                elem_id="instruction",
                elem_classes=["grow"],
            )
            num_steps = gr.Slider(1, 32, value=8, step=1, label="Steps", elem_classes=["narrow"], buttons=[])
            heat = gr.Slider(0, 2, value=0, step=0.1, label="Temperature", elem_classes=["narrow"], buttons=[])
            seed = gr.Number(label="Seed", value=0, precision=0, minimum=0, elem_classes=["tiny"])
            go = gr.Button("Dream", variant="primary", elem_id="dream-go")
            stop = gr.Button("Stop", elem_id="dream-stop")
        suggestions = act_html("suggestions")
        stage = act_html("stage", server_functions=[_saver(page, dreams)])
        expected = act_html("expected")
    dream_id = gr.State("", time_to_live=4 * 3600)

    def run(selection: Selection, text: str, steps: float, heat: float, seed: float | None) -> Iterator[Updates]:
        explorer = bench.explorer(selection.bundle)
        started = explorer.rollout(
            bench.frame(selection),
            text,
            int(steps),
            temperature=float(heat),
            seed=whole_number(int(seed or 0), "a seed"),
        )
        key = dreams.begin(selection)
        dream = dreams.get(key)
        for step in started:
            dream.add(step)
            yield {dream_id: key, stage: stage_html(dream, key), expected: expected_html(page, dream, step)}
        yield {stage: stage_html(dream, key, is_done=True), expected: next_html(page, dream, text)}

    def steer(selection: Selection, data: Mapping[str, Any], key: str, text: str) -> tuple[Selection, Updates]:
        dream = dreams.get(key)
        tokens = str(data.get("tokens", ""))
        if "position" in data:
            tokens = _swapped(page, dream, text, data)
        step = take_step(page, dream, page.bench.read_tokens(dream.selection, tokens))
        dream.add(step)
        return selection, {stage: stage_html(dream, key, is_done=True), expected: next_html(page, dream, text)}

    def suggest(selection: Selection, data: Mapping[str, Any], *_: Any) -> tuple[Selection, Updates]:
        return selection, {text: str(data.get("text", ""))[:500]}

    started = [
        page.stream(event, run, [text, num_steps, heat, seed], [dream_id, stage, expected])
        for event in (go.click, text.submit)
    ]
    stop.click(None, None, None, cancels=started, api_visibility="private")
    page.on_act(expected, {"steer": steer}, [dream_id, text], [stage, expected])
    page.on_act(suggestions, {"suggest": suggest}, [], [text])

    def show_start(selection: Selection) -> Updates:
        key = dreams.begin(selection)
        dream = dreams.get(key)
        own = own_instruction(page, selection)
        return {dream_id: key, stage: stage_html(dream, key), expected: next_html(page, dream, own)}

    def show_text(selection: Selection) -> Updates:
        return {text: own_instruction(page, selection), suggestions: suggestions_html(page, selection)}

    page.add_view("dream", [text, suggestions], show_text, key=lambda s: (s.bundle, s.clip))
    page.add_view("dream", [dream_id, stage, expected], show_start, key=lambda s: (s.bundle, s.clip, s.t, s.window_s))


def own_instruction(page: Page, selection: Selection) -> str:
    """Return what the clip itself says is being done, or ""."""
    return page.bench.shelf.entry(selection.clip).instruction


def suggestions_html(page: Page, selection: Selection) -> str:
    """Return a few instructions of other clips as buttons."""
    own, found = own_instruction(page, selection), []
    for entry in page.bench.shelf.entries(page.bench.group(selection.bundle)):
        if entry.instruction and entry.instruction not in (own, *found):
            found.append(entry.instruction)
        if len(found) == NUM_SUGGESTIONS:
            break
    options = [own, *found] if own else found
    cells = "".join(button(escape(words), "suggest", classes="suggestion", text=words) for words in options)
    return f'<div class="suggestions" aria-label="suggested instructions">{cells}</div>'


def stage_html(dream: Dream, key: str, *, is_done: bool = False) -> str:
    """Return the film so far over what was recorded, beside the latest frame."""
    rows = [film_row("Dreamed", dream.start, dream.steps)]
    if dream.recorded:
        shown = dream.recorded[: max(len(dream.steps), 1)]
        rows.append(film_row("Recorded", dream.start, dream.steps, shown))
    saves = "".join(
        f'<button type="button" class="quiet" data-save="{kind}" data-key="{key}">Save {kind.upper()}</button>'
        for kind in SAVE_KINDS
    )
    toolbar = f'<div class="toolbar">{saves}</div>' if is_done and dream.steps else ""
    title = f"step {len(dream.steps)}" if dream.steps else "start"
    return films(rows, dream.latest, title) + toolbar


def next_html(page: Page, dream: Dream, text: str) -> str:
    """Return what the policy expects after the latest frame, every code a button that takes the step."""
    explorer = page.bench.explorer(dream.selection.bundle)
    pad = pad_html(page, dream)
    if not explorer.has_policy:
        return section("Steer by hand", pad, note="This bundle has no policy, so it cannot follow instructions.")
    if not text.strip():
        return section("Steer by hand", pad + empty("Write an instruction to see what the policy expects."))
    prediction = explorer.predict(dream.latest, text)
    probabilities = probabilities_html(prediction.distributions, prediction.latent_action, can_steer=True)
    likeliest = button(
        f"Take the likeliest step {chips(prediction.latent_action, 'small')}",
        "steer",
        tokens=prediction.latent_action.label,
    )
    note = "How likely the policy finds each code next. Press one to take that step with it; the arrows move the robot."
    if not pad:
        note = "How likely the policy finds each code next. Press one to take that step with it."
    return section("Steer by hand", f'<div class="steer">{probabilities}<div>{pad}{likeliest}</div></div>', note=note)


def expected_html(page: Page, dream: Dream, step: Step) -> str:
    """Return how likely the policy found each code at a step that was just taken."""
    bars = probabilities_html(step.distributions, step.latent_action, can_steer=False)
    return section(f"What the policy expected at step {step.index + 1}", f'<div class="steer">{bars}</div>')


def probabilities_html(distributions, latent_action: LatentAction, *, can_steer: bool) -> str:
    """Return one row of bars per position, one bar per code."""
    rows = []
    for position, row in enumerate(distributions):
        cells = []
        for code, share in enumerate(row):
            style = code_style(code, latent_action.codebook_size)[:-1] + f';--p:{share:.3f}"'
            is_chosen = latent_action.tokens[position] == code
            label = f"position {position}, code {code}: {share:.0%}"
            chosen = " chosen" if is_chosen else ""
            inside = f"<i></i><b>{code}</b><small>{share:.0%}</small>"
            if can_steer:
                act = f'data-do="steer" data-position="{position}" data-code="{code}"'
                cells.append(
                    f'<button type="button" class="bar{chosen}" {act} {style} aria-label="{label}">{inside}</button>'
                )
            else:
                cells.append(f'<span class="bar{chosen}" {style} title="{label}">{inside}</span>')
        rows.append(f'<div class="bars"><span class="position">position {position}</span>{"".join(cells)}</div>')
    return f'<div class="probabilities">{"".join(rows)}</div>'


def pad_html(page: Page, dream: Dream) -> str:
    """Return four arrows that move the robot, where the index knows which latent actions move it where."""
    ways = steering(page.bench.explorer(dream.selection.bundle).index)
    if not ways:
        return ""
    keys = "".join(
        button(
            f"{ARROWS[name]}{chips(ways[name], 'small')}",
            "steer",
            label=f"move {name}: {ways[name].label}",
            classes=f"arrow {name}",
            tokens=ways[name].label,
            arrow=name,
        )
        for name in ("up", "left", "right", "down")
    )
    return f'<div class="pad" data-pad>{keys}</div>'


def take_step(page: Page, dream: Dream, latent_action: LatentAction) -> Step:
    """Take one step from the latest frame, given the tokens."""
    if len(dream.steps) >= MAX_STEPS:
        raise LapaError(f"a dream ends after {MAX_STEPS} steps: press Dream to start another")
    return next(iter(page.bench.explorer(dream.selection.bundle).play(dream.latest, [latent_action])))


def _swapped(page: Page, dream: Dream, text: str, data: Mapping[str, Any]) -> str:
    """Return the likeliest next latent action with one token swapped, as text."""
    explorer = page.bench.explorer(dream.selection.bundle)
    tokens = list(explorer.predict(dream.latest, text).latent_action.tokens)
    position = whole_number(data.get("position"), "a position")
    if not 0 <= position < len(tokens):
        raise LapaError(f"there is no position {position}: a latent action has {len(tokens)}")
    tokens[position] = whole_number(data.get("code"), "a code")
    return "-".join(map(str, tokens))


def _saver(page: Page, dreams: Dreams):
    def save(request: dict) -> dict:
        """Return a dream as a file, for the browser to keep."""
        try:
            dream = dreams.get(str(request.get("key")))
            frames = [dream.start, *(step.frame for step in dream.steps)]
            return save_film(page.bench, frames, str(request.get("save")))
        except LapaError as error:
            return {"error": str(error)}

    return save
