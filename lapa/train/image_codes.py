"""Image codes of chosen frames of a data set, computed once and kept in the frame cache's folder.

Frames are decoded clip by clip and shown at their own size to whoever codes them, so nothing is resized twice.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.cache import cache_folder
from lapa.protocols import ClipSource

BATCH = 16


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
    path = Path(source.path).resolve()
    facts = [key, str(path), path.stat().st_mtime_ns, [source.records[i].name for i in np.unique(clip)]]
    digest = hashlib.sha256(json.dumps([*facts, clip.tolist(), t.tolist()]).encode()).hexdigest()[:16]
    file = cache_folder() / f"codes-{digest}.npy"
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_name(f".{digest}.{os.getpid()}.tmp.npy")
        np.save(temporary, _look_at_all(look, source, clip, t))
        os.replace(temporary, file)
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _look_at_all(look, source: ClipSource, clip: np.ndarray, t: np.ndarray) -> np.ndarray:
    found: list[np.ndarray] = []
    for one in tqdm(np.unique(clip), desc="image codes", unit="clip", mininterval=2.0):
        times = t[clip == one]
        for start in range(0, len(times), BATCH):
            frames = source.frames(int(one), times[start : start + BATCH].tolist())
            found.append(look(frames).cpu().numpy().astype(np.int16))
    return np.concatenate(found)
