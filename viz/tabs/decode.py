"""Decode: the selected frame under any tokens. The editor is the comparison: a row per position, a picture per code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import gradio as gr
import numpy as np

from lapa.types import Frame, LapaError, LatentAction
from viz.figures.frames import signed_difference
from viz.tabs.actions import choose_tokens, common_actions
from viz.tabs.film import film_row, films, growing
from viz.tabs.markup import button, chips, code_style, figure, picture, same_size, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.selection import Selection, whole_number

MAX_CODES_SHOWN = 64
MAX_ACTIONS = 32
SHOWS = ("Picture", "Change")


def build_decode(page: Page) -> None:
    """Build the tab."""
    with gr.Tab("Decode", id="decode", elem_id="tab-decode", render_children=True):
        result = act_html("decoded")
        with gr.Row(elem_id="token-entry", elem_classes=["controls"]):
            typed = gr.Textbox(label="Tokens", placeholder="3-0-7-1", elem_id="typed-tokens", elem_classes=["narrow"])
            shows = gr.Radio(
                SHOWS, value=SHOWS[0], label="Show in the sheet", elem_id="shows", elem_classes=["segments"]
            )
        sheet = act_html("sheet")
        _build_sequence(page)
        _build_transfer(page)
    bench, actions = page.bench, common_actions(page.bench)

    def show_sheet(selection: Selection, shown: str) -> tuple[Selection, Updates]:
        return selection, {sheet: sheet_html(page, selection, shown)}

    page.on_act(result, {**actions, "random": lambda s, data: random_tokens(page, s)})
    page.on_act(sheet, actions)
    page.on(typed.submit, lambda s, text: choose_tokens(bench, s, text), [typed])
    page.on(shows.input, show_sheet, [shows], [sheet])
    page.add_view("decode", [result], lambda s: {result: result_html(page, s)})
    page.add_view("decode", [typed], lambda s: {typed: bench.chosen(s).label}, key=lambda s: bench.chosen(s).label)
    page.add_view("decode", [sheet, shows], lambda s: {sheet: sheet_html(page, s, SHOWS[0]), shows: SHOWS[0]})


def random_tokens(page: Page, selection: Selection) -> Selection:
    """Set tokens drawn at random; chance here is the visitor's, so it needs no seed."""
    explorer = page.bench.explorer(selection.bundle)
    drawn = np.random.default_rng().integers(explorer.codebook_size, size=explorer.code_seq_len)
    return replace(selection, tokens=tuple(drawn.tolist()), row=None)


def result_html(page: Page, selection: Selection) -> str:
    """Return the frame, the frame under the chosen tokens, and what they change."""
    bench = page.bench
    pair, chosen = bench.pair(selection), bench.chosen(selection)
    decoded = bench.explorer(selection.bundle).decode(pair.frame, chosen)
    start = same_size(pair.frame, decoded)
    tools = button("Random tokens", "random") + button(
        "Back to the tokens seen here", "seen", classes="button" if selection.tokens else "button off"
    )
    return (
        '<div class="grid three">'
        + figure(pair.frame, f"Frame {pair.t}", "now")
        + figure(decoded, f"Under {chosen.label}", "decoded", classes="main")
        + figure(signed_difference(start, decoded), "What the tokens change", "decoded minus now", classes="diff")
        + f'</div><div class="toolbar">{chips(chosen, "large")}{tools}</div>'
    )


def sheet_html(page: Page, selection: Selection, shown: str) -> str:
    """Return the contact sheet: row = position, column = code at that position, the other tokens as chosen."""
    explorer, frame = page.bench.explorer(selection.bundle), page.bench.frame(selection)
    chosen = page.bench.chosen(selection).tokens
    num_codes = min(explorer.codebook_size, MAX_CODES_SHOWN)
    variants = [
        (*chosen[:position], code, *chosen[position + 1 :])
        for position in range(len(chosen))
        for code in range(num_codes)
    ]
    decoded = explorer.decode_many(frame, variants)
    if shown == SHOWS[1]:
        start = same_size(frame, decoded[0])
        decoded = [signed_difference(start, after) for after in decoded]
    rows = []
    for position, token in enumerate(chosen):
        row = decoded[position * num_codes : (position + 1) * num_codes]
        cells = "".join(
            _cell(after, position, code, code == token, code_style(code, explorer.codebook_size))
            for code, after in enumerate(row)
        )
        rows.append(
            f'<div class="sheet-row" role="radiogroup" aria-label="position {position}">'
            f'<span class="position">position {position}</span>{cells}</div>'
        )
    note = (
        "Each row swaps one token and keeps the others. Press a picture to choose it; on the keyboard, type a code's "
        "digit, and move between positions and codes with the arrow keys."
    )
    kind = " diff" if shown == SHOWS[1] else ""
    columns = f"--codes:{min(num_codes, 8)}"
    return section(
        "Every code at every position",
        f'<div class="sheet{kind}" style="{columns}" data-editor>{"".join(rows)}</div>',
        note=note,
    )


