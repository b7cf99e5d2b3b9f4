"""Futures at the size of the picture they begin from: the quantizer sees it small, and moves the pixels it has.

Where a head cannot say what moves (the linear one, the released quantizer), futures have the quantizer's size.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.frames import pixels_from_uint8, to_pixels
from lapa.models.heads import Change, apply
from lapa.models.load import AnyLAQ
from lapa.types import Frame

BATCH = 32
PIXELS = 2**20
"""Pixels that are moved at a time: at 1280 x 720, one future."""


def draw(laq: AnyLAQ, frame: Frame, tokens: Int[Tensor, "n l"]) -> Iterator[Float[Tensor, "b 3 h w"]]:
    """Yield the futures of one picture under several latent actions, some at a time.

    `h w` are the picture's, or the quantizer's image_size twice where its head does not move pixels. Values may leave
    [0, 1] slightly.
    """
    small = to_pixels([frame], laq.config.image_size, laq.device)
    own = pixels_from_uint8(np.stack([frame]), laq.device)
    at_once = max(1, PIXELS // (own.shape[-2] * own.shape[-1]))
    for part in tokens.split(BATCH):
        if not moves_pixels(laq):
            yield _decode(laq, small, part)
            continue
        change = _change(laq, small, part)
        for rows in torch.arange(len(part)).split(at_once):
            yield _move(change, rows, own)


def moves_pixels(laq: AnyLAQ) -> bool:
    """Return whether a quantizer draws futures of any size."""
    return getattr(laq, "moves_pixels", False)


@torch.inference_mode()
def _decode(laq: AnyLAQ, small: Tensor, tokens: Tensor) -> Tensor:
    return laq.decode(small.expand(len(tokens), -1, -1, -1), tokens)


@torch.inference_mode()
def _change(laq: AnyLAQ, small: Tensor, tokens: Tensor) -> Change:
    return laq.change(small.expand(len(tokens), -1, -1, -1), tokens)


@torch.inference_mode()
def _move(change: Change, rows: Tensor, own: Tensor) -> Tensor:
    some = Change(change.flow[rows], change.mask[rows], change.paint[rows])
    return apply(some, own.expand(len(rows), -1, -1, -1))
