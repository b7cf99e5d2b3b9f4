"""Inverse kinematics of the two-link arm: where its links are, given where the pusher is.

The elbow is always on the same side, so the arm's picture is a smooth function of the pusher's x, y and nothing
else: two frames with the same pusher show the same arm.
"""

from __future__ import annotations

import math

BASE_XY = (0.0, 0.415)
"""Where the arm stands, at the far edge of the board (metres)."""

LINK_LENGTHS = (0.41, 0.43)


def arm_angles(x: float, y: float) -> tuple[float, float]:
    """Return the headings of both links (radians, world frame) that put the pusher at x, y (metres).

    A point out of reach is pulled back onto the circle the arm can reach.
    """
    upper, lower = LINK_LENGTHS
    dx, dy = x - BASE_XY[0], y - BASE_XY[1]
    reach = min(max(math.hypot(dx, dy), abs(upper - lower) + 1e-6), upper + lower - 1e-6)
    bend = math.acos((upper**2 + reach**2 - lower**2) / (2 * upper * reach))
    first = math.atan2(dy, dx) + bend
    elbow_x, elbow_y = elbow(first)
    second = math.atan2(y - elbow_y, x - elbow_x)
    return first, second


def elbow(first: float) -> tuple[float, float]:
    """Return the elbow's x, y for the first link's heading."""
    return BASE_XY[0] + LINK_LENGTHS[0] * math.cos(first), BASE_XY[1] + LINK_LENGTHS[0] * math.sin(first)
