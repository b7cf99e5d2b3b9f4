"""What the Explorer accepts and gives back: the size of pictures, the length of clips, a temperature."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice

import numpy as np

from lapa.frames import check_frame, resize
from lapa.types import Frame, Frames, LapaError

MAX_SIDE = 1280
"""Longer side of the pictures given back, and of clips opened, in pixels."""
MAX_FRAMES = 900
"""Frames of a clip that are kept in memory, unless asked for more."""
THUMB_SIDE = 320
"""Longer side of pictures that are only ever shown small."""
CLIP_BYTES = 256 * 2**20
"""Of one clip's pictures in memory; longer ones are kept smaller, but never under `THUMB_SIDE`."""


def clip_side(height: int, width: int, num_frames: int) -> int:
    """Return the longer side at which a clip is kept in memory: its own, at most 1280 px and `CLIP_BYTES` in all."""
    side = min(MAX_SIDE, max(height, width))
    num_bytes = 3 * num_frames * height * width * (side / max(height, width)) ** 2
    return max(min(side, THUMB_SIDE), int(side * min(1.0, CLIP_BYTES / num_bytes) ** 0.5))


def read_fitting(blocks: Iterable[Frames], num_frames: int, max_frames: int | None = MAX_FRAMES) -> Frames:
    """Keep a clip at the size that `clip_side` allows, shrinking frame by frame: a large video never fills the memory.

    Every way to a clip (a path, a data set, an upload) leads through here, so that all give the same frames.

    Args:
        blocks: the decoded clip from its first frame on, uint8 [t h w 3] each, at its own size.
        num_frames: how many it has; of a damaged one fewer may come.
        max_frames: keep only the first so many, or all if None.

    Returns:
        uint8 [t h w 3].
    """
    frames = islice(chain.from_iterable(blocks), max_frames)
    first = next(frames)
    side = clip_side(*first.shape[:2], min(num_frames, MAX_FRAMES))
    size = fit(first, side).shape
    kept = np.empty((min(num_frames, max_frames or num_frames), *size), np.uint8)
    count = 0
    for count, frame in enumerate(chain([first], frames), 1):
        kept[count - 1] = fit(frame, side)
    return kept[:count]


def fit(frame: Frame, max_side: int = MAX_SIDE) -> Frame:
    """Shrink a picture to at most `max_side` on its longer side, the size that decoded pictures have."""
    return stretch_like(frame, frame, max_side)


def stretch_like(picture: Frame, like: Frame, max_side: int = MAX_SIDE) -> Frame:
    """Stretch a picture to the proportions of `like`, and to its size if that is at most `max_side`.

    Raises:
        LapaError: if `like` is not a colour picture.
    """
    check_frame(like)
    height, width = like.shape[:2]
    scale = min(1.0, max_side / max(height, width))
    return resize(picture, max(1, round(height * scale)), max(1, round(width * scale)))


def checked_temperature(temperature: float) -> float:
    """Return the temperature.

    Raises:
        LapaError: if it is not from 0 to 10.
    """
    if not 0.0 <= temperature <= 10.0:
        raise LapaError(f"a temperature of {temperature:g} makes no sense here: give one from 0 (greedy) to 10")
    return float(temperature)


def checked_top_k(top_k: int) -> int:
    """Return how many of the likeliest codes to draw from, 0 for all.

    Raises:
        LapaError: if it is negative.
    """
    if top_k < 0:
        raise LapaError(f"a top-k of {top_k} makes no sense: give the number of likeliest codes, 0 for all")
    return int(top_k)
