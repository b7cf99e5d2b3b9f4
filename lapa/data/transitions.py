"""A sample of the transitions of a data set, read sparsely: only the frames it needs are decoded.

What `index` and `eval` look at. Training reads everything instead (`frame_store.py`). A transition never reaches over
the end of its clip. Clips that cannot be read, or not to their end, are named and cost only themselves. Knows nothing
of models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int

from lapa.data.blocks import read_shrunk
from lapa.data.left_out import recorded
from lapa.data.video import window_frames
from lapa.frames import resize
from lapa.protocols import ClipSource
from lapa.types import Frame, Frames, LapaError

SMALL_AT_ONCE, LARGE_AT_ONCE = 256, 8
"""Transitions of a clip whose frames are held together: shrunk ones, and frames as large as they are."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Transitions:
    """Where to look, sorted by clip and time.

    Attributes:
        clip: int64 [n], row of the source's records.
        t: int64 [n], current frame; window: int64 [n], frames to the future one.
    """

    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    window: Int[np.ndarray, "n"]

    def __len__(self) -> int:
        return len(self.clip)

    def at(self, rows: Int[np.ndarray, "r"]) -> Transitions:
        """Return some of them, in the order given."""
        return Transitions(clip=self.clip[rows], t=self.t[rows], window=self.window[rows])


def draw_transitions(
    source: ClipSource, rows: Sequence[int], window_s: float, num: int, rng: np.random.Generator
) -> Transitions:
    """Draw up to `num` different transitions, as evenly over the clips `rows` as their lengths allow.

    Raises:
        LapaError: if no clip is longer than the window.
    """
    windows = {row: window_frames(window_s, source.records[row].fps) for row in rows}
    room = {row: source.records[row].num_frames - windows[row] for row in rows}
    rows = [row for row in rows if room[row] > 0]
    if not rows:
        raise LapaError(
            f"no clip of '{source.name}' is longer than the window of {window_s:g} s: give longer clips "
            "or a quantizer with a shorter window"
        )
    quota = _even_quota(np.array([room[row] for row in rows]), num, rng)
    clip = np.repeat(np.array(rows, np.int64), quota)
    t = [np.sort(rng.choice(room[row], size=n, replace=False)) for row, n in zip(rows, quota, strict=True)]
    window = np.repeat(np.array([windows[row] for row in rows], np.int64), quota)
    return Transitions(clip=clip, t=np.concatenate(t).astype(np.int64), window=window)


def read_transitions(
    source: ClipSource, transitions: Transitions, size: int | None = None
) -> Iterator[tuple[int, Frame, Frame]]:
    """Decode clip by clip: yield (row of `transitions`, frame, future), in order, of those that can be read.

    Frames are brought to `size` x `size` pixels, or left as they are.

    Raises:
        LapaError: if nothing can be read.
    """
    for part in read_clips(source, transitions, size):
        for row, first, later in zip(part.rows.tolist(), part.first.tolist(), part.later.tolist(), strict=True):
            yield row, part.frames[first], part.frames[later]


@dataclass(frozen=True, kw_only=True, eq=False)
class ClipPart:
    """Some transitions of one clip, and each frame they need once.

    Attributes:
        rows: int64 [r], rows of the `Transitions`.
        frames: uint8 [t h w 3]; first, later: int64 [r], which of them each transition is between.
    """

    rows: Int[np.ndarray, "r"]
    frames: Frames
    first: Int[np.ndarray, "r"]
    later: Int[np.ndarray, "r"]


def read_clips(source: ClipSource, transitions: Transitions, size: int | None = None) -> Iterator[ClipPart]:
    """Decode clip by clip, frame by frame, some transitions at a time; `size` as in `read_transitions`.

    What cannot be read is left out, with a line in the log.

    Raises:
        LapaError: if nothing can be read.
    """
    num, most = 0, SMALL_AT_ONCE if size else LARGE_AT_ONCE
    for clip in np.unique(transitions.clip):
        rows = np.flatnonzero(transitions.clip == clip)
        for start in range(0, len(rows), most):
            part = _read_part(source, transitions, rows[start : start + most], size)
            if part is None:
                break
            num += 1
            yield part
    if len(transitions) and not num:
        raise LapaError(f"none of the clips drawn from '{source.name}' can be read: see the warnings above")


def _read_part(
    source: ClipSource, transitions: Transitions, rows: Int[np.ndarray, "r"], size: int | None
) -> ClipPart | None:
    """Read transitions of one clip as far as it goes; None where it ends before the first of them."""
    clip, first = int(transitions.clip[rows[0]]), transitions.t[rows]
    later = first + transitions.window[rows]
    wanted = np.union1d(first, later)
    frames = list(
        read_shrunk(source, clip, lambda frame: resize(frame, size, size) if size else frame, wanted.tolist())
    )
    known = np.isin(later, wanted[: len(frames)])
    if not known.any():
        return None
    return ClipPart(
        rows=rows[known],
        frames=np.stack(frames),
        first=np.searchsorted(wanted, first[known]),
        later=np.searchsorted(wanted, later[known]),
    )


def displacements(source: ClipSource, transitions: Transitions) -> Float32[np.ndarray, "n 2"]:
    """Return what the end effector moved over each window, in metres (x right, y forward); NaN where not recorded."""
    moved = np.full((len(transitions), 2), np.nan, np.float32)
    for clip in np.unique(transitions.clip).tolist():
        places = recorded(source.positions, source, clip)
        if places is None:
            continue
        rows = np.flatnonzero(transitions.clip == clip)
        first = transitions.t[rows]
        moved[rows] = places[first + transitions.window[rows]] - places[first]
    return moved


def _even_quota(room: Int[np.ndarray, "c"], num: int, rng: np.random.Generator) -> Int[np.ndarray, "c"]:
    """Share `num` over clips with `room` places each, as evenly as they allow; who gets the odd ones is drawn."""
    quota = np.zeros_like(room)
    left = min(num, int(room.sum()))
    while left:
        open_clips = np.flatnonzero(quota < room)
        if left < len(open_clips):
            quota[rng.choice(open_clips, size=left, replace=False)] += 1
            return quota
        added = np.minimum(room[open_clips] - quota[open_clips], left // len(open_clips))
        quota[open_clips] += added
        left -= int(added.sum())
    return quota