def _cell(frame: Frame, position: int, code: int, is_chosen: bool, style: str) -> str:
    label = f"position {position}, code {code}"
    return (
        f'<button type="button" role="radio" class="sheet-cell" data-do="token" data-position="{position}" '
        f'data-code="{code}" {style} aria-checked="{str(is_chosen).lower()}" tabindex="{0 if is_chosen else -1}" '
        f'aria-label="{label}">{picture(frame, label, side=200)}<b>{code}</b></button>'
    )


def _build_sequence(page: Page) -> None:
    with gr.Column(elem_classes=["part-block"]):
        gr.HTML(
            section(
                "A sequence of latent actions",
                "",
                note="Played from the selected frame, the decoder fed with its own pictures.",
            ),
            apply_default_css=False,
        )
        with gr.Row(elem_classes=["controls"]):
            written = gr.Textbox(
                label="Latent actions, separated by spaces",
                placeholder="3-0-7-1 3-0-7-1 2-2-0-5",
                elem_id="sequence",
                elem_classes=["grow"],
            )
            add = gr.Button("Add the chosen one", elem_id="sequence-add")
            play = gr.Button("Play", variant="primary", elem_id="sequence-play")
        film = act_html("sequence-film")

    def append(selection: Selection, text: str) -> tuple[Selection, Updates]:
        return selection, {written: f"{text} {page.bench.chosen(selection).label}".strip()}

    def run(selection: Selection, text: str) -> Iterator[Updates]:
        actions = read_sequence(page, selection, text)
        frame = page.bench.frame(selection)
        for steps in growing(page.bench.explorer(selection.bundle).play(frame, actions)):
            yield {film: films([film_row("Decoded", frame, steps)], steps[-1].frame)}

    page.on(add.click, append, [written], [written])
    page.stream(play.click, run, [written], [film])
    page.stream(written.submit, run, [written], [film])


def read_sequence(page: Page, selection: Selection, text: str) -> list[LatentAction]:
    """Read latent actions separated by spaces, commas or line ends.

    Raises:
        LapaError: if there is none, too many, or one cannot be read.
    """
    words = text.replace(",", " ").split()
    if not 1 <= len(words) <= MAX_ACTIONS:
        raise LapaError(f"{len(words)} latent actions were given: write 1 to {MAX_ACTIONS}, such as 3-0-7-1 2-2-0-5")
    return [page.bench.read_tokens(selection, word) for word in words]


def _build_transfer(page: Page) -> None:
    with gr.Column(elem_classes=["part-block"]):
        gr.HTML(
            section(
                "The same actions on another scene",
                "",
                note="The tokens seen along this clip, played from its own frame and from a frame of another clip.",
            ),
            apply_default_css=False,
        )
        with gr.Row(elem_classes=["controls"]):
            other = gr.Dropdown([], label="Other clip", elem_id="other-clip", elem_classes=["grow"], filterable=True)
            at = gr.Number(label="At frame", value=0, minimum=0, precision=0, elem_id="other-t", elem_classes=["tiny"])
            count = gr.Slider(1, 12, value=6, step=1, label="Windows", elem_classes=["narrow"], buttons=[])
            play = gr.Button("Play", variant="primary", elem_id="transfer-play")
        film = act_html("transfer-film")

    def choices(selection: Selection) -> Updates:
        shelf = page.bench.shelf
        entries = [entry for group in shelf.sources for entry in shelf.entries(group) if entry.id != selection.clip]
        return {
            other: gr.Dropdown(
                [(f"{e.instruction or e.title} ({e.group})", e.id) for e in entries],
                value=entries[0].id if entries else None,
            )
        }

    def run(selection: Selection, clip_id: str | None, t: float | None, windows: int) -> Iterator[Updates]:
        bench = page.bench
        explorer, clip, window = bench.explorer(selection.bundle), bench.clip(selection), bench.window(selection)
        target = bench.shelf.clip(clip_id or "")
        t = whole_number(int(t or 0), "a frame number")
        if not 0 <= t < target.num_frames:
            raise LapaError(f"frame {t} is outside the other clip: it has frames 0 to {target.num_frames - 1}")
        times = range(selection.t, clip.num_frames - window, window)[: int(windows)]
        actions = explorer.encode_pairs([clip.frames[s] for s in times], [clip.frames[s + window] for s in times])
        here, there = clip.frames[selection.t], target.frames[t]
        recorded = [clip.frames[s + window] for s in times]
        pairs = zip(growing(explorer.play(here, actions)), growing(explorer.play(there, actions)), strict=True)
        for own, others in pairs:
            rows = [
                film_row("Recorded", here, own, recorded[: len(own)]),
                film_row("Decoded here", here, own),
                film_row("Decoded there", there, others),
            ]
            yield {film: films(rows)}

    page.stream(play.click, run, [other, at, count], [film])
    page.add_view("decode", [other], choices, key=lambda s: (s.bundle, s.clip))
