"""Futures at the size of the picture they begin from: the quantizer sees it small, and moves the pixels it has.

Where a head cannot say what moves (the linear one, the released quantizer), futures have the quantizer's size.
"""

from __future__ import annotations

from collections.abc import Iterator

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


@torch.inference_mode()
def draw(laq: AnyLAQ, frame: Frame, tokens: Int[Tensor, "n l"]) -> Iterator[Float[Tensor, "b 3 h w"]]:
    """Yield the futures of one picture under several latent actions, some at a time.

    `h w` are the picture's, or the quantizer's image_size twice where its head does not move pixels. Values may leave
    [0, 1] slightly.
    """
    small = to_pixels([frame], laq.config.image_size, laq.device)
    own = pixels_from_uint8(frame[None], laq.device)
    for part in tokens.split(BATCH):
        start = small.expand(len(part), -1, -1, -1)
        if moves_pixels(laq):
            yield from _move(laq.change(start, part), own)
        else:
            yield laq.decode(start, part)


def moves_pixels(laq: AnyLAQ) -> bool:
    """Return whether a quantizer draws futures of any size."""
    return getattr(laq, "moves_pixels", False)


def _move(change: Change, own: Float[Tensor, "1 3 h w"]) -> Iterator[Float[Tensor, "b 3 h w"]]:
    at_once = max(1, PIXELS // (own.shape[-2] * own.shape[-1]))
    parts = zip(*(maps.split(at_once) for maps in (change.flow, change.mask, change.paint)), strict=True)
    for flow, mask, paint in parts:
        yield apply(Change(flow, mask, paint), own.expand(len(flow), -1, -1, -1))
