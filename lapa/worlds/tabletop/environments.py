"""The environments of the tabletop by name: how each draws the look of an episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lapa.worlds.tabletop.appearance import Look
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.real import draw_real

ENVIRONMENTS: dict[str, Callable[[np.random.Generator], Look]] = {"sim": lambda rng: Look(), "real": draw_real}


def draw_look(environment: str, body: Body, rng: np.random.Generator) -> Look:
    """Draw how an episode looks: the surroundings first, then the body."""
    look = ENVIRONMENTS[environment](rng)
    return replace(look, body=body.draw_look(rng))


def plain_look(body: Body) -> Look:
    """Return the default look, without any randomness: the surroundings of `sim` and the body's default look."""
    return Look(body=body.plain_look())
