"""Driving the arm: around the blocks to behind one, then straight on."""

from __future__ import annotations

import numpy as np

from lapa.worlds.tabletop.board import PUSHER_RANGE
from lapa.worlds.tabletop.bodies.arm import PUSHER_RADIUS
from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M
from lapa.worlds.tabletop.drivers.driver import Driver, push_direction, unit
from lapa.worlds.tabletop.planner import Planner


class ArmDriver(Driver):
    tool_radius = PUSHER_RADIUS
    shakes = (1.0, 1.0)

    def __init__(self, rng: np.random.Generator | None = None):
        super().__init__(rng)
        self._walk = Planner(PUSHER_RANGE)

    def move(self, state, center, heading, blocks):
        pusher = state[:2]
        if self._starts_pushing(pusher - center, heading):
            return push_direction(pusher - center, heading)
        limit = np.array(PUSHER_RANGE)
        spot = np.clip(center - heading * self.approach(), -limit, limit)
        waypoint = self._walk.waypoint(pusher, spot, blocks, self.clearance())
        return unit(waypoint - pusher) * min(1.0, float(np.linalg.norm(waypoint - pusher)) / MAX_SPEED_M + 0.2)
