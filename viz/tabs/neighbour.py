"""One transition of the index as a button: before and after in turn, tokens, where it is from; a press goes there."""

from __future__ import annotations

from html import escape

from lapa.types import Frame
from viz.figures.frames import blink_html
from viz.tabs.markup import button, chips
from viz.tabs.page import Page
from viz.tabs.selection import Selection
from viz.tabs.shelf import BoundedCache

PICTURES = BoundedCache(24 * 2**20, lambda made: len(made))
"""(quantizer, row) -> HTML: where an index ships no pictures, they are decoded from its videos, which takes long."""


def neighbour_html(page: Page, selection: Selection, row: int, note: str) -> str:
    """Return one transition of the index as a button."""
    explorer = page.bench.explorer(selection.bundle)
    index = explorer.index
    clip = int(index.clip[row])
    action = index.latent_action(row)
    shown = PICTURES.get((index.laq, len(index), row), lambda: _pictures(explorer.pictures(row)))
    words = escape(index.clip_instructions[clip] or index.clip_names[clip])
    inside = f'{shown}{chips(action, "small")}<span class="words">{words}</span><small>{escape(note)}</small>'
    label = f"transition {row}: {action.label}, {index.clip_instructions[clip]}"
    return button(inside, "row", label=label, classes="neighbour", row=row)


def _pictures(pair: tuple[Frame, Frame] | None) -> str:
    if pair is None:
        return '<span class="missing">its video is not on this machine</span>'
    return blink_html(*pair, alt="before and after", longer_side=160)
