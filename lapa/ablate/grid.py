"""What is varied: axes of settings around one base run. A cell is one training; equal cells are trained once."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lapa.train.laq import MOTION_WEIGHT, NOTHING_SHARE, TrainLAQConfig
from lapa.types import LapaError

Setting = Mapping[str, Any]

QUANTIZERS: dict[str, Setting] = {
    "residual (ours)": {"model.quantizer": "residual"},
    "shared codebook, NSVQ": {"model.quantizer": "shared", "noise_until": 1.0},
    "shared codebook": {"model.quantizer": "shared"},
    "EMA-VQ": {"model.quantizer": "ema"},
    "SimVQ, rotation trick": {"model.quantizer": "simvq"},
    "FSQ": {"model.quantizer": "fsq"},
    "LFQ": {"model.quantizer": "lfq"},
    "continuous (bound)": {"model.quantizer": "none"},
}
AXES: dict[str, dict[str, Setting]] = {
    "quantizer": QUANTIZERS,
    "conditioning": {
        "cross-attention": {"model.conditioning": "cross"},
        "additive": {"model.conditioning": "additive"},
    },
    "head": {"warp": {"model.head": "warp"}, "linear": {"model.head": "linear"}},
    "codes": {
        f"{length} x {size}": {"model.code_seq_len": length, "model.codebook_size": size}
        for length, size in ((1, 8), (2, 8), (4, 8), (8, 8), (4, 2), (4, 4), (4, 16), (4, 32))
    },
    "width": {f"{width} wide": {"model.code_width": width} for width in (4, 8, 16, 32)},
    "window": {f"{seconds:g} s": {"window_s": seconds} for seconds in (0.2, 0.4, 0.6, 1.0, 1.6)},
    "motion": {
        "picture alone": {"motion_weight": 0.0, "nothing_share": 0.0},
        "and motion": {"motion_weight": MOTION_WEIGHT, "nothing_share": 0.0},
        "and nothing": {"motion_weight": 0.0, "nothing_share": NOTHING_SHARE},
        "and both": {"motion_weight": MOTION_WEIGHT, "nothing_share": NOTHING_SHARE},
    },
    "seed": {f"seed {number}": {"loop.seed": number} for number in (0, 1, 2)},
}
"""Axis -> label -> what it changes: the quantizer and its rivals, how the decoder is conditioned and ends, tokens times
codes (the paper's section 5.7), width of a code vector, window (the paper's appendix F), what a latent must say
(the picture; where things went; that nothing did); seed says how far apart equal runs are."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One training: where it stands in the table, and its settings."""

    axis: str
    label: str
    folder: str
    config: TrainLAQConfig


def cells(base: TrainLAQConfig, axes: Sequence[str], *, vision: str = "") -> list[Cell]:
    """Return the cells of these axes, the base itself wherever an axis holds it.

    With `vision`, a vision model, the axis "input" sets pixels beside its features.

    Raises:
        LapaError: for an unknown axis, for none, or for one named twice.
    """
    known = AXES | ({"input": {"pixels": {"model.vision": ""}, "features": {"model.vision": vision}}} if vision else {})
    for axis in axes:
        if axis not in known:
            raise LapaError(f"'{axis}' is no axis of the grid: choose among {', '.join(known)}")
    if not axes or len(set(axes)) < len(axes):
        raise LapaError(f"the grid '{','.join(axes)}' names no axis, or one twice: name each once, by commas")
    found = []
    for axis in axes:
        for label, setting in known[axis].items():
            config = changed(base, setting)
            folder = "base" if config == base else f"{axis}-{_slug(label)}"
            found.append(Cell(axis=axis, label=label, folder=folder, config=config))
    return found


def changed(config: Any, setting: Setting) -> Any:
    """Return a config with some fields changed; "model.head" is the field `head` of its field `model`."""
    for path, value in setting.items():
        name, _, rest = path.partition(".")
        config = dataclasses.replace(config, **{name: changed(getattr(config, name), {rest: value}) if rest else value})
    return config


def _slug(label: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", label.lower()).strip("-")
