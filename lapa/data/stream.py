"""The pairs of a data set, some clips at a time, for whoever looks at each once: nothing is written, little is held.

The next clips are decoded in another thread while the last are worked on. Training, which draws at random and comes
back, keeps them in the frame store (`frame_store.py`); clips that lie there already are read from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from lapa.data.blocks import read_shrunk
from lapa.data.frame_store import FrameStore, squash
from lapa.data.video import window_frames
from lapa.protocols import ClipSource

HELD = 256
"""Frames of a clip whose pairs are handed out together."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PairChunk:
    """All pairs of some clips, in order of time within each.

    Attributes:
        frames: uint8 [m size size 3], the frames they need, each once.
        first, later: int64 [n], which of them each pair is between; `first` never falls.
        clip: int64 [n], row of the source's records; t: int64 [n], the current frame.
    """

    frames: UInt8[np.ndarray, "m h w 3"]
    first: Int[np.ndarray, "n"]
    later: Int[np.ndarray, "n"]
    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.clip)


def stream_pairs(
    source: ClipSource,
    rows: Sequence[int],
    size: int,
    window_s: float,
    *,
    stride: int = 1,
    num: int = 256,
) -> Iterator[PairChunk]:
    """Yield every `stride`-th pair of the clips `rows`, in order, about `num` pairs at a time.

    Each clip is decoded once, frame by frame. One that cannot be read is left out and one that breaks off is used as
    far as it goes, with a line in the log.
    """
    chunks = _chunks(source, rows, size, window_s, stride, num)
    with ThreadPoolExecutor(max_workers=1) as pool:
        ahead = pool.submit(next, chunks, None)
        while (chunk := ahead.result()) is not None:
            ahead = pool.submit(next, chunks, None)
            yield chunk


def _chunks(
    source: ClipSource, rows: Sequence[int], size: int, window_s: float, stride: int, num: int
) -> Iterator[PairChunk]:
    parts: list[PairChunk] = []
    for row, frames, fps in _clips(source, rows, size):
        for part in _parts(row, frames, window_frames(window_s, fps), stride):
            parts.append(part)
            if sum(map(len, parts)) >= num:
                yield _joined(parts)
                parts = []
    if parts:
        yield _joined(parts)


def _clips(
    source: ClipSource, rows: Sequence[int], size: int
) -> Iterator[tuple[int, Iterator[UInt8[np.ndarray, "h w 3"]], float]]:
    """Yield row, small frames and frames per second of each clip."""
    if FrameStore.is_there(source, rows, size):
        store = FrameStore.open(source, rows, size)
        for i, row in enumerate(rows):
            yield row, store.clip(i), float(store.fps[i])
        return
    for row in rows:
        yield row, read_shrunk(source, row, lambda frame: squash(frame, size)), source.records[row].fps


def _parts(row: int, frames: Iterator[np.ndarray], window: int, stride: int) -> Iterator[PairChunk]:
    """Yield the pairs of one clip, those of `HELD` more frames at a time; what comes before them is forgotten."""
    held: list[np.ndarray] = []
    start = 0  # of the pairs that were not yielded yet, and of the frames that are held
    for frame in frames:
        held.append(frame)
        done = len(held) - window
        if done >= HELD and done % stride == 0:
            yield _pairs_of(row, start, held, np.arange(0, done, stride), window)
            start, held = start + done, held[done:]
    t = np.arange(0, len(held) - window, stride)
    if len(t):
        yield _pairs_of(row, start, held, t, window)


def _pairs_of(row: int, start: int, held: list[np.ndarray], t: np.ndarray, window: int) -> PairChunk:
    """Return the pairs that begin at the held frames `t`, the first of which is the clip's frame `start`."""
    wanted = np.union1d(t, t + window)
    return PairChunk(
        frames=np.stack([held[i] for i in wanted.tolist()]),
        first=np.searchsorted(wanted, t),
        later=np.searchsorted(wanted, t + window),
        clip=np.full(len(t), row),
        t=start + t,
    )


def _joined(parts: Sequence[PairChunk]) -> PairChunk:
    offsets = np.cumsum([0, *(len(part.frames) for part in parts[:-1])]).tolist()
    shifted = [(part.first + offset, part.later + offset) for part, offset in zip(parts, offsets, strict=True)]
    return PairChunk(
        frames=np.concatenate([part.frames for part in parts]),
        first=np.concatenate([first for first, _ in shifted]),
        later=np.concatenate([later for _, later in shifted]),
        clip=np.concatenate([part.clip for part in parts]),
        t=np.concatenate([part.t for part in parts]),
    )
