"""The shape of a hand, palm down, as capsules and ellipsoids (MJCF), and of the forearm behind it.

Frame of the hand: the pushing fingertips are at the origin, x points along the fingers, y to the left, z up; a right
hand, somewhat larger than life beside the blocks, so that its fingers can be told apart at 128 px.
"""

from __future__ import annotations

Point = tuple[float, float, float]

WRIST_X, WRIST_Z = -0.200, 0.064
"""Where the forearm begins, behind and above the fingertips (metres, at size 1)."""

_FINGERS: tuple[tuple[Point, Point, Point, float], ...] = (
    ((-0.086, 0.034, 0.072), (-0.044, 0.030, 0.058), (0.004, 0.016, 0.012), 0.0100),
    ((-0.081, 0.011, 0.075), (-0.036, 0.006, 0.060), (0.010, -0.010, 0.012), 0.0103),
    ((-0.087, -0.012, 0.073), (-0.046, -0.021, 0.059), (-0.006, -0.036, 0.017), 0.0098),
    ((-0.097, -0.034, 0.068), (-0.066, -0.047, 0.056), (-0.034, -0.062, 0.024), 0.0086),
)
"""Knuckle, middle joint, tip and radius of index, middle, ring and little finger."""

_THUMB: tuple[tuple[Point, float], ...] = (
    ((-0.160, 0.026, 0.056), 0.0150),
    ((-0.112, 0.058, 0.046), 0.0118),
    ((-0.068, 0.066, 0.030), 0.0105),
)
"""Joints of the thumb and the radius of what leads to each (of the first: of its ball)."""


def hand_xml(skin: Point, size: float, spread: float, is_left: bool) -> str:
    """Return the geoms of a hand; `size` scales it, `spread` moves the fingers apart."""
    side = -1 if is_left else 1

    def at(point: Point, fan: float = 1.0) -> Point:
        return size * point[0], side * size * fan * point[1], size * point[2]

    light = tuple(min(1.0, 1.10 * value) for value in skin)
    parts = [_ellipsoid(at((-0.122, 0.000, 0.062)), (size * 0.062, size * 0.046, size * 0.019), skin)]
    parts.append(_ellipsoid(at((-0.182, 0.000, 0.062)), (size * 0.042, size * 0.029, size * 0.021), skin))
    for knuckle, middle, tip, radius in _FINGERS:
        root = (-0.165, 0.45 * knuckle[1], 0.060)
        parts.append(_capsule(at(root), at(knuckle), size * 0.0125, skin))
        parts.append(_capsule(at(knuckle), at(middle, spread), size * 1.06 * radius, skin))
        parts.append(_capsule(at(middle, spread), at(tip, spread), size * 0.94 * radius, light))
    for (start, _), (end, radius) in zip(_THUMB, _THUMB[1:], strict=False):
        parts.append(_capsule(at(start), at(end), size * radius, skin))
    return "".join(parts)


def forearm_xml(skin: Point, sleeve: Point, size: float) -> str:
    """Return the geoms of a forearm along +x from the wrist: some skin, a cuff, a sleeve that leaves the picture."""
    cuff = tuple(0.82 * value for value in sleeve)
    return (
        _capsule((0.0, 0.0, 0.0), (0.075, 0.0, 0.0), size * 0.025, skin)
        + _cylinder((0.050, 0.0, 0.0), (0.075, 0.0, 0.0), size * 0.040, cuff)
        + _capsule((0.085, 0.0, 0.0), (0.90, 0.0, 0.0), size * 0.043, sleeve)
    )


def _capsule(start: Point, end: Point, radius: float, rgb: Point) -> str:
    return f'<geom type="capsule" size="{radius:.5f}" fromto="{_text(start)} {_text(end)}" rgba="{_text(rgb)} 1"/>'


def _cylinder(start: Point, end: Point, radius: float, rgb: Point) -> str:
    return f'<geom type="cylinder" size="{radius:.5f}" fromto="{_text(start)} {_text(end)}" rgba="{_text(rgb)} 1"/>'


def _ellipsoid(center: Point, half: Point, rgb: Point) -> str:
    return f'<geom type="ellipsoid" size="{_text(half)}" pos="{_text(center)}" rgba="{_text(rgb)} 1"/>'


def _text(values: Point) -> str:
    return " ".join(f"{value:.5f}" for value in values)
