"""What the Explorer accepts and gives back: the size of pictures, a temperature."""

from __future__ import annotations

from lapa.frames import check_frame, resize
from lapa.types import Frame, LapaError

MAX_SIDE = 1280
"""Longer side of the pictures given back, and of clips opened, in pixels."""
THUMB_SIDE = 320
"""Longer side of pictures that are only ever shown small."""
CLIP_BYTES = 256 * 2**20
"""Of one clip's pictures in memory; longer ones are kept smaller, but never under `THUMB_SIDE`."""


def clip_side(height: int, width: int, num_frames: int) -> int:
    """Return the longer side at which a clip is kept in memory: its own, at most 1280 px and `CLIP_BYTES` in all."""
    side = min(MAX_SIDE, max(height, width))
    num_bytes = 3 * num_frames * height * width * (side / max(height, width)) ** 2
    return max(min(side, THUMB_SIDE), int(side * min(1.0, CLIP_BYTES / num_bytes) ** 0.5))


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
