"""Picture operations: differences, error heat maps, resizing, and encoding as data URIs for HTML.

Pictures are uint8 [h w 3] in and out. Independent of clips, tokens and models.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from lapa.types import Frame
from viz.figures.style import DIVERGING, rgb

Gray = UInt8[np.ndarray, "h w"]


def signed_difference(frame: Frame, future: Frame, *, gain: float = 2.0) -> Frame:
    """Show where it got brighter (orange) and darker (blue); `gain` multiplies the change before it is coloured."""
    change = _gray(future).astype(np.float32) - _gray(_like(frame, future))
    level = np.clip(gain * change / 255.0, -1.0, 1.0)[..., None]
    less, none, more = (np.array(rgb(color), np.float32) for color in DIVERGING)
    return np.where(level < 0, none + (less - none) * -level, none + (more - none) * level).round().astype(np.uint8)


def error_heat(picture: Frame, truth: Frame, *, limit: float = 0.3) -> Frame:
    """Show the mean absolute difference of two pictures as heat; `limit` in (0, 1] is where the scale ends."""
    error = np.abs(_like(picture, truth).astype(np.float32) - truth).mean(axis=2) / 255.0
    return _heat_table()[np.round(255 * np.clip(error / limit, 0.0, 1.0)).astype(np.uint8)]


def motion_overlay(frame: Frame, future: Frame, *, limit: float = 0.3) -> Frame:
    """Lay the heat of what changes over the faded frame."""
    future = _like(future, frame)
    error = np.abs(future.astype(np.float32) - frame).mean(axis=2, keepdims=True) / 255.0
    weight = np.clip(error / limit, 0.0, 1.0)
    faded = 0.55 * np.repeat(_gray(frame)[..., None], 3, axis=2).astype(np.float32) + 0.45 * 235.0
    return (faded + (np.array(rgb(DIVERGING[2]), np.float32) - faded) * weight).round().astype(np.uint8)


def upscale(picture: Frame, *, height: int | None = None, longer_side: int | None = None, smooth: bool = True) -> Frame:
    """Resize to a height or to a longer side, aspect kept; `smooth=False` keeps the pixels square and sharp."""
    h, w = picture.shape[:2]
    scale = height / h if height else (longer_side or max(h, w)) / max(h, w)
    size = max(1, round(w * scale)), height or max(1, round(h * scale))
    if size == (w, h):
        return picture
    method = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(picture).resize(size, method))


def data_uri(picture: Frame, *, kind: str = "webp", quality: int = 80, longer_side: int | None = None) -> str:
    """Return a picture as text that a page can show: kind "webp", "jpeg" or "png"."""
    buffer = io.BytesIO()
    Image.fromarray(_at_most(picture, longer_side)).save(buffer, kind.upper(), quality=quality)
    return _uri(buffer, kind)


def animation_uri(
    frames: Sequence[Frame], *, fps: int | float, kind: str = "webp", quality: int = 75, longer_side: int | None = None
) -> str:
    """Return a looping animation as text that a page can show: kind "webp" or "gif"."""
    buffer = io.BytesIO()
    first, *rest = (Image.fromarray(_at_most(frame, longer_side)) for frame in frames)
    first.save(
        buffer, kind.upper(), save_all=True, append_images=rest, duration=round(1000 / fps), loop=0, quality=quality
    )
    return _uri(buffer, kind)


def blink_html(before: Frame, after: Frame, *, alt: str = "before and after", longer_side: int | None = None) -> str:
    """Return HTML that alternates two pictures in one place; under reduced motion, the second shows on hover only."""
    both = (before, _like(after, before))
    first, second = (data_uri(each, kind="jpeg", quality=86, longer_side=longer_side) for each in both)
    text = html.escape(alt, quote=True)
    return f'<span class="lae-blink"><img src="{first}" alt="{text}"><img src="{second}" alt=""></span>'


def _at_most(picture: Frame, longer_side: int | None) -> Frame:
    is_larger = longer_side is not None and max(picture.shape[:2]) > longer_side
    return upscale(picture, longer_side=longer_side) if is_larger else picture


def _uri(buffer: io.BytesIO, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _gray(picture: Frame) -> Gray:
    return np.asarray(Image.fromarray(picture).convert("L"))


def _like(picture: Frame, other: Frame) -> Frame:
    """Give a picture the size of another."""
    height, width = other.shape[:2]
    if picture.shape == other.shape:
        return picture
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS))


@lru_cache(maxsize=1)
def _heat_table() -> UInt8[np.ndarray, "256 3"]:
    import matplotlib

    return (matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)
