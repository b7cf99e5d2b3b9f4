"""Films of rollouts as HTML: one row of frames per rollout, growing while it is dreamed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from lapa.types import Frame, Step
from viz.tabs.markup import chips, picture, same_size

FILM_SIDE, PLAYED_SIDE = 144, 480
"""Longer sides of a film's small pictures, and of one that plays, in pixels."""


def growing(steps: Iterable[Step]) -> Iterator[list[Step]]:
    """Yield the list of steps so far, after each step."""
    done: list[Step] = []
    for step in steps:
        done.append(step)
        yield done


def film_row(
    title: str,
    start: Frame,
    steps: Sequence[Step],
    frames: Sequence[Frame] | None = None,
    *,
    like: Frame | None = None,
) -> str:
    """Return one film: the start, then each step's frame over its tokens.

    `frames` replaces the steps' own pictures: then it is a recording, and shows no tokens. `like` gives the steps'
    pictures its proportions.
    """
    cells = [
        f'<figure class="film-cell">{picture(start, "start", side=FILM_SIDE)}<figcaption>start</figcaption></figure>'
    ]
    shown = [step.frame for step in steps] if frames is None else frames
    for i, frame in enumerate(shown):
        frame = frame if like is None else same_size(frame, like)
        caption = chips(steps[i].latent_action, "small") if frames is None else f"+{i + 1}"
        image = picture(frame, f"{title}, step {i + 1}", side=FILM_SIDE)
        cells.append(f'<figure class="film-cell" data-step="{i}">{image}<figcaption>{caption}</figcaption></figure>')
    return f'<div class="film-row"><h5>{escape(title)}</h5><div class="film-cells">{"".join(cells)}</div></div>'


def films(rows: Sequence[str], large: Frame | None = None, title: str = "the latest frame", *, stage: str = "") -> str:
    """Return rows of film under each other, beside the latest frame in large, or beside `stage`."""
    if large is not None:
        stage = f'<div class="stage">{picture(large, title)}<small>{escape(title)}</small></div>'
    return f'<div class="films" data-follow>{stage}<div class="film-rows">{"".join(rows)}</div></div>'


def moving(played: Sequence[tuple[str, str]]) -> str:
    """Return films that play beside each other: (title, address of an animated picture)."""
    cells = "".join(
        f'<figure class="stage"><img src="{uri}" alt="{escape(title)}, playing"><small>{escape(title)}</small></figure>'
        for title, uri in played
    )
    return f'<div class="playing">{cells}</div>'
