"""A folder of pictures, or one animated picture, as a video: read through Pillow, one frame at a time.

Whatever Pillow reads becomes 8-bit RGB, upright. Pictures of more than 8 bits (depth maps, thermal cameras) are
brightened by one scale for the whole clip, so that what moves in them is seen to move.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lapa.types import Frame, Frames, LapaError

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
ANIMATED_SUFFIXES = frozenset({".webp", ".png", ".apng"})
"""Files that may hold an animation; a .gif is read as a video file."""

_DEEP_MODES = ("I", "F")
"""Pillow's modes of more than 8 bits; I;16 and its like begin with the first."""
_CLIPPED = (0.5, 99.5)
"""Percentiles of the clip that become black and white: single wrong pixels must not darken the rest."""
_SAMPLED = 16
"""Pictures that the scale of a clip is taken from, evenly spaced."""


def natural_key(path: Path) -> list[tuple[bool, int, str]]:
    """Sort "frame_2" before "frame_10"."""
    parts = [part for part in re.split(r"([0-9]+)", path.as_posix()) if part]
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part.lower()) for part in parts]


def fit_size(height: int, width: int, max_side: int | None) -> tuple[int, int]:
    """Shrink (height, width) so that the longer side is at most `max_side`; never enlarge."""
    scale = min(1.0, max_side / max(height, width)) if max_side else 1.0
    return max(1, round(height * scale)), max(1, round(width * scale))


def list_pictures(folder: Path) -> list[Path]:
    """List the pictures directly in `folder`, in natural order."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=natural_key)


def is_animated(path: Path) -> bool:
    """Tell a picture file that holds several frames from a still; False for what is no picture."""
    if path.suffix.lower() not in ANIMATED_SUFFIXES:
        return False
    try:
        with Image.open(path) as picture:
            return getattr(picture, "n_frames", 1) > 1
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def is_deep(path: Path) -> bool:
    """Tell a picture of one channel of more than 8 bits, as depth cameras write; False for what is no picture."""
    try:
        with Image.open(path) as picture:
            return picture.mode.startswith(_DEEP_MODES)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


class PictureReader:
    """A folder of pictures, in natural order of their names, or one animated picture.

    Attributes:
        num_frames; size (height, width); note: a sentence about a change of brightness, or "".
        fps: of an animation, by the median time that a frame is shown; None where nobody says.

    Raises:
        LapaError: if a picture is damaged, or has another size than the first.
    """

    def __init__(self, path: Path, max_side: int | None = None):
        self._max_side, self.fps = max_side, None
        self._places = [(file, 0) for file in list_pictures(path)] if path.is_dir() else []
        if path.is_file():
            durations_ms = _durations(path)
            self._places = [(path, i) for i in range(len(durations_ms))]
            self.fps = 1000.0 / float(np.median(durations_ms)) if np.median(durations_ms) > 0 else None
        self.num_frames = len(self._places)
        self.note = self._describe()

    @cached_property
    def _native_size(self) -> tuple[int, int]:
        height, width = next(self._load(self._places[:1])).shape[:2]
        return height, width

    @property
    def size(self) -> tuple[int, int]:
        return fit_size(*self._native_size, self._max_side)

    def read(self, indices: Sequence[int]) -> Frames:
        places = [self._places[i] for i in indices]
        return np.stack(
            [self._fitted(frame, path) for (path, _), frame in zip(places, self._load(places), strict=True)]
        )

    def _fitted(self, frame: Frame, path: Path) -> Frame:
        if frame.shape[:2] != self._native_size:
            height, width = self._native_size
            raise LapaError(
                f"'{path.parent.name}/{path.name}' is {frame.shape[1]}x{frame.shape[0]} pixels but the first "
                f"picture there is {width}x{height}: the frames of one video must all have the same size"
            )
        if self.size == self._native_size:
            return frame
        return np.asarray(Image.fromarray(frame).resize(self.size[::-1], Image.Resampling.BILINEAR))

    def _load(self, places: Sequence[tuple[Path, int]]) -> Iterator[Frame]:
        for picture in _open_all(places):
            if picture.mode.startswith(_DEEP_MODES):
                yield _brighten(np.asarray(ImageOps.exif_transpose(picture), np.float32), *self._range)
            else:
                yield np.asarray(_to_rgb(ImageOps.exif_transpose(picture)))

    @cached_property
    def _range(self) -> tuple[float, float]:
        """Values that become black and white, of the whole clip."""
        pictures = _open_all(self._places[:: max(1, self.num_frames // _SAMPLED)])
        ends = np.array([_ends(picture) for picture in pictures if picture.mode.startswith(_DEEP_MODES)])
        low, high = ends[:, 0].min(), ends[:, 1].max()
        return (float(low), float(high)) if high > low else (0.0, max(1.0, float(high)))

    def _describe(self) -> str:
        if not self._places or not is_deep(self._places[0][0]):
            return ""
        low, high = self._range
        return f"pictures of more than 8 bits, such as depth: {low:g} is shown as black and {high:g} as white"


def _open_all(places: Sequence[tuple[Path, int]]) -> Iterator[Image.Image]:
    """Yield the picture at each place, (file, frame); a file is opened once for all its frames that follow."""
    for path, frames in groupby(places, key=lambda place: place[0]):
        try:
            with Image.open(path) as picture:
                for _, i in frames:
                    picture.seek(i)
                    picture.load()
                    yield picture
        except (OSError, EOFError, ValueError, SyntaxError, Image.DecompressionBombError):  # Pillow's, for bad files
            where = f"'{path.parent.name}/{path.name}'"
            raise LapaError(f"{where} is damaged or no picture: remove or replace it") from None


def _ends(picture: Image.Image) -> tuple[float, float]:
    """Return the values of a deep picture to show as black and white; 0 is what cameras write that saw nothing."""
    pixels = np.asarray(picture, np.float32)
    known = pixels[np.isfinite(pixels) & (pixels != 0)]
    low, high = np.percentile(known, _CLIPPED) if len(known) else (np.inf, -np.inf)
    return float(low), float(high)


def _brighten(pixels: np.ndarray, low: float, high: float) -> Frame:
    """Map [low, high] to 0 to 255, in grey; what is not known is black."""
    scaled = np.nan_to_num((pixels - low) / max(high - low, 1e-6), nan=0.0, posinf=1.0, neginf=0.0)
    grey = np.round(255 * scaled.clip(0, 1)).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _to_rgb(picture: Image.Image) -> Image.Image:
    """Convert to RGB; what is transparent is laid over white."""
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")


def _durations(path: Path) -> list[float]:
    """Return how long each frame of an animation is shown, in ms, 0 where it does not say."""
    with Image.open(path) as picture:
        count = getattr(picture, "n_frames", 1)
    return [float(frame.info.get("duration", 0)) for frame in _open_all([(path, i) for i in range(count)])]
