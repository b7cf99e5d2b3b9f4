"""Instructions side by side: one start, one seed, step by step, and how far apart the policy's expectations are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lapa.types import LapaError
from viz.figures.distributions import divergence_bits
from viz.tabs.dream_stage import film_cell, progress_html, recorded_frames, recorded_row
from viz.tabs.dreams import ROOT, DreamTree, Node, Run
from viz.tabs.markup import empty
from viz.tabs.page import Page

FEWEST, MOST = 2, 4
HINT = (
    "Two to four, one per line, from the same frame with the same seed. The bars say how far apart the policy's "
    "expectations are: bits per token (Jensen-Shannon), 0 alike, 1 nothing in common."
)


def read_instructions(text: str) -> list[str]:
    """Read instructions, one per line; repetitions count once.

    Raises:
        LapaError: if there are fewer than 2 or more than 4.
    """
    lines = list(dict.fromkeys(" ".join(line.split()) for line in text.splitlines() if line.strip()))
    if not FEWEST <= len(lines) <= MOST:
        count = "1 instruction was" if len(lines) == 1 else f"{len(lines)} different instructions were"
        raise LapaError(f"{count} given: write {FEWEST} to {MOST}, one per line")
    return lines


def compare(
    page: Page, dream: DreamTree, instructions: Sequence[str], num_steps: int, options: dict[str, float | int]
) -> Iterator[int]:
    """Dream every instruction from the start, all by one step at a time; yield the number of steps done.

    The films are lanes of the dream's tree.
    """
    explorer = page.bench.explorer(dream.selection.bundle)
    films = [explorer.rollout(dream.start, text, num_steps, stretch=False, **options) for text in instructions]
    dream.compared, tips = (), [ROOT] * len(films)
    for done, steps in enumerate(zip(*films, strict=True), 1):
        tips = [dream.add(tip, step, text).id for tip, step, text in zip(tips, steps, instructions, strict=True)]
        dream.compared = tuple(tips)
        yield done


def compare_html(page: Page, dream: DreamTree, run: Run | None = None) -> str:
    """Return the compared films under each other, each after the first with its distance from the first."""
    if not dream.compared:
        return empty("Press Compare to see the films under each other, and where they part.")
    films = [dream.path(tip) for tip in dream.compared]
    longest = max(len(film) for film in films)
    frames = recorded_frames(page, dream, longest)
    rows = [recorded_row(frames, dream.start, [])] if frames else []
    rows += [_film_row(dream, film, films[0] if i else None) for i, film in enumerate(films)]
    below = progress_html(run, f"dreaming {len(films)} films") if run else ""
    state = " running" if run else ""
    return f'<div class="compare{state}"><div class="film-rows">{"".join(rows)}</div>{below}</div>'


def distances(film: Sequence[Node], first: Sequence[Node]) -> list[float | None]:
    """Return per step how far a film's expectations are from the first's: bits per token, 0 to 1; None if unknown."""
    return [
        None
        if a.distributions is None or b.distributions is None
        else float(divergence_bits(a.distributions, b.distributions).mean())
        for a, b in zip(film, first, strict=False)
    ]


def parting(film: Sequence[Node], first: Sequence[Node]) -> int | None:
    """Return the first step (from 1) at which two films take different tokens, or None if they never do."""
    pairs = enumerate(zip(film, first, strict=False), 1)
    return next((step for step, (a, b) in pairs if a.latent_action.tokens != b.latent_action.tokens), None)


def _film_row(dream: DreamTree, film: Sequence[Node], first: Sequence[Node] | None) -> str:
    cells = [
        f'<figure class="film-cell"><img src="{dream.root.image}" alt="start"><figcaption>start</figcaption></figure>'
    ]
    parts_at = None if first is None else parting(film, first)
    for node in film:
        cells.append(film_cell(node, is_shown=False, classes="parts" if node.depth == parts_at else ""))
    note, bars = "", ""
    if first is not None:
        where = "takes the same tokens throughout" if parts_at is None else f"parts at step {parts_at}"
        note = f"<small>{where}</small>"
        bars = _distance_row(distances(film, first))
    title = f"<h5>{escape(film[-1].instruction)}{note}</h5>"
    return f'<div class="film-row">{title}<div class="film-cells">{"".join(cells)}</div>{bars}</div>'


def _distance_row(values: Sequence[float | None]) -> str:
    cells = ['<span class="distance name">bits from the first</span>']
    for step, value in enumerate(values, 1):
        if value is None:
            cells.append('<span class="distance">not asked</span>')
            continue
        said = f"step {step}: {value:.3f} bits per token from the first film's expectations"
        cells.append(
            f'<span class="distance" style="--p:{value**0.5:.3f}" role="img" aria-label="{said}" title="{said}"><i></i>'
            f"<small>{value:.2f}</small></span>"
        )
    return f'<div class="distances">{"".join(cells)}</div>'
