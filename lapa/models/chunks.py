"""Actors that decide on several actions at a time."""

from __future__ import annotations

from collections import deque

import numpy as np
from jaxtyping import Float32

from lapa.types import Frame


class ChunkActor:
    """An `Actor` that hands out a chunk of actions one by one, and looks again when it is used up.

    A subclass writes `decide`; a chunk of one action makes a policy that looks at every step.
    """

    def __init__(self):
        self._left: deque[np.ndarray] = deque()

    @property
    def needs_frame(self) -> bool:
        """Whether the next `act` looks at a picture."""
        return not self._left

    def reset(self, seed: int = 0) -> None:
        """Begin a new episode: what is left of a chunk is dropped."""
        self._left.clear()

    def act(self, frame: Frame | None, instruction: str) -> Float32[np.ndarray, "a"]:
        """Return what the robot should do now, in the units of the actions it was finetuned on.

        Raises:
            LapaError: if the instruction is empty or longer than 500 characters, or the frame is no picture.
        """
        if not self._left:
            assert frame is not None, "the next actions are decided on from a picture"
            self._left.extend(self.decide(frame, instruction))
        return self._left.popleft()

    def decide(self, frame: Frame, instruction: str) -> Float32[np.ndarray, "n a"]:
        """Return the next n actions."""
        raise NotImplementedError
