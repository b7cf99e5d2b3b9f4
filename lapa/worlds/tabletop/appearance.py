"""How a table looks: camera, light, colours, surfaces, things beside the board, the camera's sensor.

Only nouns, and the plain look of environment `sim`. What is drawn for `real` is in `real.py`, how a look becomes a
model in `scene.py`. The physics knows nothing of it, so the same actions do the same under every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lapa.worlds.tabletop.sensor import Sensor
from lapa.worlds.tabletop.shapes import COLORS

Vector = tuple[float, float, float]
"""x, y, z in metres, or r, g, b in [0, 1]."""


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera is, which way its right and its up are, and its vertical field of view in degrees."""

    position: Vector = (0.0, -0.600, 1.140)
    right: Vector = (1.0, 0.0, 0.0)
    up: Vector = (0.0, 0.872, 0.490)
    fovy_deg: float = 39.0


def looking(position: Vector, target: Vector, fovy_deg: float, roll_rad: float = 0.0) -> View:
    """Return the view from `position` towards `target`, upright but for `roll_rad`."""
    ahead = np.subtract(target, position)
    level = np.cross(ahead, (0.0, 0.0, 1.0))
    level /= np.linalg.norm(level)
    above = np.cross(level, ahead / np.linalg.norm(ahead))
    right = math.cos(roll_rad) * level + math.sin(roll_rad) * above
    up = math.cos(roll_rad) * above - math.sin(roll_rad) * level
    return View(position=position, right=_vector(right), up=_vector(up), fovy_deg=fovy_deg)


@dataclass(frozen=True, kw_only=True)
class Light:
    """A directional lamp, and light from everywhere."""

    direction: Vector = (0.30, 0.42, -1.0)
    lamp: Vector = (0.62, 0.61, 0.58)
    ambient: Vector = (0.42, 0.42, 0.42)
    shadows: bool = False


@dataclass(frozen=True, kw_only=True)
class Surface:
    """The board or the table: a colour, or a texture that `textures.paint` makes of it."""

    rgb: Vector
    texture: str = ""
    """One of `textures.KINDS`, or "" for none."""
    seed: int = 0
    tile_m: float = 1.2
    """Side of one tile of the texture, metres."""


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Something that lies beside the board and is never touched."""

    kind: str
    """One of `distractors.KINDS`."""
    x: float
    y: float
    yaw: float
    rgb: Vector
    size: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """Everything that is seen and not felt."""

    view: View = View()
    light: Light = Light()
    colors: dict[str, Vector] = field(default_factory=lambda: dict(COLORS))
    """Of the blocks, by name."""
    board: Surface = Surface(rgb=(0.87, 0.83, 0.75))
    frame_rgb: Vector = (0.55, 0.42, 0.31)
    table: Surface = Surface(rgb=(0.29, 0.30, 0.32))
    things: tuple[Thing, ...] = ()
    num_slices: int = 28
    """Corners of what should be round; fewer are drawn faster."""
    oversampling: float = 2.0
    """How much larger than the picture it is drawn, each way, before pixels are averaged."""
    sensor: Sensor | None = None
    """What the camera does to the picture; None for nothing."""
    body: Any = None
    """How the body looks, in its own words."""


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
