"""What a video file shows: how many frames of what size, how fast, and from where each can be decoded.

Frame n of a video is the n-th picture that ffmpeg shows. Where the packets of the file say reliably which that is
(`packets.py`), it is reached through them, and nothing has to be decoded on opening but the first pictures, to see that
they are those of the index. Else the pictures are counted by decoding them, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np

from lapa.data.packets import PacketIndex, read_index
from lapa.data.rates import rate_of
from lapa.data.salvage import Pictures, upright_size

_HEAD = 12
"""Pictures decoded on opening, to compare with the index."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Contents:
    """What is in a video file.

    Attributes:
        num_frames: how many pictures are shown.
        fps: frames per second by their time stamps (`rates.py`), else as the file claims; 0.0 where nobody says.
        size: height and width, upright.
        note: a sentence about damage, or "".
        index: where frames can be decoded from, or None if only from the beginning.
    """

    num_frames: int
    fps: float
    size: tuple[int, int]
    note: str = ""
    index: PacketIndex | None = None


def contents_of(path: Path, *, in_order: bool = False) -> Contents:
    """Look through a video file; what was found is remembered as long as the file stays the same.

    Args:
        path: the file.
        in_order: whatever its packets say, count the pictures by decoding them, up to the first damage.

    Raises:
        av.FFmpegError, OSError, NoPictureError: if it cannot be opened.
    """
    facts = path.stat()
    return _look_through(path.resolve(), facts.st_mtime_ns, facts.st_size, in_order)


@lru_cache(maxsize=256)
def _look_through(path: Path, mtime_ns: int, num_bytes: int, in_order: bool) -> Contents:
    index = None if in_order else read_index(path)
    return (index and _by_index(path, index)) or _by_decoding(path)


def _by_index(path: Path, index: PacketIndex) -> Contents | None:
    """Return the contents as the index has them; None if the first pictures are not its first."""
    with Pictures(path) as pictures:
        head = list(islice(pictures, 1 if index.is_plain else _HEAD))
        if not head or pictures.note or [picture.pts for picture in head] != index.shown[: len(head)].tolist():
            return None
        ticks_per_s = float(1 / head[0].time_base)
        return Contents(
            num_frames=len(index.shown),
            fps=rate_of(index.shown) * ticks_per_s or pictures.fps,
            size=upright_size(head[0]),
            index=index,
        )


def _by_decoding(path: Path) -> Contents:
    times: list[float | None] = []
    size = (0, 0)
    with Pictures(path) as pictures:
        for picture in pictures:
            size = size if times else upright_size(picture)
            times.append(picture.time)
    steps = np.diff([np.nan if time is None else time for time in times])
    fps = rate_of(np.cumsum(steps)) if (steps > 0).all() else 0.0  # AVI guesses the times of what is shown out of order
    return Contents(num_frames=len(times), fps=fps or pictures.fps, size=size, note=pictures.note)
