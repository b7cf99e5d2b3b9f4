"""What a driver is, and what all drivers share: when to walk and when to push.

A driver is told which block should move along which heading now, and answers with a share of full speed for each of
its body's joints. It keeps what it needs to remember, so each episode has a new one.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.shapes import BLOCK_RADIUS

LATERAL_GAIN = 30.0
"""How hard a pusher that pushes steers back to the middle of the block: share of full speed per metre."""


class Driver:
    """Drives one body through one episode.

    Args:
        rng: of what is left to chance in how the body moves; None leaves nothing.
    """

    tool_radius: ClassVar[float]
    """Of a circle that holds what touches the block, metres."""
    shakes: ClassVar[tuple[float, ...]]
    """How much of the expert's noise goes into each joint."""

    def __init__(self, rng: np.random.Generator | None = None):
        self._rng = rng
        self._pushing = False

    @classmethod
    def reach(cls) -> float:
        """Distance between the middles of a block and of the tool that touches it, metres."""
        return BLOCK_RADIUS + cls.tool_radius

    @classmethod
    def approach(cls) -> float:
        """How far behind a block's middle to stand before pushing it, metres."""
        return cls.reach() + 0.018

    @classmethod
    def clearance(cls) -> float:
        """How far from a block's middle to walk past it, metres."""
        return cls.reach() + 0.012

    def move(
        self,
        state: Float[np.ndarray, "n"],
        center: Float[np.ndarray, "2"],
        heading: Float[np.ndarray, "2"],
        blocks: Float[np.ndarray, "m 2"],
    ) -> Float[np.ndarray, "a"]:
        """Say how to move now, in shares of full speed.

        Args:
            state: of the simulator.
            center: of the block to push; heading: unit vector along which it should go.
            blocks: centres of all blocks, that one included.
        """
        raise NotImplementedError

    def _starts_pushing(self, offset: np.ndarray, heading: np.ndarray) -> bool:
        """Say whether to push: from well behind the block until no longer behind it. `offset` is from block to tool."""
        distance = float(np.linalg.norm(offset))
        behind = float(-offset @ heading) / max(distance, 1e-9)
        self._pushing = (behind > 0.7 and distance < 0.11) if self._pushing else (behind > 0.9 and distance < 0.085)
        return self._pushing


def push_direction(offset: np.ndarray, heading: np.ndarray) -> np.ndarray:
    """Return the unit vector that pushes along `heading` and keeps behind the block's middle."""
    lateral = offset - (offset @ heading) * heading
    return unit(heading - LATERAL_GAIN * lateral)


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
