"""Frozen vision features, computed once per frame and kept in a memory-mapped float16 file.

The file lies beside the decoded frames (`lapa/data/frame_store.py`) and is named by what determines it. A training
step then reads features instead of running the vision side again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float16, Int, UInt8
from torch import Tensor
from tqdm import tqdm

from lapa.data.frame_store import cache_folder
from lapa.frames import pixels_from_uint8

BATCH = 64


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
    name = hashlib.sha256(json.dumps([key, rows.tolist()], sort_keys=True).encode()).hexdigest()[:16]
    path = cache_folder() / f"features-{name}.npy"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{name}.{os.getpid()}.tmp.npy")
        _write(look, frames, rows, temporary, device)
        os.replace(temporary, path)
    return np.load(path, mmap_mode="r")


@torch.inference_mode()
def _write(look, frames: np.ndarray, rows: np.ndarray, path: os.PathLike, device: torch.device | str) -> None:
    shape = (len(rows), *look(pixels_from_uint8(frames[rows[:1]], device)).shape[1:])
    file = np.lib.format.open_memmap(path, "w+", np.float16, shape)
    for start in tqdm(range(0, len(rows), BATCH), desc="features", unit="batch", mininterval=2.0):
        part = slice(start, start + BATCH)
        file[part] = look(pixels_from_uint8(frames[rows[part]], device)).half().cpu().numpy()
    file.flush()
