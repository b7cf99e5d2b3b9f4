"""The film of a dream: the step that is shown in large, every step to press, and the recording beneath it."""

from __future__ import annotations

from html import escape

from lapa.types import Frame, LatentAction
from viz.tabs.dreams import FILM_SIDE, ROOT, DreamTree, Node, Run
from viz.tabs.markup import button, chips, picture, same_size
from viz.tabs.page import Page
from viz.tabs.saving import SAVE_KINDS, export_buttons


def stage_html(page: Page, dream: DreamTree, note: str = "") -> str:
    """Return the stage: the film of a dream, with its progress while it is being dreamed; `note` is said beneath."""
    film = dream.film()
    rows = _dreamed_row(dream, film) + _recorded_row(page, dream, len(film))
    large = picture(same_size(dream.shown.frame, dream.start), where(dream))
    stage = f'<div class="stage">{large}<small>{escape(where(dream))}</small></div>'
    run = dream.run
    below = progress_html(run, "dreaming") if run else _tools(dream, film)
    said = note or where(dream)
    state = " running" if run else ""
    told = f'<p class="lead">{escape(note)}</p>' if note else ""
    films = f'<div class="films">{stage}<div class="film-rows">{rows}</div></div>'
    return f'<div class="dream{state}" data-said="{escape(said)}">{films}{told}{below}</div>'


def where(dream: DreamTree) -> str:
    """Return where in the film the visitor stands, in words."""
    node = dream.shown
    if node.id == ROOT:
        return "the start"
    return f"step {node.depth} of {len(dream.film())}, {node.latent_action.label}"


def progress_html(run: Run, what: str) -> str:
    """Return how far a run has come."""
    return (
        f'<div class="toolbar"><progress max="{run.asked}" value="{run.done}" aria-label="{what}"></progress>'
        f"<small>{what}, step {min(run.done + 1, run.asked)} of {run.asked}; Stop keeps what is there</small></div>"
    )


def recorded_frames(page: Page, dream: DreamTree, most: int) -> list[Frame]:
    """Return the true frames one window apart after the start, as far as the clip goes."""
    clip, window = page.bench.clip(dream.selection), page.bench.window(dream.selection)
    return [clip.frames[t] for t in range(dream.selection.t + window, clip.num_frames, window)[:most]]


def recorded_actions(page: Page, dream: DreamTree, most: int) -> list[LatentAction]:
    """Return what the quantizer sees between the recorded frames, one window apart."""
    frames = [dream.start, *recorded_frames(page, dream, most)]
    return page.bench.explorer(dream.selection.bundle).encode_pairs(frames[:-1], frames[1:]) if frames[1:] else []


def film_cell(node: Node, *, is_shown: bool, name: str = "step", classes: str = "") -> str:
    """Return one step of a film as a button that shows it."""
    spoken = f"{name} {node.depth}: {node.latent_action.label}"
    current = ' aria-current="true"' if is_shown else ""
    marked = f"{classes} swapped" if node.by_hand else classes
    return (
        f'<button type="button" class="film-cell {marked}" data-do="show" data-node="{node.id}" '
        f'data-focus="step-{node.id}" aria-label="{escape(spoken)}"{current}>'
        f'<img src="{node.image}" alt="">{chips(node.latent_action, "small")}</button>'
    )


def recorded_row(frames: list[Frame], start: Frame, actions: list[LatentAction], tools: str = "") -> str:
    """Return the recording as a row of film, with the tokens that the quantizer sees in it if they are given."""
    cells = [
        f'<figure class="film-cell">{picture(start, "start", side=FILM_SIDE)}<figcaption>start</figcaption></figure>'
    ]
    for i, frame in enumerate(frames):
        caption = chips(actions[i], "small") if actions else f"+{i + 1}"
        image = picture(frame, f"recorded, {i + 1} windows later", side=FILM_SIDE)
        cells.append(f'<figure class="film-cell">{image}<figcaption>{caption}</figcaption></figure>')
    return (
        f'<div class="film-row recorded"><h5>Recorded{tools}</h5><div class="film-cells">{"".join(cells)}</div></div>'
    )


def _dreamed_row(dream: DreamTree, film: list[Node]) -> str:
    at_start = ' aria-current="true"' if dream.at == ROOT and film else ""
    cells = [
        f'<button type="button" class="film-cell" data-do="show" data-node="{ROOT}" data-focus="step-{ROOT}" '
        f'aria-label="the start"{at_start}><img src="{dream.root.image}" alt=""><span class="when">start</span>'
        "</button>"
    ]
    cells += [film_cell(node, is_shown=node.id == dream.at and not dream.is_open) for node in film]
    opened = ' aria-current="true"' if dream.is_open else ""
    cells.append(
        f'<button type="button" class="film-next" data-do="next" data-node="{dream.tip}" data-focus="next" '
        f'aria-label="choose the next step"{opened}><b>+</b><span class="when">next</span></button>'
    )
    title = film[-1].instruction if film and film[-1].instruction else "Dreamed"
    return f'<div class="film-row"><h5>{escape(title)}</h5><div class="film-cells">{"".join(cells)}</div></div>'


def _recorded_row(page: Page, dream: DreamTree, num_steps: int) -> str:
    frames = recorded_frames(page, dream, max(num_steps, 1))
    if not frames:
        return '<p class="empty">The recording ends here, so there is no truth to compare with.</p>'
    actions = recorded_actions(page, dream, len(frames)) if dream.shows_truth else []
    tools = button(
        "tokens seen in it",
        "truth",
        classes="quiet",
        pressed=dream.shows_truth,
        label="show the tokens that the quantizer sees in the recording",
        focus="truth",
    )
    return recorded_row(frames, dream.start, actions, tools)


def _tools(dream: DreamTree, film: list[Node]) -> str:
    if not film:
        return ""
    saves = "".join(
        f'<button type="button" class="quiet" data-save="{kind}" data-key="{dream.id}" data-node="{dream.tip}">'
        f"Save {kind.upper()}</button>"
        for kind in SAVE_KINDS
    )
    play = (
        '<button type="button" class="quiet" data-film-play data-focus="play" aria-pressed="false">Play film</button>'
    )
    keys = '<small class="keys"><kbd>,</kbd> <kbd>.</kbd> step through &nbsp; <kbd>P</kbd> play</small>'
    tokens = " ".join(node.latent_action.label for node in film)
    save = export_buttons("strip", dream.selection, label="film strip", tokens=tokens)
    return f'<div class="toolbar">{play}{saves}{keys}</div>{save}'
