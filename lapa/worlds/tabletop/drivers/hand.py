"""Driving the hand, less like a machine: over the blocks in an arc, a moment of hovering, down, then push.

Speed rises and falls smoothly and drifts while it goes on; the wrist turns with what the hand is doing. It stays low
where the way is free, and comes down beside the spot behind the block where there is no room for the fingertips.
"""

from __future__ import annotations

import math

import numpy as np

from lapa.worlds.tabletop.board import PUSHER_RANGE
from lapa.worlds.tabletop.bodies.hand import FINGERTIP_RADIUS, MAX_LIFT_M, Hand
from lapa.worlds.tabletop.drivers.driver import Driver, push_direction, unit
from lapa.worlds.tabletop.planner import Planner, is_clear
from lapa.worlds.tabletop.shapes import BLOCK_RADIUS, HALF_HEIGHT

_OVER_M = 2 * HALF_HEIGHT + 0.006
"""Lifted so far, the fingertips pass over the blocks."""

_DOWN_M = 0.012
"""Lifted no farther than this, they push."""

_ARRIVED_M = 0.016
_MAX_STEP_M, _, _MAX_LIFT_STEP_M, _MAX_BEND_STEP = (joint.max_step for joint in Hand.joints)


class HandDriver(Driver):
    tool_radius = FINGERTIP_RADIUS
    shakes = (0.6, 0.6, 0.1, 0.5)

    def __init__(self, rng: np.random.Generator | None = None):
        super().__init__(rng)
        self._walk = Planner(PUSHER_RANGE)
        self._velocity = np.zeros(2)
        self._pace = 0.0
        self._hover_left = 0 if rng is None else int(rng.integers(0, 4))
        self._arc = 0.0 if rng is None else float(rng.normal(0.0, 0.35))

    def move(self, state, center, heading, blocks):
        pusher, lift, bend = state[:2], float(state[-2]), float(state[-1])
        offset = pusher - center
        is_down = lift < _DOWN_M
        if is_down and self._starts_pushing(offset, heading):
            wanted, height = 0.85 * push_direction(offset, heading), 0.0
        else:
            self._pushing = False
            wanted, height = self._walking(pusher, lift, center - heading * self.approach(), blocks)
        self._velocity += 0.65 * (self._drifting() * wanted - self._velocity)
        rise = np.clip((height - lift) / _MAX_LIFT_STEP_M, -1.0, 1.0)
        turn = np.clip((self._bend(wanted) - bend) / _MAX_BEND_STEP, -0.5, 0.5)
        return np.array([*self._velocity, rise, turn])

    def _walking(
        self, pusher: np.ndarray, lift: float, spot: np.ndarray, blocks: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """Say where to, in shares of full speed, and how high (metres), to get to the spot behind the block."""
        limit = np.array(PUSHER_RANGE)
        spot = np.clip(spot, -limit, limit)
        landing = _landing(spot, blocks)
        if lift < _OVER_M - 0.01 and self._may_stay_low(pusher, spot, landing, blocks):
            waypoint = self._walk.waypoint(pusher, spot, blocks, self.clearance())
            return 0.8 * _braking(waypoint - pusher) * unit(waypoint - pusher), 0.0
        way = landing - pusher
        distance = float(np.linalg.norm(way))
        if distance > _ARRIVED_M:
            speed = _braking(way) * (1.0 if lift > _OVER_M else 0.15)
            arc = self._arc * min(1.0, distance / 0.2) * np.array([-way[1], way[0]]) / distance
            return speed * unit(unit(way) + arc), MAX_LIFT_M * min(1.0, 0.75 + distance)
        if self._hover_left > 0:
            self._hover_left -= 1
            return 0.1 * unit(way), 0.75 * MAX_LIFT_M
        return way / _MAX_STEP_M, 0.0

    def _may_stay_low(self, pusher: np.ndarray, spot: np.ndarray, landing: np.ndarray, blocks: np.ndarray) -> bool:
        if is_clear(pusher, spot, blocks, self.clearance()):
            return True
        return math.dist(spot, landing) > 0.0 and math.dist(pusher, spot) < math.dist(spot, landing) + 0.05

    def _drifting(self) -> float:
        """A pace that changes slowly, at most 1."""
        if self._rng is None:
            return 1.0
        self._pace = 0.85 * self._pace + 0.12 * float(self._rng.normal())
        return float(np.clip(0.92 + self._pace, 0.6, 1.0))

    def _bend(self, wanted: np.ndarray) -> float:
        """Where the wrist turns: the fingers lean back against the way they push sideways."""
        return 0.35 * math.tanh(1.5 * float(wanted[0]))


def _braking(way: np.ndarray) -> float:
    """Share of full speed with so much way to go."""
    return min(1.0, float(np.linalg.norm(way)) / (2.2 * _MAX_STEP_M) + 0.12)


def _landing(spot: np.ndarray, blocks: np.ndarray) -> np.ndarray:
    """Return the place nearest to `spot` where the fingertips do not come down on a block."""
    limit = np.array(PUSHER_RANGE)
    for radius in np.arange(0.0, 0.2, 0.02):
        angles = np.linspace(0, 2 * math.pi, 16, endpoint=False) if radius else np.zeros(1)
        places = np.clip(spot + radius * np.stack([np.cos(angles), np.sin(angles)], 1), -limit, limit)
        room = np.linalg.norm(places[:, None] - blocks, axis=-1).min(1)
        if room.max() > BLOCK_RADIUS + FINGERTIP_RADIUS + 0.006:
            return places[room.argmax()]
    return spot
