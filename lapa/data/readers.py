"""Two ways to get pictures by number out of a path: PyAV for video files, PIL for folders of pictures.

Both have `num_frames`, `fps` (None where nobody says), `size` (height, width), `note` (a sentence about damage, or "")
and `read(indices)` with ascending indices. They raise whatever their library raises; `lapa/data/video.py` turns that
into a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import av
import numpy as np
from PIL import Image

from lapa.data.contents import contents_of
from lapa.data.film import Film, MismatchError
from lapa.data.salvage import upright
from lapa.types import Frame, Frames, LapaError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})


def natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Sort "frame_2" before "frame_10"."""
    parts = [part for part in re.split(r"([0-9]+)", path.as_posix()) if part]
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower()) for part in parts]


def fit_size(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """Shrink (height, width) so that the longer side is at most `max_side`; never enlarge."""
    scale = min(1.0, max_side / max(height, width)) if max_side else 1.0
    return max(1, round(height * scale)), max(1, round(width * scale))


class FileReader:
    """A video file: each frame from the last key frame before it that is safe, or from the beginning.

    Args:
        path: the file.
        max_side: frames are shrunk to this one by one, so that 4K never piles up in memory.
        in_order: decode from the beginning, up to the first damage, whatever the packets say.

    Raises, on reading:
        MismatchError: if other pictures come than the packets promised.
    """

    def __init__(self, path: Path, max_side: int | None = None, *, in_order: bool = False):
        contents = contents_of(path, in_order=in_order)
        self.num_frames, self.fps, self.note = contents.num_frames, contents.fps, contents.note
        self.size = fit_size(*contents.size, max_side) if contents.num_frames else (0, 0)
        self._path, self._index = path, contents.index
        self._film: Film | None = None
        self._position, self._upcoming = 0, iter(())

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([upright(self._picture(i), *self.size) for i in indices])

    def _picture(self, i: int) -> av.VideoFrame:
        key = self._index.key_for(i) if self._index else 0
        begin = self._index.first_of(key) if self._index else 0
        if self._film is None or i < self._position or begin > self._position:
            self._film = self._film or Film(self._path, self._index)
            self._position, self._upcoming = begin, self._film.pictures_from(key)
        picture = next(islice(self._upcoming, i - self._position, None), None)
        if picture is None:
            raise MismatchError(f"frame {i} is missing")
        self._position = i + 1
        return picture


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
