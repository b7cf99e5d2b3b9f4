"""All frames of a data set at the model's size, decoded once into one memory-mapped file.

An entry of the cache (`cache.py`), named by what determines it: the clips' files, their rates, the size. Random access
to pairs then costs a memory read, and several runs share the pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from tqdm import tqdm

from lapa.data.blocks import read_shrunk
from lapa.data.cache import Key, cached, check_room, data_facts, is_cached
from lapa.data.left_out import leave_out
from lapa.protocols import ClipSource
from lapa.types import LapaError

FORMAT_VERSION = 3
Shrink = Callable[[np.ndarray, int], np.ndarray]
"""A frame of any size and a side in pixels -> uint8 [side side 3]."""


@dataclass(frozen=True, eq=False)
class FrameStore:
    """Frames of the chosen clips, one after another.

    Attributes:
        frames: uint8 [n h w 3], memory-mapped.
        starts: int64 [clips], first row of each clip; lengths: int64 [clips]; fps: float32 [clips].
        rows: the clips' rows in the source's records.
        of: the data set, for people.
    """

    frames: UInt8[np.ndarray, "n h w 3"]
    starts: Int[np.ndarray, "clips"]
    lengths: Int[np.ndarray, "clips"]
    fps: np.ndarray
    rows: tuple[int, ...]
    of: str = ""

    @classmethod
    def open(
        cls,
        source: ClipSource,
        rows: Sequence[int],
        size: int,
        cache: Path | None = None,
        *,
        shrink: Shrink | None = None,
    ) -> FrameStore:
        """Open the cache for these clips, decoding them first if it is not there.

        A clip that cannot be read has length 0, one that breaks off is used as far as it goes; what is left out is
        named in the log, also where the frames lie in the cache already. `shrink` brings frames to the size in another
        way than ours, for models that were trained to see them so.

        Raises:
            LapaError: if none can be read.
        """
        key = _key(source, rows, size, shrink)
        folder = cached(key, lambda new: _decode_all(source, rows, size, new, shrink or squash), cache)
        index = json.loads((folder / "index.json").read_text())
        for what in index["left_out"]:
            leave_out(what)
        lengths = np.array(index["lengths"], np.int64)
        shape = (int(lengths.sum()), size, size, 3)
        return cls(
            frames=np.memmap(folder / "frames.u8", np.uint8, "r", shape=shape),
            starts=np.cumsum(lengths) - lengths,
            lengths=lengths,
            fps=np.array(index["fps"], np.float32),
            rows=tuple(rows),
            of=key.of,
        )

    @classmethod
    def is_there(cls, source: ClipSource, rows: Sequence[int], size: int) -> bool:
        """Tell whether `open` would find these clips decoded."""
        return is_cached(_key(source, rows, size, None))

    @property
    def name(self) -> str:
        """What these frames are called in the cache; others are called otherwise."""
        return Path(self.frames.filename).parent.name

    def clip(self, i: int) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield the frames of the i-th chosen clip; not through the mapping, whose pages would stay in memory."""
        shape = self.frames.shape[1:]
        with open(self.frames.filename, "rb") as file:
            file.seek(int(self.starts[i]) * math.prod(shape))
            for _ in range(int(self.lengths[i])):
                yield np.frombuffer(file.read(math.prod(shape)), np.uint8).reshape(shape)


def _decode_all(source: ClipSource, rows: Sequence[int], size: int, folder: Path, shrink: Shrink) -> None:
    num_frames = sum(source.records[row].num_frames for row in rows)
    check_room(folder, num_frames * size * size * 3, f"keeping the {num_frames:,} frames of '{source.name}'")
    lengths, left_out = [], []
    with open(folder / "frames.u8", "wb") as file:
        for row in tqdm(rows, desc=f"decoding {source.name}", unit="clip", mininterval=1.0):
            lengths.append(0)
            for frame in read_shrunk(source, row, lambda frame: shrink(frame, size), note=left_out.append):
                file.write(frame.tobytes())
                lengths[-1] += 1
    if not sum(lengths):
        raise LapaError(f"none of the {len(rows)} clips of '{source.name}' can be read{_first(left_out)}")
    fps = [float(source.records[row].fps) or 1.0 for row in rows]
    (folder / "index.json").write_text(json.dumps({"lengths": lengths, "fps": fps, "left_out": left_out}))


def _first(left_out: Sequence[str]) -> str:
    return f": {left_out[0]}" if left_out else ": see the warnings above"


def squash(frame: np.ndarray, size: int) -> np.ndarray:
    """Return a frame of any size as uint8 [size size 3], its sides stretched as they must."""
    if frame.shape[:2] == (size, size):
        return np.ascontiguousarray(frame)
    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def _key(source: ClipSource, rows: Sequence[int], size: int, shrink: Shrink | None) -> Key:
    way = shrink or squash
    facts = [FORMAT_VERSION, size, f"{way.__module__}.{way.__qualname__}", data_facts(source, rows)]
    return Key("frames", str(source.path), facts)
