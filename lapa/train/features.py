"""What a run needs of many frames, computed once and kept: frozen vision features, maps of change, links of motion.

An entry of the cache (`lapa/data/cache.py`), like the decoded frames it is computed from. A training step then reads
rows of it instead of running the vision side, or opening pictures, again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float16, Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.cache import Key, cached, check_room
from lapa.data.frame_store import FrameStore
from lapa.frames import pixels_from_uint8
from lapa.models.change_head import changed_share

FORMAT_VERSION = 2
BATCH = 64
VALUES = "values.npy"
IN_MEMORY = 2**29
"""Bytes up to which a file is read into memory; what is larger is read where it lies."""


def cached_features(
    look: Callable[[Tensor], Tensor],
    store: FrameStore,
    rows: Int[np.ndarray, "n"],
    *,
    key: dict,
    device: torch.device | str = "cpu",
) -> Float16[np.ndarray, "n p e"]:
    """Return the features of the store's frames `rows`, from the cache if they are there.

    `key` says in JSON what they depend on beside the frames: the vision side's weights.
    """

    def compute(part: slice) -> np.ndarray:
        return look(pixels_from_uint8(store.frames[rows[part]], device)).half().cpu().numpy()

    return _cached(compute, store, len(rows), name="features", key=[key, rows.tolist()])


def cached_changes(
    store: FrameStore, rows: Int[np.ndarray, "n"], later: Int[np.ndarray, "n"], *, grid: int
) -> Float16[np.ndarray, "n p"]:
    """Return how much of each of `grid` x `grid` patches differs between the store's frames `rows` and `later`."""

    def compute(part: slice) -> np.ndarray:
        before, after = (pixels_from_uint8(store.frames[chosen[part]]) for chosen in (rows, later))
        return changed_share(before, after, grid).half().numpy()

    return _cached(compute, store, len(rows), name="changes", key=[grid, rows.tolist(), later.tolist()])


def cached_links(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray],
    store: FrameStore,
    rows: Int[np.ndarray, "n"],
    later: Int[np.ndarray, "n"],
) -> Float16[np.ndarray, "n e"]:
    """Return what `measure` says of each of the store's frames `rows` beside its frame `later`."""

    def compute(part: slice) -> np.ndarray:
        pairs = zip(store.frames[rows[part]], store.frames[later[part]], strict=True)
        return np.stack([measure(before, after) for before, after in pairs]).astype(np.float16)

    key = [measure.__module__, measure.__qualname__, rows.tolist(), later.tolist()]
    return _cached(compute, store, len(rows), name="links", key=key)


def _cached(
    compute: Callable[[slice], np.ndarray], store: FrameStore, num_rows: int, *, name: str, key: list
) -> np.ndarray:
    """Return what `compute` gives for all rows, batch by batch."""
    whole = Key(name, store.of, [FORMAT_VERSION, store.name, key])
    path = cached(whole, lambda folder: _write(compute, num_rows, folder / VALUES, name)) / VALUES
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
