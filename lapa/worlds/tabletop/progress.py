"""How far an episode has come: partial success as the paper's real-robot protocol scores it.

    reached         0.25    the body stands at the block it was told to push
    touched         0.5     the block has moved since the start, with the body at it
    moved towards   0.75    a quarter of the way that was missing at the start is done
    done            1

Source: LAPA (arXiv 2410.11758), the appendix on real-robot evaluation: picking and placing scores 0.25 for reaching
the right object, 0.5 for holding it, 0.75 for moving it towards the place and 1 for putting it there. Differs: pushing
holds nothing, so its second stage is contact, seen as a block that has moved.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.tasks import Task, block_xy, shortfall

TOUCHED_M = 0.004
"""A block that has moved so far was pushed."""

TOWARDS = 0.25
"""Share of the missing way that counts as moving towards the goal."""


class Progress:
    """Watches one episode.

    Args:
        state: at the start.
        reach_m: how far from a block's middle the body stands when it is at it, metres.
    """

    def __init__(self, task: Task, state: Float[np.ndarray, "n"], reach_m: float):
        self._task, self._reach_m = task, reach_m
        self._missing = shortfall(task, state)
        movable = (task.block, task.other) if task.family == "separate" else (task.block,)
        self._start = {block: block_xy(state, block).copy() for block in movable}
        self.score = 0.0

    def see(self, state: Float[np.ndarray, "n"]) -> float:
        """Look at the next state and return the best score so far: 0, 0.25, 0.5, 0.75 or 1."""
        missing = shortfall(self._task, state)
        if missing <= 0:
            self.score = 1.0
        elif self._is_at_block(state):
            self._raise(0.25)
        if self.score >= 0.25 and self._is_touched(state):
            self._raise(0.5)
        if self.score >= 0.5 and missing <= (1 - TOWARDS) * self._missing:
            self._raise(0.75)
        return self.score

    def _raise(self, score: float) -> None:
        self.score = max(self.score, score)

    def _is_at_block(self, state: np.ndarray) -> bool:
        return any(math.dist(state[:2], block_xy(state, block)) <= self._reach_m for block in self._start)

    def _is_touched(self, state: np.ndarray) -> bool:
        """Say whether a block to be pushed has moved and the body is still at it."""
        return self._is_at_block(state) and any(
            math.dist(block_xy(state, block), start) >= TOUCHED_M for block, start in self._start.items()
        )
