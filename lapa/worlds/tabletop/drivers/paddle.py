"""Driving the paddle: edge first between the blocks, then flat against one, turning with it."""

from __future__ import annotations

import math

import numpy as np

from lapa.worlds.tabletop.board import PUSHER_RANGE
from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M
from lapa.worlds.tabletop.bodies.paddle import BLADE_THICK_M, Paddle
from lapa.worlds.tabletop.drivers.driver import Driver, push_direction, unit
from lapa.worlds.tabletop.planner import Planner

_TURN_AT_M = 0.035
"""From so near to the spot behind the block, the blade turns to face the block."""

_MAX_TURN = Paddle.joints[-1].max_step


class PaddleDriver(Driver):
    tool_radius = BLADE_THICK_M + 0.006
    shakes = (1.0, 1.0, 0.5)

    def __init__(self, rng: np.random.Generator | None = None):
        super().__init__(rng)
        self._walk = Planner(PUSHER_RANGE)

    def move(self, state, center, heading, blocks):
        pusher, yaw = state[:2], float(state[-1])
        flat = math.atan2(heading[1], heading[0]) + math.pi / 2
        askew = abs(_half_turn(flat - yaw))
        if self._starts_pushing(pusher - center, heading):
            pace = max(0.0, 1.0 - askew / 0.8)
            return self._action(pace * push_direction(pusher - center, heading), flat - yaw)
        limit = np.array(PUSHER_RANGE)
        spot = np.clip(center - heading * self.approach(), -limit, limit)
        waypoint = self._walk.waypoint(pusher, spot, blocks, self.clearance())
        way = waypoint - pusher
        is_near = math.dist(pusher, spot) < _TURN_AT_M
        goal_yaw = flat if is_near else math.atan2(way[1], way[0])
        return self._action(unit(way) * min(1.0, float(np.linalg.norm(way)) / MAX_SPEED_M + 0.2), goal_yaw - yaw)

    def _action(self, direction: np.ndarray, turn: float) -> np.ndarray:
        return np.append(direction, np.clip(_half_turn(turn) / _MAX_TURN, -1.0, 1.0))


def _half_turn(angle: float) -> float:
    """The same angle for a blade, which looks alike from both sides: in [-pi/2, pi/2)."""
    return (angle + math.pi / 2) % math.pi - math.pi / 2
