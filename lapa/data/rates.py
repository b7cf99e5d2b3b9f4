"""The frame rate of a video from the times of its frames: a pause is a pause, and no container's claim is believed."""

from __future__ import annotations

import numpy as np
from jaxtyping import Shaped

DEFAULT_FPS = 10.0
"""Taken where a file names no frame rate, or an absurd one."""


def plausible_fps(fps: int | float) -> bool:
    """Tell a frame rate from what stands where a file knows none (0, NaN, the ticks of its clock)."""
    return 0.05 <= fps <= 1000.0


def rate_of(times: Shaped[np.ndarray, "n"]) -> float:
    """Return the frames per unit of `times`, which ascend; 0.0 where they say nothing.

    The median step decides which steps are those of the clock; their mean is the step, because a container that counts
    milliseconds writes 33, 33, 34 for a thirtieth of a second. Longer ones are pauses or lost frames.
    """
    steps = np.diff(times)
    steps = steps[steps > 0]
    if not len(steps):
        return 0.0
    typical = np.median(steps)
    return float(1.0 / steps[(steps > 0.4 * typical) & (steps < 1.75 * typical)].mean())
