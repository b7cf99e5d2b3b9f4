"""What the policy expects at a step, as bars whose every code is a button, and the ways to go on from there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapa.types import LapaError, LatentAction
from viz.tabs.dream_pad import pad_html, steering
from viz.tabs.dreams import ROOT, DreamTree
from viz.tabs.markup import button, chips, code_style, empty, section
from viz.tabs.page import Page
from viz.tabs.selection import whole_number

NO_POLICY = "This bundle has no policy, so it cannot follow instructions; choose the codes yourself."
NO_WORDS = "Write an instruction to see how likely the policy finds each code. Until then, choose the codes yourself."
NO_MOVES = "This bundle's index knows no movements, so the arrow keys cannot steer: press a code instead."

NUMBER_OVER_BAR = 0.55
"""Share from which on a bar is so high that its number stands on it."""


@dataclass(frozen=True)
class Choice:
    """A step to be chosen, or one that was: it follows step `parent`.

    Attributes:
        latent_action: the one chosen, or the likeliest, or what a swap starts from.
        distributions: float32 [l k], or None where no policy was asked.
        is_open: whether the step is still to be taken.
        instruction: under which it was, or is to be, taken.
    """

    parent: int
    latent_action: LatentAction
    distributions: np.ndarray | None
    is_open: bool
    instruction: str = ""


def choice(page: Page, dream: DreamTree, text: str) -> Choice:
    """Return the choice that the visitor looks at: that of the step shown, or the next one's."""
    node = dream.shown
    if node.id != ROOT and not dream.is_open:
        return Choice(node.parent, node.latent_action, node.distributions, False, node.instruction)
    return next_choice(page, dream, node.id, text)


def next_choice(page: Page, dream: DreamTree, parent_id: int, text: str) -> Choice:
    """Return what may follow a step: as the policy expects, else a repetition to start a swap from."""
    node, explorer = dream.node(parent_id), page.bench.explorer(dream.selection.bundle)
    if explorer.has_policy and text.strip():
        prediction = explorer.predict(node.frame, text)
        return Choice(parent_id, prediction.latent_action, prediction.distributions, True, text)
    return Choice(parent_id, node.latent_action or page.bench.seen(dream.selection), None, True, text)


def swapped(page: Page, dream: DreamTree, data: Mapping[str, Any], text: str) -> tuple[LatentAction, Choice, int]:
    """Read a press on a bar: the choice it belongs to with one token swapped, and the position of that token.

    Raises:
        LapaError: if the step, position or code does not exist.
    """
    if "of" in data:
        node = dream.node(whole_number(data["of"], "a step"))
        if node.id == ROOT:
            raise LapaError("no token led to the start: choose a later step")
        base = Choice(node.parent, node.latent_action, node.distributions, False, node.instruction or text)
    else:
        base = next_choice(page, dream, whole_number(data.get("at"), "a step"), text)
    tokens = list(base.latent_action.tokens)
    position = whole_number(data.get("position"), "a position")
    if not 0 <= position < len(tokens):
        raise LapaError(f"there is no position {position}: a latent action has {len(tokens)}")
    tokens[position] = whole_number(data.get("code"), "a code")
    return page.bench.read_tokens(dream.selection, "-".join(map(str, tokens))), base, position


def choice_html(page: Page, dream: DreamTree, text: str) -> str:
    """Return the bars of the step that is looked at, beside the ways to go on from the step shown."""
    explorer, found = page.bench.explorer(dream.selection.bundle), choice(page, dream, text)
    depth = dream.node(found.parent).depth + 1
    mark = {"at": found.parent} if found.is_open else {"of": dream.at}
    bars = bars_html(found.latent_action, found.distributions, mark, is_chosen=not found.is_open)
    if found.is_open:
        title, note = f"Step {depth}: what comes next?", "Press a code to take the step with it."
    else:
        title, note = f"Step {depth}: what was expected", "Press another code to branch off with it; nothing is lost."
    if found.distributions is not None:
        note = f"How likely the policy finds each code, given the codes above it. {note}"
    else:
        note = f"{NO_WORDS if explorer.has_policy else NO_POLICY} {note}"
    if not found.is_open and found.distributions is None:
        note = f"This step was steered by hand, so no policy was asked. {note[note.index('Press') :]}"
    return section(
        title, f'<div class="steer">{bars}<div class="ways">{_ways(page, dream, found)}</div></div>', note=note
    )


def bars_html(
    latent_action: LatentAction, distributions: np.ndarray | None, mark: Mapping[str, int], *, is_chosen: bool
) -> str:
    """Return one row of bars per position, one button per code; `mark` says which step they belong to."""
    num_codes, rows = latent_action.codebook_size, []
    place = "".join(f' data-{name}="{value}"' for name, value in mark.items())
    for position, token in enumerate(latent_action.tokens):
        row = None if distributions is None else distributions[position]
        cells = "".join(_bar(position, code, num_codes, row, token, place) for code in range(num_codes))
        rows.append(
            f'<div class="bars" role="group" aria-label="position {position}"><span class="position">position '
            f"{position}</span>{cells}</div>"
        )
    kind = "taken" if is_chosen else "open"
    return f'<div class="probabilities {kind}">{"".join(rows)}</div>'


def _bar(position: int, code: int, num_codes: int, row: Sequence[float] | None, token: int, place: str) -> str:
    share = 0.0 if row is None else float(row[code])
    style = f'{code_style(code, num_codes)[:-1]};--p:{share:.3f}"'
    chosen, pressed = (" chosen", "true") if code == token else ("", "false")
    high = " high" if share > NUMBER_OVER_BAR else ""
    said = f"position {position}, code {code}" + ("" if row is None else f": {share:.0%}")
    number = "" if row is None else f"<small>{share:.0%}</small>"
    return (
        f'<button type="button" class="bar{chosen}{high}" data-do="swap" data-position="{position}" data-code="{code}" '
        f'{place} data-focus="bar-{position}-{code}" aria-pressed="{pressed}" {style} aria-label="{said}">'
        f"<i></i><b>{code}</b>{number}</button>"
    )


def _ways(page: Page, dream: DreamTree, found: Choice) -> str:
    """Return the arrows and the likeliest step, both from the step shown."""
    explorer = page.bench.explorer(dream.selection.bundle)
    ways = steering(explorer.index)
    start = "the start" if dream.at == ROOT else f"step {dream.shown.depth}"
    parts = [f"<h4>Go on from {start}</h4>"]
    parts.append(pad_html(ways, dream.at) if ways else empty(NO_MOVES))
    if found.is_open and found.distributions is not None:
        action = found.latent_action
        inside = f"Take the likeliest {chips(action, 'small')}"
        spoken = f"take the likeliest step, {action.label}"
        parts.append(button(inside, "steer", label=spoken, tokens=action.label, at=found.parent, focus="likeliest"))
    elif found.distributions is None and found.is_open:
        action = found.latent_action
        inside, spoken = f"Take {chips(action, 'small')}", f"take {action.label}"
        parts.append(button(inside, "steer", label=spoken, tokens=action.label, at=found.parent, focus="likeliest"))
    return "".join(parts)
