"""The arrows: which latent action moved the labelled body most to the left, right, up and down, as measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lapa.types import LatentAction, LatentIndex
from viz.tabs.markup import button, chips

MIN_ROWS = 3
"""Transitions a sequence needs in the index before its mean movement is believed."""
DIRECTIONS = {"up": (0.0, 1.0), "left": (-1.0, 0.0), "right": (1.0, 0.0), "down": (0.0, -1.0)}
ARROWS = {"left": "\u2190", "up": "\u2191", "down": "\u2193", "right": "\u2192"}
HINT = (
    '<p class="keys"><kbd>\u2190</kbd> <kbd>\u2191</kbd> <kbd>\u2193</kbd> <kbd>\u2192</kbd> steer from anywhere on '
    "the page; presses wait in line. <span data-waiting></span></p>"
)


@dataclass(frozen=True)
class Way:
    """A latent action and how it moves the body on average, in metres (x right, y forward), over `count` rows."""

    latent_action: LatentAction
    x: float
    y: float
    count: int


@lru_cache(maxsize=8)
def steering(index: LatentIndex | None) -> Mapping[str, Way]:
    """Return, per direction, the latent action after which the labelled body moved most that way and least sideways.

    Empty where the index knows no movements.
    """
    if index is None:
        return {}
    known = np.isfinite(index.displacement).all(axis=1)
    codes, where, counts = np.unique(index.codes[known], return_inverse=True, return_counts=True)
    if not (counts >= MIN_ROWS).any():
        return {}
    sums = np.zeros((len(codes), 2))
    np.add.at(sums, where, index.displacement[known])
    enough = counts >= MIN_ROWS
    means, codes, counts = (sums / counts[:, None])[enough], codes[enough], counts[enough]
    found = {}
    for name, way in DIRECTIONS.items():
        best = int(np.argmax(means @ np.array(way) - np.abs(means @ np.array([-way[1], way[0]]))))
        action = LatentAction.from_code(
            int(codes[best]), code_seq_len=index.code_seq_len, codebook_size=index.codebook_size
        )
        found[name] = Way(action, float(means[best, 0]), float(means[best, 1]), int(counts[best]))
    return found


def pad_html(ways: Mapping[str, Way], at: int) -> str:
    """Return four arrows that take a step from step `at`; each says how far it moves the body."""
    keys = "".join(_arrow(name, ways[name], at) for name in DIRECTIONS)
    return f'<div class="pad" data-pad role="group" aria-label="steer">{keys}</div>{HINT}'


def _arrow(name: str, way: Way, at: int) -> str:
    centimetres = 100 * float(np.hypot(way.x, way.y))
    inside = f"{ARROWS[name]}{chips(way.latent_action, 'small')}<small>{centimetres:.1f} cm</small>"
    spoken = f"move {name} with {way.latent_action.label}: {centimetres:.1f} cm on average over {way.count} transitions"
    return button(
        inside,
        "steer",
        label=spoken,
        classes=f"arrow {name}",
        tokens=way.latent_action.label,
        arrow=name,
        at=at,
        focus=f"arrow-{name}",
    )
