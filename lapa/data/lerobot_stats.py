"""Statistics as a LeRobotDataset keeps them, per episode and of the whole: min, max, mean, std, count and quantiles.

Source: `lerobot/datasets/compute_stats.py`; but quantiles of what is at hand are exact there where it estimates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lapa.types import Frames

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
MAX_SIDE_WHOLE, SIDE = 300, 150
"""Pictures with a longer side of `MAX_SIDE_WHOLE` or more are thinned out to about `SIDE`, pixels."""
Stats = dict[str, Any]


def vector_stats(values: np.ndarray) -> Stats:
    """Return the statistics of [t n] numbers, lists of n each, and count [t]."""
    values = values.astype(np.float64)
    found = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
    found |= {name: np.quantile(values, share, axis=0) for name, share in QUANTILES.items()}
    return {key: value.tolist() for key, value in found.items()} | {"count": [len(values)]}


def picture_stats(frames: Frames) -> Stats:
    """Return the statistics of an episode's colours in [0, 1], lists [3 1 1]; count is of the frames looked at."""
    chosen = frames[_some(len(frames))]
    step = max(1, max(frames.shape[1:3]) // SIDE) if max(frames.shape[1:3]) >= MAX_SIDE_WHOLE else 1
    pixels = chosen[:, ::step, ::step].reshape(-1, 3)
    counts = np.stack([np.bincount(channel, minlength=256) for channel in pixels.T]).astype(np.float64)
    levels, total = np.arange(256) / 255.0, len(pixels)
    mean = counts @ levels / total
    found = {
        "min": np.array([levels[row > 0][0] for row in counts]),
        "max": np.array([levels[row > 0][-1] for row in counts]),
        "mean": mean,
        "std": np.sqrt(np.maximum(counts @ levels**2 / total - mean**2, 0.0)),
    }
    for name, share in QUANTILES.items():
        found[name] = np.array([levels[np.searchsorted(np.cumsum(row), share * total)] for row in counts])
    return {key: value.reshape(3, 1, 1).tolist() for key, value in found.items()} | {"count": [len(chosen)]}


def joined_stats(parts: Sequence[Stats]) -> Stats:
    """Return the statistics of several parts together.

    Exact but for the quantiles, which cannot be had from parts: as in LeRobot, the lowest of the parts up to the
    median, the highest above.
    """
    count = np.array([part["count"][0] for part in parts], np.float64)
    stacked = {name: np.stack([np.array(part[name]) for part in parts]) for name in parts[0] if name != "count"}
    weight = (count / count.sum()).reshape(-1, *[1] * (stacked["mean"].ndim - 1))
    mean = (stacked["mean"] * weight).sum(0)
    found = {
        "min": stacked["min"].min(0),
        "max": stacked["max"].max(0),
        "mean": mean,
        "std": np.sqrt(((stacked["std"] ** 2 + (stacked["mean"] - mean) ** 2) * weight).sum(0)),
    }
    for name, share in QUANTILES.items():
        found[name] = stacked[name].min(0) if share <= 0.5 else stacked[name].max(0)
    return {key: value.tolist() for key, value in found.items()} | {"count": [int(count.sum())]}


def _some(num: int) -> np.ndarray:
    """Choose frames as LeRobot does: all up to a hundred, then about num to the power of 3/4, evenly spread."""
    chosen = max(min(100, num), min(int(num**0.75), 10_000))
    return np.round(np.linspace(0, num - 1, chosen)).astype(int)
