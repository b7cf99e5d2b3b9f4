"""All frames of a data set at the model's size, decoded once into one memory-mapped file.

An entry of the cache (`cache.py`), named by what determines it: the clips' files, their rates, the size. Random access
to pairs then costs a memory read, and several runs share the pages.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8
from PIL import Image
from tqdm import tqdm

from lapa.data.cache import Key, cached, check_room, data_facts, is_cached
from lapa.protocols import ClipSource
from lapa.types import LapaError

log = logging.getLogger(__name__)

FORMAT_VERSION = 2
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

        A clip that cannot be read has length 0 and a line in the log. `shrink` brings frames to the size in another
        way than ours, for models that were trained to see them so.

        Raises:
            LapaError: if none can be read.
        """
        key = _key(source, rows, size, shrink)
        folder = cached(key, lambda new: _decode_all(source, rows, size, new, shrink or squash), cache)
        index = json.loads((folder / "index.json").read_text())
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

    def clip(self, i: int) -> UInt8[np.ndarray, "t h w 3"]:
        """Read all frames of the i-th chosen clip; not through the mapping, whose pages would stay in memory."""
        shape = (int(self.lengths[i]), *self.frames.shape[1:])
        offset, count = int(self.starts[i]) * math.prod(shape[1:]), math.prod(shape)
        return np.fromfile(self.frames.filename, np.uint8, count, offset=offset).reshape(shape)


def _decode_all(source: ClipSource, rows: Sequence[int], size: int, folder: Path, shrink: Shrink) -> None:
    num_frames = sum(source.records[row].num_frames for row in rows)
    check_room(folder, num_frames * size * size * 3, f"keeping the {num_frames:,} frames of '{source.name}'")
    lengths, fps = [], []
    with open(folder / "frames.u8", "wb") as file:
        for row in tqdm(rows, desc=f"decoding {source.name}", unit="clip", mininterval=1.0):
            try:
                clip = source.clip(row)
            except LapaError as error:  # one bad video does not end the labelling of thousands
                log.warning("left out: %s", error)
                lengths.append(0)
                fps.append(1.0)
                continue
            for frame in clip.frames:
                file.write(shrink(frame, size).tobytes())
            lengths.append(clip.num_frames)
            fps.append(float(clip.fps))
    if not sum(lengths):
        raise LapaError(f"none of the {len(rows)} clips of '{source.name}' can be read: see the warnings above")
    (folder / "index.json").write_text(json.dumps({"lengths": lengths, "fps": fps}))


def squash(frame: np.ndarray, size: int) -> np.ndarray:
    """Return a frame of any size as uint8 [size size 3], its sides stretched as they must."""
    if frame.shape[:2] == (size, size):
        return np.ascontiguousarray(frame)
    return np.asarray(Image.fromarray(frame).resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


def _key(source: ClipSource, rows: Sequence[int], size: int, shrink: Shrink | None) -> Key:
    way = shrink or squash
    facts = [FORMAT_VERSION, size, f"{way.__module__}.{way.__qualname__}", data_facts(source, rows)]
    return Key("frames", str(source.path), facts)
