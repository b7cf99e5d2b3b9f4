"""Shortest paths on the board that keep clear of things: A* on a coarse grid, then the straight part of it.

Cells near an obstacle are dear rather than forbidden, so there is always a path. Knows only points and distances.
"""

from __future__ import annotations

import heapq
import math

import numpy as np
from jaxtyping import Float

_CELL = 0.025
_STEPS = [(dx, dy, math.hypot(dx, dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if (dx, dy) != (0, 0)]
_PENALTY = 30.0


class Planner:
    """Plans within plus and minus `limits` (metres)."""

    def __init__(self, limits: tuple[float, float]):
        self._half = [math.ceil(limit / _CELL) for limit in limits]
        self._xs, self._ys = (np.arange(-half, half + 1) * _CELL for half in self._half)

    def waypoint(
        self,
        start: Float[np.ndarray, "2"],
        goal: Float[np.ndarray, "2"],
        obstacles: Float[np.ndarray, "n 2"],
        clearance: float,
    ) -> Float[np.ndarray, "2"]:
        """Return the farthest point of the path from `start` to `goal` that can be reached in a straight line.

        Args:
            obstacles: [n 2] centres of round obstacles, metres.
            clearance: how far from each centre to stay, metres.
        """
        if is_clear(start, goal, obstacles, clearance):
            return goal
        path = [*self.path(start, goal, obstacles, clearance)[1:], goal]
        for point in reversed(path):
            if is_clear(start, point, obstacles, clearance):
                return point
        return path[min(1, len(path) - 1)]

    def path(self, start, goal, obstacles: Float[np.ndarray, "n 2"], clearance: float) -> list[np.ndarray]:
        """Return the cell centres of the cheapest path, from the cell of `start` to that of `goal`."""
        cost = self._cell_costs(obstacles, clearance)
        first, last = self._cell(start), self._cell(goal)
        best, came_from = {first: 0.0}, {}
        heap = [(math.dist(first, last), first)]
        while heap:
            _, cell = heapq.heappop(heap)
            if cell == last:
                break
            for dx, dy, length in _STEPS:
                x, y = cell[0] + dx, cell[1] + dy
                if not (0 <= x < len(cost) and 0 <= y < len(cost[0])):
                    continue
                total = best[cell] + length * cost[x][y]
                if total < best.get((x, y), math.inf):
                    best[x, y], came_from[x, y] = total, cell
                    heapq.heappush(heap, (total + math.dist((x, y), last), (x, y)))
        cells = [last]
        while cells[-1] != first:
            cells.append(came_from[cells[-1]])
        return [np.array([self._xs[x], self._ys[y]]) for x, y in reversed(cells)]

    def _cell(self, point) -> tuple[int, int]:
        x, y = (
            min(max(round(float(value) / _CELL) + half, 0), 2 * half)
            for value, half in zip(point, self._half, strict=True)
        )
        return x, y

    def _cell_costs(self, obstacles: np.ndarray, clearance: float) -> list[list[float]]:
        cost = np.ones((len(self._xs), len(self._ys)))
        for x, y in obstacles:
            distance = np.hypot(self._xs[:, None] - x, self._ys[None, :] - y)
            cost += _PENALTY * np.clip(1.3 - distance / clearance, 0.0, None) ** 2 * 4
        return cost.tolist()


def is_clear(start, end, obstacles: Float[np.ndarray, "n 2"], clearance: float) -> bool:
    """Say whether the straight way keeps its distance.

    An obstacle that is already too near at `start` counts only if the way leads further in.
    """
    way = np.asarray(end) - start
    length_squared = max(float(way @ way), 1e-12)
    for center in obstacles:
        offset = center - start
        along = min(max(float(offset @ way) / length_squared, 0.0), 1.0)
        nearest = math.dist(center, start + along * way)
        if nearest < min(clearance, float(np.linalg.norm(offset)) - 1e-9):
            return False
    return True
