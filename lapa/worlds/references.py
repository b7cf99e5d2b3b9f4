"""Actors that know nothing: what a robot policy has to beat."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from lapa.protocols import Environment
from lapa.types import Frame


class RandomActor:
    """Draws every action evenly from the action space (from [-1, 1] along an axis without bounds)."""

    needs_frame = False

    def __init__(self, env: Environment):
        space = env.action_space
        self._low, self._high = np.maximum(space.low, -1e9), np.minimum(space.high, 1e9)
        unbounded = ~np.isfinite(space.low) | ~np.isfinite(space.high)
        self._low[unbounded], self._high[unbounded] = -1.0, 1.0
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng([seed, 1])

    def act(self, frame: Frame | None = None, instruction: str = "") -> Float32[np.ndarray, "a"]:
        return self._rng.uniform(self._low, self._high).astype(np.float32)


class ConstantActor:
    """Always does the same: zero, or what is nearest to it in the action space."""

    needs_frame = False

    def __init__(self, env: Environment):
        space = env.action_space
        self._action = np.clip(np.zeros(space.shape), space.low, space.high).astype(np.float32)

    def reset(self, seed: int = 0) -> None:
        """Nothing to forget."""

    def act(self, frame: Frame | None = None, instruction: str = "") -> Float32[np.ndarray, "a"]:
        return self._action
