"""Three ways to get pictures by number out of a path: decord for video files, PyAV for damaged ones, PIL for folders.

All have `num_frames`, `fps` (None where nobody says), `size` (height, width), `note` (a sentence about damage, or "")
and `read(indices)` with ascending indices. They raise whatever their library raises; `lapa/data/video.py` turns that
into a sentence. Only this file knows decord.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import decord
import numpy as np
from PIL import Image

from lapa.data.salvage import Pictures, upright, upright_size
from lapa.types import Frame, Frames, LapaError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})

decord.logging.set_level(decord.logging.QUIET)


def natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Sort "frame_2" before "frame_10"."""
    parts = [part for part in re.split(r"([0-9]+)", path.as_posix()) if part]
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower()) for part in parts]


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

    note = ""

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


class SalvageReader:
    """The part of a video file that comes before any damage, decoded in order; a jump back starts over."""

    def __init__(self, path: Path, max_side: int | None = None):
        self._path, self._max_side = path, max_side
        with Pictures(path) as pictures:
            self.fps = pictures.fps
            first = next(iter(pictures), None)
            self.size = fit_size(*upright_size(first), max_side) if first else (0, 0)
            self.num_frames = pictures.num_read + sum(1 for _ in pictures)
            self.note = f"the file is damaged from frame {self.num_frames} on" if pictures.damaged else ""
        self._position, self._upcoming = 0, self._frames()

    def _frames(self) -> Iterator[av.VideoFrame]:
        with Pictures(self._path) as pictures:
            yield from pictures

    def read(self, indices: Sequence[int]) -> Frames:
        if indices[0] < self._position:
            self._position, self._upcoming = 0, self._frames()
        frames = []
        for i in indices:
            picture = next(islice(self._upcoming, i - self._position, None))
            self._position = i + 1
            frames.append(upright(picture, *self.size))
        return np.stack(frames)


class PictureReader:
    """A folder of pictures, in natural order of their names."""

    fps = None
    note = ""

    def __init__(self, folder: Path, max_side: int | None = None):
        self._paths = list_pictures(folder)
        self._max_side = max_side
        self.num_frames = len(self._paths)

    @cached_property
    def _native_size(self) -> tuple[int, int]:
        height, width, _ = _load(self._paths[0]).shape
        return height, width

    @property
    def size(self) -> tuple[int, int]:
        return fit_size(*self._native_size, self._max_side)

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([self._read_one(self._paths[i]) for i in indices])

    def _read_one(self, path: Path) -> Frame:
        frame = _load(path)
        if frame.shape[:2] != self._native_size:
            height, width = self._native_size
            raise LapaError(
                f"'{path.parent.name}/{path.name}' is {frame.shape[1]}x{frame.shape[0]} pixels but the first "
                f"picture there is {width}x{height}: the frames of one video must all have the same size"
            )
        if self.size == self._native_size:
            return frame
        return np.asarray(Image.fromarray(frame).resize(self.size[::-1], Image.Resampling.BILINEAR))


def _load(path: Path) -> Frame:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # what Pillow raises for bad files
        raise LapaError(f"'{path.parent.name}/{path.name}' is damaged or no picture: remove or replace it") from None


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures directly in `folder`, in natural order."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=natural_key)
