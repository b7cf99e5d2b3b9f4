"""A sequence of latent actions, written by hand, played as a film from the selected frame."""

from __future__ import annotations

from collections.abc import Iterator

import gradio as gr

from lapa.types import LapaError, LatentAction
from viz.figures.frames import animation_uri
from viz.tabs.film import PLAYED_SIDE, film_row, films, growing, moving
from viz.tabs.markup import same_size, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.selection import Selection

MAX_ACTIONS = 32
FILM_FPS = 4.0


def build_sequence(page: Page) -> None:
    """Build the part."""
    with gr.Column(elem_classes=["part-block"]):
        note = "Played from the selected frame, the decoder fed with its own pictures."
        gr.HTML(section("A sequence of latent actions", "", note=note), apply_default_css=False)
        with gr.Row(elem_classes=["controls"]):
            written = gr.Textbox(
                label=f"Latent actions, separated by spaces (up to {MAX_ACTIONS})",
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
        shown = [same_size(frame, steps[-1].frame), *(step.frame for step in steps)]
        stage = moving([("the film", animation_uri(shown, fps=FILM_FPS, longer_side=PLAYED_SIDE))])
        yield {film: films([film_row("Decoded", frame, steps)], stage=stage)}

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
