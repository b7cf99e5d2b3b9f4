"""Image codes of chosen frames of a data set, computed once and kept in the cache (`lapa/data/cache.py`).

Frames are decoded clip by clip and shown at their own size to whoever codes them, so nothing is resized twice.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.blocks import read_blocks
from lapa.data.cache import Key, cached, data_facts
from lapa.protocols import ClipSource
from lapa.types import LapaError

FORMAT_VERSION = 2
BATCH = 16
VALUES = "values.npy"


def image_codes(
    look: Callable[[np.ndarray], Tensor],
    source: ClipSource,
    clip: Int[np.ndarray, "n"],
    t: Int[np.ndarray, "n"],
    *,
    key: str,
) -> Int[np.ndarray, "n p"]:
    """Return the codes of frame `t` of each clip, int16, from the cache if they are there; -1 where it cannot be read.

    `look` takes uint8 [b h w 3] and returns integers [b p]; `key` names its weights. Rows are sorted by clip.
    """
    facts = [FORMAT_VERSION, key, data_facts(source, np.unique(clip).tolist()), clip.tolist(), t.tolist()]

    def compute(folder: Path) -> None:
        np.save(folder / VALUES, _look_at_all(look, source, clip, t))

    folder = cached(Key("codes", str(source.path), facts), compute)
    return np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)


def _look_at_all(look, source: ClipSource, clip: np.ndarray, t: np.ndarray) -> np.ndarray:
    seen: dict[int, np.ndarray] = {}
    for one in tqdm(np.unique(clip), desc="image codes", unit="clip", mininterval=2.0):
        rows = iter(np.flatnonzero(clip == one).tolist())
        for block in read_blocks(source, int(one), t[clip == one].tolist()):
            for start in range(0, len(block), BATCH):
                codes = look(block[start : start + BATCH]).cpu().numpy().astype(np.int16)
                seen |= dict(zip(islice(rows, len(codes)), codes, strict=True))
    if not seen:
        raise LapaError(f"none of the {len(np.unique(clip))} clips of '{source.name}' can be read")
    whole = np.full((len(clip), *next(iter(seen.values())).shape), -1, np.int16)
    whole[list(seen)] = list(seen.values())
    return whole
