"""Two ways to get pictures by number out of a path: a video file through decord, a folder of pictures through PIL.

Readers raise whatever their library raises; `lapa/data/video.py` turns that into a sentence. Only this file knows decord.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

import decord
import numpy as np
from PIL import Image

from lapa.types import Frames, LapaError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})

decord.logging.set_level(decord.logging.QUIET)


class Reader(Protocol):
    """What `Video` needs of a library."""

    num_frames: int
    fps: float | None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what `read` returns."""
        ...

    def read(self, indices: Sequence[int]) -> Frames:
        """Decode these frames; `indices` ascend and do not repeat."""
        ...


def natural_key(path: Path) -> tuple:
    """Sort "frame_2" before "frame_10"."""
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower())
                 for part in re.split(r"(\d+)", path.as_posix()) if part)


def fit_size(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """Shrink (height, width) so that the longer side is at most `max_side`; never enlarge."""
    scale = min(1.0, max_side / max(height, width)) if max_side else 1.0
    return max(1, round(height * scale)), max(1, round(width * scale))


class FileReader:
    """A video file through decord: any container and codec of its ffmpeg, animated gif included.

    Args:
        path: the file.
        max_side: the decoder itself shrinks to this, so that 4K frames never pile up in memory.
    """

    def __init__(self, path: Path, max_side: int | None = None):
        self._path, self._max_side = str(path), max_side
        self._native = decord.VideoReader(self._path, num_threads=1)
        self.num_frames = len(self._native)
        self.fps = float(self._native.get_avg_fps())

    @cached_property
    def _native_size(self) -> tuple[int, int]:
        height, width, _ = self._native[0].shape
        return height, width

    @property
    def size(self) -> tuple[int, int]:
        return fit_size(*self._native_size, self._max_side)

    @cached_property
    def _scaled(self) -> decord.VideoReader:
        if self._max_side is None or self.size == self._native_size:
            return self._native
        height, width = self.size
        return decord.VideoReader(self._path, num_threads=1, width=width, height=height)

    def read(self, indices: Sequence[int]) -> Frames:
        return self._scaled.get_batch(list(indices)).asnumpy()


class PictureReader:
    """A folder of pictures, in natural order of their names. Such a folder does not say how fast it was recorded."""

    fps = None

    def __init__(self, folder: Path, max_side: int | None = None):
        self._paths = list_pictures(folder)
        self._max_side = max_side
        self.num_frames = len(self._paths)

    @cached_property
    def _native_size(self) -> tuple[int, int]:
        with Image.open(self._paths[0]) as picture:
            return picture.height, picture.width

    @property
    def size(self) -> tuple[int, int]:
        return fit_size(*self._native_size, self._max_side)

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([self._read_one(self._paths[i]) for i in indices])

    def _read_one(self, path: Path) -> np.ndarray:
        height, width = self._native_size
        with Image.open(path) as picture:
            if picture.size != (width, height):
                raise LapaError(
                    f"'{path.parent.name}/{path.name}' is {picture.width}x{picture.height} pixels but the folder's first "
                    f"picture is {width}x{height}: the frames of one video must all have the same size"
                )
            rgb = picture.convert("RGB")
        if self.size != self._native_size:
            rgb = rgb.resize(self.size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(rgb)


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures directly in `folder`, in natural order."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=natural_key)
