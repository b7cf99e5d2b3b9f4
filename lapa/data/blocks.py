"""The frames of a clip some at a time, as far as the clip goes: whatever its length and size, little is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lapa.data.left_out import leave_out
from lapa.protocols import ClipSource
from lapa.types import Frame, Frames, LapaError

BLOCK_BYTES = 64 * 2**20
"""Bytes of frames that are decoded at once."""


def read_blocks(
    source: ClipSource,
    row: int,
    times: Sequence[int] | None = None,
    *,
    note: Callable[[str], None] = leave_out,
) -> Iterator[Frames]:
    """Yield the frames `times` (ascending; all, if None) of a clip in blocks, uint8 [t h w 3].

    Where the clip breaks off, or is shorter than its metadata says, the frames before are yielded, and `note` is told
    what was left out.
    """
    record = source.records[row]
    times = range(record.num_frames) if times is None else times
    done, most = 0, 1
    is_whole = True
    while done < len(times):
        try:
            block = source.frames(row, times[done : done + most])
        except LapaError as error:
            is_whole = False
            if most == 1:
                note(_broken(source, row, times[done], error))
                return
            most //= 2
            continue
        yield block
        done += len(block)
        if is_whole:
            most = max(1, BLOCK_BYTES // block[0].nbytes)


def read_shrunk(
    source: ClipSource,
    row: int,
    shrink: Callable[[Frame], np.ndarray],
    times: Sequence[int] | None = None,
    *,
    note: Callable[[str], None] = leave_out,
) -> Iterator[np.ndarray]:
    """Yield `shrink` of each frame that `read_blocks` yields, one by one."""
    for block in read_blocks(source, row, times, note=note):
        for frame in block:
            yield shrink(frame)


def _broken(source: ClipSource, row: int, t: int, error: LapaError) -> str:
    record = source.records[row]
    if t == 0:
        return f"{record.name} of '{source.name}' ({error})"
    return f"frames {t} to {record.num_frames - 1} of {record.name} of '{source.name}' ({error})"
