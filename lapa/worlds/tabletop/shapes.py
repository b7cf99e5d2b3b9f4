"""The eight blocks: colour, shape, and the primitive solids each shape is put together from.

Every shape is a prism of boxes and upright cylinders, so that a top view tells them apart at 128 px and no mesh
has to be shipped. Deliberately knows nothing of MuJoCo: a `Solid` is only numbers, in metres and radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

COLORS = {
    "red": (0.80, 0.16, 0.15),
    "blue": (0.13, 0.36, 0.78),
    "green": (0.13, 0.56, 0.29),
    "yellow": (0.95, 0.72, 0.10),
}
SHAPES = ("star", "cube", "moon", "cross", "triangle", "disc")

HALF_HEIGHT = 0.018
"""Half the height of every block, metres."""

BLOCK_RADIUS = 0.040
"""A circle of this radius (metres) around a block's centre holds nearly all of it, whatever its shape."""


@dataclass(frozen=True)
class Block:
    """One of the eight blocks. `name` is "red star"."""

    color: str
    shape: str

    @property
    def name(self) -> str:
        return f"{self.color} {self.shape}"


BLOCKS = (
    Block("red", "star"),
    Block("red", "cube"),
    Block("blue", "moon"),
    Block("blue", "cube"),
    Block("green", "cross"),
    Block("green", "disc"),
    Block("yellow", "triangle"),
    Block("yellow", "star"),
)
NUM_BLOCKS = len(BLOCKS)


@dataclass(frozen=True)
class Solid:
    """A box (half sizes `a`, `b`) or an upright cylinder (radius `a`) of a block, at x, y, turned by yaw."""

    kind: str
    a: float
    b: float
    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0


def solids(shape: str) -> list[Solid]:
    """Return the solids a shape is built from, about its centre."""
    return {"star": _star, "cube": _cube, "moon": _moon, "cross": _cross, "triangle": _triangle, "disc": _disc}[shape]()


def _cube() -> list[Solid]:
    return [Solid("box", 0.031, 0.031)]


def _disc() -> list[Solid]:
    return [Solid("cylinder", 0.035, 0.0)]


def _cross() -> list[Solid]:
    return [Solid("box", 0.041, 0.0125), Solid("box", 0.0125, 0.041)]


def _star() -> list[Solid]:
    """Five arms that narrow in steps, which 128 px cannot tell from points."""
    steps = ((0.000, 0.024, 0.0135), (0.024, 0.034, 0.0085), (0.034, 0.044, 0.0045))
    arms = [math.pi / 2 + 2 * math.pi * i / 5 for i in range(5)]
    return [
        Solid("box", (end - start) / 2, half, (start + end) / 2 * math.cos(arm), (start + end) / 2 * math.sin(arm), arm)
        for arm in arms
        for start, end, half in steps
    ]


def _moon() -> list[Solid]:
    """A crescent: upright cylinders on an arc, thickest in the middle."""
    beads = []
    for i in range(11):
        along = -1 + 2 * i / 10
        angle = math.pi + along * 1.95
        radius = 0.0145 * math.cos(along * 1.15)
        beads.append(Solid("cylinder", radius, 0.0, 0.006 + 0.029 * math.cos(angle), 0.029 * math.sin(angle)))
    return beads


def _triangle() -> list[Solid]:
    """An equilateral triangle of strips, widest at its base."""
    radius, num_strips = 0.046, 7
    tall = 1.5 * radius / num_strips
    middles = [-radius / 2 + tall * (i + 0.5) for i in range(num_strips)]
    return [Solid("box", (radius - y) / math.sqrt(3), tall / 2, 0.0, y) for y in middles]
