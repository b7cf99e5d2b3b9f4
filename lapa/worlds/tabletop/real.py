"""Environment `real`: what differs between a simulator's picture and a cheap camera's, drawn anew for each episode.

The camera stands elsewhere, to one side and lower, and not quite where it stood last time; the lamp has a place and a
colour and casts shadows; board and table are of some material; the blocks' paint is not quite the same; things lie
beside the board; the sensor blurs, darkens the corners, adds noise and compresses. Red remains red.
"""

from __future__ import annotations

import colorsys
import math

import numpy as np

from lapa.worlds.tabletop import distractors, textures
from lapa.worlds.tabletop.appearance import Light, Look, Surface, Thing, Vector, View, looking
from lapa.worlds.tabletop.sensor import Sensor
from lapa.worlds.tabletop.shapes import COLORS

BOARDS: tuple[Vector, ...] = (
    (0.77, 0.67, 0.55),
    (0.88, 0.84, 0.76),
    (0.72, 0.73, 0.74),
    (0.90, 0.90, 0.89),
    (0.60, 0.49, 0.40),
)
TABLES: tuple[Vector, ...] = (
    (0.42, 0.30, 0.21),
    (0.26, 0.27, 0.30),
    (0.55, 0.54, 0.52),
    (0.36, 0.40, 0.38),
    (0.62, 0.52, 0.43),
    (0.33, 0.28, 0.36),
)
THINGS: tuple[Vector, ...] = (
    (0.92, 0.91, 0.88),
    (0.12, 0.12, 0.14),
    (0.82, 0.45, 0.18),
    (0.56, 0.36, 0.62),
    (0.25, 0.52, 0.55),
    (0.80, 0.56, 0.62),
    (0.46, 0.33, 0.24),
    (0.55, 0.57, 0.60),
)
"""Colours of the things beside the board: none is a block's."""

_SPOTS = ((-0.30, 0.43), (0.30, 0.43), (-0.52, 0.20), (0.52, 0.20), (-0.52, -0.08), (0.53, -0.08), (0.10, 0.62))
"""Where things may lie, clear of the board and of every body's base (metres)."""


def draw_real(rng: np.random.Generator) -> Look:
    """Draw the look of one episode."""
    return Look(
        view=_view(rng),
        light=_light(rng),
        colors={name: _repainted(rgb, rng) for name, rgb in COLORS.items()},
        board=_surface(BOARDS, rng),
        frame_rgb=_vector(rng.uniform(0.15, 0.85) * np.array([1.0, 0.93, 0.86])),
        table=_surface(TABLES, rng),
        things=_things(rng),
        num_slices=10,
        oversampling=1.4,
        sensor=_sensor(rng),
    )


def _view(rng: np.random.Generator) -> View:
    azimuth, elevation = math.radians(-114 + rng.uniform(-4, 4)), math.radians(51 + rng.uniform(-2.5, 2.5))
    distance = 1.36 + rng.uniform(-0.03, 0.03)
    target = np.array([0.015, 0.02, 0.0]) + rng.uniform(-0.015, 0.015, 3)
    level = distance * math.cos(elevation)
    away = np.array([level * math.cos(azimuth), level * math.sin(azimuth), distance * math.sin(elevation)])
    return looking(
        _vector(target + away), _vector(target), 41 + rng.uniform(-1, 1), math.radians(rng.uniform(-1.5, 1.5))
    )


def _light(rng: np.random.Generator) -> Light:
    azimuth, slant = rng.uniform(-math.pi, math.pi), rng.uniform(0.15, 0.5)
    warmth = rng.uniform(-0.08, 0.10)
    lamp = rng.uniform(0.42, 0.60) * np.array([1 + warmth, 1.0, 1 - warmth])
    ambient = rng.uniform(0.32, 0.43) * np.array([1 - warmth / 2, 1.0, 1 + warmth / 2])
    return Light(
        direction=(slant * math.cos(azimuth), slant * math.sin(azimuth), -1.0),
        lamp=_vector(lamp),
        ambient=_vector(ambient),
        shadows=True,
    )


def _repainted(rgb: Vector, rng: np.random.Generator) -> Vector:
    """Shift hue by at most 4 degrees, saturation and brightness by some percent."""
    hue, saturation, value = colorsys.rgb_to_hsv(*rgb)
    return colorsys.hsv_to_rgb(
        (hue + rng.uniform(-0.012, 0.012)) % 1.0,
        min(1.0, saturation * rng.uniform(0.88, 1.05)),
        min(1.0, value * rng.uniform(0.88, 1.1)),
    )


def _surface(choices: tuple[Vector, ...], rng: np.random.Generator) -> Surface:
    rgb = np.array(choices[rng.integers(len(choices))]) * rng.uniform(0.92, 1.06) + rng.uniform(-0.02, 0.02, 3)
    kinds = tuple(textures.KINDS)
    return Surface(
        rgb=_vector(rgb.clip(0, 1)),
        texture=kinds[rng.integers(len(kinds))],
        seed=int(rng.integers(2**31)),
        tile_m=rng.uniform(0.8, 1.3),
    )


def _things(rng: np.random.Generator) -> tuple[Thing, ...]:
    spots = rng.permutation(len(_SPOTS))[: rng.integers(2, 6)]
    kinds = rng.permutation(tuple(distractors.KINDS))
    return tuple(
        Thing(
            kind=str(kinds[i]),
            x=_SPOTS[spot][0] + rng.uniform(-0.02, 0.02),
            y=_SPOTS[spot][1] + rng.uniform(-0.02, 0.02),
            yaw=rng.uniform(-math.pi, math.pi),
            rgb=THINGS[rng.integers(len(THINGS))],
            size=rng.uniform(0.9, 1.1),
        )
        for i, spot in enumerate(spots)
    )


def _sensor(rng: np.random.Generator) -> Sensor:
    exposure, cast = rng.uniform(0.90, 1.08), rng.uniform(-0.05, 0.05)
    return Sensor(
        seed=int(rng.integers(2**31)),
        gains=(exposure * (1 + cast), exposure, exposure * (1 - cast)),
        vignette=rng.uniform(0.10, 0.35),
        blur_px=rng.uniform(0.30, 0.60),
        shot_noise=rng.uniform(0.010, 0.030),
        read_noise=rng.uniform(0.003, 0.012),
        jpeg_quality=int(rng.integers(65, 90)),
    )


def _vector(values: np.ndarray) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z
