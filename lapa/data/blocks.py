"""The frames of a clip some at a time, as far as the clip goes: whatever its length and size, little is in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lapa.data.left_out import leave_out
from lapa.data.video import CHUNK_BYTES
from lapa.protocols import ClipSource
from lapa.types import Frame, Frames, LapaError


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
    return _all(source, row, note) if times is None else _some(source, row, times, note)


def _all(source: ClipSource, row: int, note: Callable[[str], None]) -> Iterator[Frames]:
    done, why = 0, "it breaks off, or is shorter than its metadata says"
    if not source.records[row].num_frames:
        return  # said when the records were read
    try:
        for block in source.chunks(row):
            yield block
            done += len(block)
    except LapaError as error:
        why = str(error)
    if done < source.records[row].num_frames:
        note(_broken(source, row, done, why))


def _some(source: ClipSource, row: int, times: Sequence[int], note: Callable[[str], None]) -> Iterator[Frames]:
    """Ask for fewer frames at once where the clip breaks off, to find the last that can be read."""
    done, most, is_whole = 0, 1, True
    while done < len(times):
        try:
            block = source.frames(row, times[done : done + most])
        except LapaError as error:
            is_whole = False
            if most == 1:
                note(_broken(source, row, times[done], str(error)))
                return
            most //= 2
            continue
        yield block
        done += len(block)
        if is_whole:
            most = max(1, CHUNK_BYTES // block[0].nbytes)


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


def _broken(source: ClipSource, row: int, t: int, why: str) -> str:
    record = source.records[row]
    if t == 0:
        return f"{record.name} of '{source.name}' ({why})"
    return f"frames {t} to {record.num_frames - 1} of {record.name} of '{source.name}' ({why})"
