"""Read a video: frames by number, as uint8 RGB, whatever the container, the codec or the state of the file.

Everything bad that a file can be ends here as one `LapaError` sentence. A damaged file is used up to the damage, and
`Video.note` says so. Deliberately knows nothing of models, and of time only the frame rate: frames are numbered, not
timed, so a recording with a variable frame rate is read at its usual one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lapa.data.picture_reader import PICTURE_SUFFIXES, PictureReader, is_animated
from lapa.data.rates import DEFAULT_FPS as DEFAULT_FPS
from lapa.data.rates import plausible_fps as plausible_fps
from lapa.data.readers import FileReader
from lapa.data.salvage import NoPictureError
from lapa.data.video_writer import write_video as write_video  # reading and writing through one door
from lapa.types import Clip, Frames, LapaError

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v", ".gif", ".mpg", ".mpeg", ".ts", ".ogv", ".y4m"}
)
CHUNK_BYTES = 32 * 2**20
"""Most that a block of decoded frames takes, unless one frame alone takes more."""


class Video:
    """A video that has been opened, from which frames can be read in any order.

    Attributes:
        path: the file, or the folder of pictures.
        fps: frames per second; `DEFAULT_FPS` where `fps_known` is false.
        num_frames: how many can be read. Shrinks when a read meets damage.
        note: a sentence about that damage, or "".
    """

    def __init__(
        self,
        path: Path,
        reader: FileReader | PictureReader,
        *,
        max_side: int | None = None,
        fps: int | float | None = None,
    ):
        self.path = path
        self.num_frames = reader.num_frames
        self.note = reader.note
        self._reader, self._max_side = reader, max_side
        fps = fps or reader.fps
        self.fps_known = fps is not None and plausible_fps(fps)
        self.fps = float(fps) if self.fps_known else DEFAULT_FPS

    @property
    def height(self) -> int:
        return self._reader.size[0]

    @property
    def width(self) -> int:
        return self._reader.size[1]

    def frames(self, indices: Sequence[int]) -> Frames:
        """Decode frames by number, in any order, repeats allowed.

        Returns:
            uint8 [t h w 3], one frame per entry of `indices`.

        Raises:
            LapaError: if a number lies outside the video, or the video is damaged there.
        """
        self._check(indices)
        if len(indices) == 0:
            return np.empty((0, *self._reader.size, 3), np.uint8)
        unique, inverse = np.unique(np.asarray(indices), return_inverse=True)
        try:
            frames = self._reader.read(unique.tolist())
        except LapaError:
            raise
        except Exception:  # MismatchError, and whatever the decoder says to a damaged file
            self._salvage()
            return self.frames(indices)
        in_order = len(unique) == len(indices) and bool((np.diff(inverse) > 0).all())
        return frames if in_order else frames[inverse]

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[Frames]:
        """Decode the frames from `start` to before `stop` in order, a block of at most `CHUNK_BYTES` at a time.

        Of a damaged video those before the damage; `num_frames` and `note` then say so.

        Yields:
            uint8 [t h w 3], t at least 1.

        Raises:
            LapaError: if fewer than two can be read, once what there is has been yielded.
        """
        step = max(1, CHUNK_BYTES // (3 * self.height * self.width))
        last = self.num_frames if stop is None else stop
        t = start
        while t < min(last, self.num_frames):
            chunk = self._read_before_damage(t, min(t + step, last))
            t += len(chunk)
            if len(chunk):
                yield chunk
        if t == start:
            self._check([start])
        if t - start < 2:
            raise LapaError(explain_too_short(self.path, self.note))

    def _read_before_damage(self, start: int, stop: int) -> Frames:
        while True:
            readable = self.num_frames
            try:
                return self.frames(range(start, max(start, min(stop, readable))))
            except LapaError:
                if self.num_frames == readable:  # nothing was learned of the damage: it is another matter
                    raise

    def _check(self, indices: Sequence[int]) -> None:
        outside = [i for i in indices if not 0 <= i < self.num_frames]
        if outside:
            damage = f" ({self.note})" if self.note else ""
            raise LapaError(
                f"frame {outside[0]} is not in '{self.path.name}', which has frames 0 to {self.num_frames - 1}{damage}"
            )

    def _salvage(self) -> None:
        """Go on with what can be read before the damage that the reader has met."""
        try:
            reader = FileReader(self.path, self._max_side, in_order=True)
        except Exception:
            raise LapaError(explain_unreadable(self.path)) from None
        if reader.num_frames == 0:
            raise LapaError(explain_unreadable(self.path))
        self._reader, self.num_frames, self.note = reader, reader.num_frames, reader.note


def open_video(path: str | Path, *, max_side: int | None = None, fps: int | float | None = None) -> Video:
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
        pictures = path.is_dir() or is_animated(path)
        reader = PictureReader(path, max_side) if pictures else FileReader(path, max_side)
    except LapaError:
        raise
    except Exception as error:
        raise LapaError(explain_unreadable(path, error)) from None
    if reader.num_frames == 0:
        raise LapaError(explain_unreadable(path))
    return Video(path, reader, max_side=max_side, fps=fps)


def peek_video(path: str | Path) -> tuple[int, float]:
    """Return how many frames a video has, and its frame rate: what `open_video` says of it.

    Raises:
        LapaError: as `open_video`.
    """
    video = open_video(path)
    return video.num_frames, video.fps


def read_clip(
    path: str | Path,
    *,
    max_frames: int | None = None,
    max_side: int | None = None,
    instruction: str | None = None,
    fps: int | float | None = None,
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
    return np.concatenate(list(video.chunks(0, max_frames or None)))


def window_frames(window_s: int | float, fps: int | float) -> int:
    """Turn a window in seconds into a distance in frames, at least 1."""
    return max(1, round(window_s * fps))


def explain_too_short(path: Path, note: str = "") -> str:
    """Say in one sentence that a video has no pair of frames."""
    damage = f" ({note})" if note else ""
    return (
        f"'{path.name}' has only one frame that can be read{damage}: a latent action lies between two, "
        "so choose a longer video"
    )


def explain_unreadable(path: Path, error: Exception | None = None) -> str:
    """Say in one sentence why `path` is no video, and what to do."""
    name = path.name or str(path)
    if not path.exists():
        return f"there is no file '{path}': check the path"
    if path.is_dir():
        known = ", ".join(sorted(suffix[1:] for suffix in PICTURE_SUFFIXES))
        return f"the folder '{name}' holds no pictures: expected the frames of a video ({known})"
    if not path.is_file():
        return f"'{name}' is not a file: give a video file or a folder of pictures"
    if path.stat().st_size == 0:
        return f"'{name}' is empty (0 bytes): export or download it again"
    if isinstance(error, NoPictureError):
        return f"'{name}' has sound but no picture: choose a file with a video track"
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] in (b"ftyp", b"mdat", b"moov", b"wide", b"free"):
        return f"'{name}' is cut off or damaged and no frame of it can be found: export or download it again"
    return (
        f"'{name}' is not a video that can be read here: expected mp4, webm, mov, y4m, a moving gif, webp or apng, or "
        "a folder of pictures"
    )
