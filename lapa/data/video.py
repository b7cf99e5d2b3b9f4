"""Read a video: frames by number, as uint8 RGB, whatever the container, the codec or the state of the file.

Everything bad that a file can be ends here as one `LapaError` sentence. A damaged file is used up to the damage, and
`Video.note` says so. Deliberately knows nothing of models, and of time only the frame rate: frames are numbered, not
timed, so a recording with a variable frame rate is read at its average one (`lapa/data/upload.py` evens it out).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lapa.data.readers import PICTURE_SUFFIXES, FileReader, PictureReader, Reader
from lapa.types import Clip, Frames, LapaError

VIDEO_SUFFIXES = frozenset({".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v", ".gif", ".mpg", ".mpeg", ".ts", ".ogv"})
DEFAULT_FPS = 10.0
"""Taken where a file names no frame rate, or an absurd one."""

_CHUNK_BYTES = 64 * 2**20


class Video:
    """A video that has been opened, from which frames can be read in any order.

    Attributes:
        path: the file, or the folder of pictures.
        fps: frames per second; `DEFAULT_FPS` where `fps_known` is false.
        num_frames: how many can be read. Shrinks when a read meets damage.
        note: a sentence about that damage, or "".
    """

    def __init__(self, path: Path, reader: Reader, fps: float | None = None):
        self.path = path
        self.num_frames = reader.num_frames
        self.note = ""
        self._reader = reader
        fps = fps or reader.fps
        self.fps_known = fps is not None and 0.05 <= fps <= 1000.0
        self.fps = float(fps) if self.fps_known else DEFAULT_FPS

    @property
    def height(self) -> int:
        return self._size()[0]

    @property
    def width(self) -> int:
        return self._size()[1]

    def frames(self, indices: Sequence[int]) -> Frames:
        """Decode frames by number, in any order, repeats allowed.

        Returns:
            uint8 [t h w 3], one frame per entry of `indices`.

        Raises:
            LapaError: if a number lies outside the video, or the video is damaged there.
        """
        self._check(indices)
        if len(indices) == 0:
            return np.empty((0, *self._size(), 3), np.uint8)
        unique, inverse = np.unique(np.asarray(indices), return_inverse=True)
        try:
            frames = self._reader.read(unique.tolist())
        except LapaError:
            raise
        except Exception:  # decord raises DECORDError, an Exception of its own, and RuntimeError alike
            self._cut_to_readable(unique.tolist())
            self._check(indices)
            raise LapaError(f"'{self.path.name}' could not be decoded: convert it to an h264 .mp4 and try again") from None
        return frames if len(unique) == len(indices) and (np.diff(inverse) > 0).all() else frames[inverse]

    def _size(self) -> tuple[int, int]:
        try:
            return self._reader.size
        except Exception as error:
            raise LapaError(_explain(self.path, str(error))) from None

    def _check(self, indices: Sequence[int]) -> None:
        outside = [i for i in indices if not 0 <= i < self.num_frames]
        if outside:
            damage = f" ({self.note})" if self.note else ""
            raise LapaError(
                f"frame {outside[0]} is not in '{self.path.name}', which has frames 0 to {self.num_frames - 1}{damage}"
            )

    def _cut_to_readable(self, indices: list[int]) -> None:
        """Set `num_frames` to the first of `indices` that cannot be decoded, and `note` accordingly."""
        for i in indices:
            try:
                self._reader.read([i])
            except Exception:
                self.note = f"the file is damaged from frame {i} of {self._reader.num_frames} on"
                self.num_frames = i
                return


def open_video(path: str | Path, *, max_side: int | None = None, fps: float | None = None) -> Video:
    """Open a video file or a folder of pictures.

    Args:
        path: the file or folder.
        max_side: shrink frames while decoding so that the longer side is at most this.
        fps: what is known better than the file does.

    Raises:
        LapaError: if there is nothing here that can be read as a video.
    """
    path = Path(path)
    try:
        reader = PictureReader(path, max_side) if path.is_dir() else FileReader(path, max_side)
    except Exception as error:
        raise LapaError(_explain(path, str(error))) from None
    if reader.num_frames == 0:
        raise LapaError(_explain(path, ""))
    return Video(path, reader, fps)


def read_clip(
    path: str | Path,
    *,
    max_frames: int | None = None,
    max_side: int | None = None,
    instruction: str | None = None,
    fps: float | None = None,
) -> Clip:
    """Decode a video from its beginning; of a damaged one, what comes before the damage.

    Args:
        path: a video file or a folder of pictures.
        max_frames: keep only the first so many.
        max_side: shrink frames so that the longer side is at most this.
        instruction, fps: what is known beside the file.

    Raises:
        LapaError: if fewer than two frames can be read.
    """
    video = open_video(path, max_side=max_side, fps=fps)
    frames = read_frames(video, max_frames)
    return Clip(frames=frames, fps=video.fps, source=video.path.name, instruction=instruction)


def read_frames(video: Video, max_frames: int | None = None) -> Frames:
    """Decode the frames of `video` from the first to the last that can be read; see `read_clip`."""
    wanted = min(video.num_frames, max_frames or video.num_frames)
    step = max(1, _CHUNK_BYTES // (3 * video.height * video.width))
    chunks = []
    for start in range(0, wanted, step):
        stop = min(start + step, wanted)
        try:
            chunks.append(video.frames(range(start, stop)))
        except LapaError:
            if not start < video.num_frames < stop:
                if video.num_frames == start:
                    break
                raise
            chunks.append(video.frames(range(start, video.num_frames)))
            break
    frames = np.concatenate(chunks) if len(chunks) != 1 else chunks[0]
    if len(frames) < 2:
        damage = f" ({video.note})" if video.note else ""
        raise LapaError(
            f"'{video.path.name}' has only one frame that can be read{damage}: a latent action lies between two, "
            "so choose a longer video"
        )
    return frames


def window_frames(window_s: float, fps: float) -> int:
    """Turn a window in seconds into a distance in frames, at least 1."""
    return max(1, round(window_s * fps))


def _explain(path: Path, error: str) -> str:
    """Say in one sentence why `path` is no video, and what to do."""
    name = path.name or str(path)
    if not path.exists():
        return f"there is no file '{path}': check the path"
    if path.is_dir():
        known = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        return f"the folder '{name}' holds no pictures ({known}) that could be the frames of a video"
    if not path.is_file():
        return f"'{name}' is not a file: give a video file or a folder of pictures"
    if path.stat().st_size == 0:
        return f"'{name}' is empty (0 bytes): export or download it again"
    if "cannot find video stream" in error:
        return f"'{name}' has sound but no picture: choose a file with a video track"
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return f"'{name}' is cut off or damaged and no frame of it can be found: export or download it again"
    return f"'{name}' is not a video that can be read here: expected mp4, webm, mov, gif or a folder of pictures"
