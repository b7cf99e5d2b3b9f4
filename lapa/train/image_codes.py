"""Image codes of chosen frames of a data set, computed once and kept in the cache (`lapa/data/cache.py`).

Frames are decoded clip by clip and shown at their own size to whoever codes them, so nothing is resized twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.cache import Key, cached, data_facts
from lapa.protocols import ClipSource

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
    """Return the codes of frame `t` of each clip, int16, from the cache if they are there.

    `look` takes uint8 [b h w 3] and returns integers [b p]; `key` names its weights. Rows are sorted by clip.
    """
    facts = [FORMAT_VERSION, key, data_facts(source, np.unique(clip).tolist()), clip.tolist(), t.tolist()]

    def compute(folder: Path) -> None:
        np.save(folder / VALUES, _look_at_all(look, source, clip, t))

    folder = cached(Key("codes", str(source.path), facts), compute)
    return np.load(folder / VALUES, mmap_mode="r", allow_pickle=False)


def _look_at_all(look, source: ClipSource, clip: np.ndarray, t: np.ndarray) -> np.ndarray:
    found: list[np.ndarray] = []
    for one in tqdm(np.unique(clip), desc="image codes", unit="clip", mininterval=2.0):
        times = t[clip == one]
        for start in range(0, len(times), BATCH):
            frames = source.frames(int(one), times[start : start + BATCH].tolist())
            found.append(look(frames).cpu().numpy().astype(np.int16))
    return np.concatenate(found)
