"""What a run needs of many frames, computed once and kept: frozen vision features, maps of change, links of motion.

The file lies beside the decoded frames (`lapa/data/frame_store.py`) and is named by what determines it. A training
step then reads rows of it instead of running the vision side, or opening pictures, again.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Int, UInt8
from torch import Tensor
from tqdm import tqdm

from lapa.data.cache import cache_folder, check_room, removed_on_failure
from lapa.frames import pixels_from_uint8
from lapa.models.change_head import changed_share

BATCH = 64
IN_MEMORY = 4 * 2**30
"""Bytes up to which a file is read into memory: drawing rows at random from a disk is slow."""


def cached_features(
    look: Callable[[Tensor], Tensor],
    frames: UInt8[np.ndarray, "m h w 3"],
    rows: Int[np.ndarray, "n"],
    *,
    key: dict,
    device: torch.device | str = "cpu",
) -> Float16[np.ndarray, "n p e"]:
    """Return the features of `frames[rows]`, from the cache if they are there.

    `key` says in JSON what the features depend on: the vision side's weights and which frames these are.
    """

    def compute(part: slice) -> np.ndarray:
        return look(pixels_from_uint8(frames[rows[part]], device)).half().cpu().numpy()

    return _cached(compute, len(rows), name="features", key=[key, rows.tolist()])


def cached_changes(
    frames: UInt8[np.ndarray, "m h w 3"],
    rows: Int[np.ndarray, "n"],
    later: Int[np.ndarray, "n"],
    *,
    grid: int,
    key: dict,
) -> Float16[np.ndarray, "n p"]:
    """Return how much of each of `grid` x `grid` patches differs between `frames[rows]` and `frames[later]`.

    `key` says in JSON which frames these are.
    """

    def compute(part: slice) -> np.ndarray:
        before, after = (pixels_from_uint8(frames[chosen[part]]) for chosen in (rows, later))
        return changed_share(before, after, grid).half().numpy()

    return _cached(compute, len(rows), name="changes", key=[key, grid, rows.tolist(), later.tolist()])


def cached_links(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    frames: UInt8[np.ndarray, "m h w 3"],
    rows: Int[np.ndarray, "n"],
    later: Int[np.ndarray, "n"],
    *,
    key: dict,
) -> Float16[np.ndarray, "n e"]:
    """Return what `measure` says of each `frames[rows]` beside `frames[later]`.

    `key` says in JSON which frames these are.
    """

    def compute(part: slice) -> np.ndarray:
        pairs = zip(frames[rows[part]], frames[later[part]], strict=True)
        return np.stack([measure(before, after) for before, after in pairs]).astype(np.float16)

    return _cached(compute, len(rows), name="links", key=[key, measure.__qualname__, rows.tolist(), later.tolist()])


def _cached(compute: Callable[[slice], np.ndarray], num_rows: int, *, name: str, key: list) -> np.ndarray:
    """Return what `compute` gives for all rows, batch by batch."""
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"{name}-{digest}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{digest}.{os.getpid()}.tmp.npy")
        with removed_on_failure(temporary):
            _write(compute, num_rows, temporary, name)
        os.replace(temporary, path)
    return np.load(path, mmap_mode=None if path.stat().st_size < IN_MEMORY else "r")


@torch.inference_mode()
def _write(compute: Callable[[slice], np.ndarray], num_rows: int, path: Path, name: str) -> None:
    shape = (num_rows, *compute(slice(0, 1)).shape[1:])
    check_room(path.parent, 2 * math.prod(shape), f"keeping the {name} of {num_rows:,} frames")
    file = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    for start in tqdm(range(0, num_rows, BATCH), desc=name, unit="batch", mininterval=2.0):
        part = slice(start, min(start + BATCH, num_rows))
        file[part] = compute(part)
    file.flush()
