"""A clip's whole token ribbon played on another clip's first frame, beside the source, and whether it was the same.

Each step that is drawn is encoded again: the tokens that come back are compared with those that were played. It is the
quantizer that reads its own drawings, so this flatters it; what chance would give stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape

import gradio as gr
import numpy as np

from lapa.explorer import Explorer
from lapa.types import Frame, LapaError, LatentAction, Step
from viz.figures.frames import animation_uri
from viz.tabs.exporting import exporter
from viz.tabs.film import PLAYED_SIDE, film_row, films, growing, moving
from viz.tabs.markup import empty, same_size, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection, whole_number
from viz.tabs.stopping import Stopping

MAX_WINDOWS = 32
FILM_FPS = 4.0
STARTS = ("Whole clip", "From the selected frame")
STOPPED = "Stopped. What was drawn so far stays; press Play to begin again."


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How many of the tokens played are read again from what was drawn, each in [0, 1].

    Attributes:
        tokens: of all tokens; first: of first tokens; chance: of all tokens with those of other steps.
    """

    tokens: float
    first: float
    chance: float


def build_transfer(page: Page) -> None:
    """Build the part."""
    stopping = Stopping()
    with gr.Column(elem_classes=["part-block"]):
        note = (
            "The tokens seen along this clip, one window after the other, played from its own frame and from a frame "
            f"of another clip: another scene, another camera, another body. Up to {MAX_WINDOWS} windows."
        )
        gr.HTML(section("The same actions on another scene", "", note=note), apply_default_css=False)
        with gr.Row(elem_classes=["controls"], elem_id="transfer-controls"):
            other = gr.Dropdown([], label="Other clip", elem_id="other-clip", elem_classes=["grow"], filterable=True)
            at = gr.Number(label="At frame", value=0, minimum=0, precision=0, elem_id="other-t", elem_classes=["tiny"])
            start = gr.Radio(
                STARTS, value=STARTS[0], label="Actions", elem_id="transfer-start", elem_classes=["segments"]
            )
            play = gr.Button("Play", variant="primary", elem_id="transfer-play")
            stop = gr.Button("Stop", elem_id="transfer-stop")
        film = act_html("transfer-film", server_functions=[exporter(page)])

    def run(selection: Selection, clip_id: str | None, t: float | None, begin: str) -> Iterator[Updates]:
        yield {film: running(empty("Reading the tokens of this clip ..."))}
        is_stopped = stopping.begin()
        try:
            for shown, is_done in transfer(page, selection, clip_id or "", whole_number(int(t or 0), "a frame"), begin):
                if not is_done and is_stopped():
                    yield {film: f"{empty(STOPPED)}{shown}"}
                    return
                yield {film: shown if is_done else running(shown)}
        except LapaError:
            yield {film: ""}
            raise

    page.stream(play.click, run, [other, at, start], [film])
    stop.click(stopping.press, None, None, show_progress="hidden", api_visibility="private")
    page.add_view("decode", [other], lambda s: {other: other_clips(page, s)}, key=lambda s: (s.bundle, s.clip))


def other_clips(page: Page, selection: Selection) -> gr.Dropdown:
    """Return the clips to choose from, all but the selected one."""
    shelf = page.bench.shelf
    entries = [entry for group in shelf.sources for entry in shelf.entries(group) if entry.id != selection.clip]
    return gr.Dropdown(
        [(f"{e.instruction or e.title} ({e.group})", e.id) for e in entries], value=entries[0].id if entries else None
    )


def transfer(page: Page, selection: Selection, clip_id: str, t: int, begin: str) -> Iterator[tuple[str, bool]]:
    """Yield the films as they grow, and at last with the agreement; True says that this is the last.

    Raises:
        LapaError: if the other frame is not there.
    """
    bench = page.bench
    explorer, clip, window = bench.explorer(selection.bundle), bench.clip(selection), bench.window(selection)
    target = bench.shelf.clip(clip_id)
    if not 0 <= t < target.num_frames:
        raise LapaError(f"frame {t} is outside the other clip: it has frames 0 to {target.num_frames - 1}")
    first = 0 if begin == STARTS[0] else selection.t
    times = range(first, clip.num_frames - window, window)[:MAX_WINDOWS]
    actions = explorer.encode_pairs([clip.frames[s] for s in times], [clip.frames[s + window] for s in times])
    here, there = clip.frames[first], target.frames[t]
    recorded = [clip.frames[s + window] for s in times]
    pairs = zip(
        growing(explorer.play(here, actions, stretch=False)),
        growing(explorer.play(there, actions, stretch=False)),
        strict=True,
    )
    for own, others in pairs:
        rows = [
            film_row("Recorded", here, own, recorded[: len(own)]),
            film_row("Decoded here", here, own, like=here),
            film_row("Decoded there", there, others, like=there),
        ]
        yield films(rows), False
    stages = [("recorded here", here, recorded), ("decoded here", here, own), ("decoded there", there, others)]
    stage = moving(
        [
            (title, animation_uri(_shown(start, steps), fps=FILM_FPS, longer_side=PLAYED_SIDE))
            for title, start, steps in stages
        ]
    )
    again = [agreement(explorer, start, steps) for start, steps in ((here, own), (there, others))]
    begun = replace(selection, t=first)
    save = export_buttons("transfer", begun, label="transfer", other=clip_id, other_t=t, steps=len(actions))
    yield f"{stage}{agreement_html(*again)}{films(rows)}{save}", True


def running(shown: str) -> str:
    """Mark what is shown as still growing: the style sheet then lights Stop."""
    return f'<div class="running" aria-busy="true">{shown}</div>'


def agreement(explorer: Explorer, start: Frame, steps: Sequence[Step]) -> Agreement:
    """Encode each step that was drawn and compare with what was played."""
    frames = [start, *(step.frame for step in steps)]
    found = explorer.encode_pairs(frames[:-1], frames[1:])
    return agreement_of([step.latent_action for step in steps], found)


def agreement_of(played: Sequence[LatentAction], found: Sequence[LatentAction]) -> Agreement:
    """Compare latent actions, step by step; chance is the same with the steps mixed up (0 for a single step)."""
    first, second = (np.array([action.tokens for action in actions]) for actions in (played, found))
    same = (first[:, None] == second[None]).mean(axis=2)
    apart = ~np.eye(len(first), dtype=bool)
    return Agreement(
        tokens=float(np.diag(same).mean()),
        first=float((first[:, 0] == second[:, 0]).mean()),
        chance=float(same[apart].mean()) if apart.any() else 0.0,
    )


def agreement_html(own: Agreement, others: Agreement) -> str:
    """Return the numbers as a small table."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{value:.0%}</td>" for value in (found.tokens, found.first, found.chance))
        + "</tr>"
        for name, found in (("decoded here", own), ("decoded there", others))
    )
    return (
        '<table class="agreement"><caption>Tokens read again from the pictures that were drawn</caption><thead><tr>'
        '<th scope="col"></th><th scope="col">all tokens</th><th scope="col">first token</th>'
        f'<th scope="col">by chance</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def _shown(start: Frame, steps: Sequence[Step] | Sequence[Frame]) -> list[Frame]:
    frames = [step.frame if isinstance(step, Step) else step for step in steps]
    return [start, *(same_size(frame, start) for frame in frames)]
