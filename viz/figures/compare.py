"""Two pictures laid over each other: wiped by a slider, or taking turns. All pictures travel once; the page's script
switches between them, so that comparing costs no question to the server.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lapa.types import Frame
from viz.figures.frames import data_uri


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One thing to look at: two layers by name, what each is called, and the name of the choice."""

    name: str
    left: str
    right: str
    left_title: str
    right_title: str


def compare_html(layers: Mapping[str, Frame], choices: Sequence[Comparison], *, inverted: Sequence[str] = ()) -> str:
    """Return a picture that compares two `layers` at a time, with its controls; the first choice is shown.

    Layers have one size; those in `inverted` are drawn for a light page and are turned over on a dark one.
    """
    first = choices[0]
    pictures = "".join(
        f'<img data-layer="{html.escape(name)}" alt="" class="{_classes(name, first, inverted)}" '
        f'src="{data_uri(layer, kind="jpeg", quality=90)}">'
        for name, layer in layers.items()
    )
    buttons = "".join(
        f'<button type="button" data-compare="{html.escape(choice.left)} {html.escape(choice.right)}" '
        f'data-left="{html.escape(choice.left_title)}" data-right="{html.escape(choice.right_title)}" '
        f'aria-pressed="{str(choice is first).lower()}">{html.escape(choice.name)}</button>'
        for choice in choices
    )
    return (
        '<div class="lae-compare" style="--wipe:50%"><div class="layers" role="img" '
        f'aria-label="{html.escape(first.left_title)} beside {html.escape(first.right_title)}">{pictures}'
        f'<span class="side left">{html.escape(first.left_title)}</span>'
        f'<span class="side right">{html.escape(first.right_title)}</span><i class="edge"></i></div>'
        '<div class="tools"><input type="range" min="0" max="100" value="50" step="1" data-wipe '
        'aria-label="how much of the left picture is shown, in per cent">'
        '<button type="button" data-blink aria-pressed="false" title="Let the two take turns">Blink</button></div>'
        f'<div class="choices" role="group" aria-label="what is compared">{buttons}</div></div>'
    )


def _classes(name: str, shown: Comparison, inverted: Sequence[str]) -> str:
    side = "left" if name == shown.left else "right" if name == shown.right else ""
    return " ".join(part for part in (side, "inverted" if name in inverted else "") if part)
