"""What to push where: the part of the expert that knows tasks and blocks, and no bodies.

Each step it plans afresh: which block, and along which heading it should move now to get around the others.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.board import BLOCK_RANGE
from lapa.worlds.tabletop.drivers.driver import Driver, unit
from lapa.worlds.tabletop.planner import Planner
from lapa.worlds.tabletop.shapes import BLOCK_RADIUS, NUM_BLOCKS
from lapa.worlds.tabletop.tasks import APART_M, Task, block_xy, goal_xy

_BLOCK_CLEARANCE = 2 * BLOCK_RADIUS + 0.008


class Strategy:
    """Solves one task on paper, for a tool of the driver's size."""

    def __init__(self, task: Task, driver: type[Driver]):
        self._task, self._driver = task, driver
        self._carry = Planner(BLOCK_RANGE)
        self._parting: tuple[int, np.ndarray] | None = None

    def plan(self, state: Float[np.ndarray, "n"]) -> tuple[int, Float[np.ndarray, "2"]]:
        """Return the block to push and the unit vector along which it should move now."""
        block, goal = self._aim(state)
        ignored = {block, self._task.other} if self._task.family == "block2block" else {block}
        obstacles = block_centers(state, ignored)
        waypoint = self._carry.waypoint(block_xy(state, block), goal, obstacles, _BLOCK_CLEARANCE)
        return block, unit(waypoint - block_xy(state, block))

    def _aim(self, state: np.ndarray) -> tuple[int, np.ndarray]:
        """Which block to push, and where to."""
        if self._task.family != "separate":
            return self._task.block, goal_xy(self._task, state)
        if self._parting is None:
            self._parting = _choose_parting(self._task, state, self._driver)
        return self._parting


def block_centers(state: np.ndarray, ignored: set | frozenset = frozenset()) -> Float[np.ndarray, "m 2"]:
    """Return the centres of all blocks but the ignored ones."""
    return np.array([block_xy(state, i) for i in range(NUM_BLOCKS) if i not in ignored])


def _choose_parting(task: Task, state: np.ndarray, driver: type[Driver]) -> tuple[int, np.ndarray]:
    """Choose which of two blocks to push, and to where, so that they part with least trouble."""
    limit = np.array(BLOCK_RANGE)
    approach, clearance = driver.approach(), driver.clearance()
    best, choice = math.inf, None
    for block, other in ((task.block, task.other), (task.other, task.block)):
        center, stays = block_xy(state, block), block_xy(state, other)
        rest = block_centers(state, {block, other})
        for angle in np.linspace(0, 2 * math.pi, 24, endpoint=False):
            way = np.array([math.cos(angle), math.sin(angle)])
            goal, spot = center + 0.17 * way, center - approach * way
            trouble = 8 * max(0.0, APART_M + 0.02 - math.dist(goal, stays))
            trouble += 8 * max(0.0, clearance - math.dist(spot, stays))
            trouble += 4 * sum(max(0.0, _BLOCK_CLEARANCE - _gap(center, goal, xy)) for xy in rest)
            trouble += 4 * sum(max(0.0, clearance - math.dist(spot, xy)) for xy in rest)
            trouble += 8 * float(np.maximum(np.abs(goal) - limit, 0).sum()) + 0.3 * math.dist(state[:2], spot)
            if trouble < best:
                best, choice = trouble, (block, np.clip(goal, -limit, limit))
    assert choice is not None
    return choice


def _gap(start: np.ndarray, end: np.ndarray, point: np.ndarray) -> float:
    """Distance of a point from a straight way."""
    way = end - start
    along = min(max(float((point - start) @ way) / float(way @ way), 0.0), 1.0)
    return math.dist(point, start + along * way)
