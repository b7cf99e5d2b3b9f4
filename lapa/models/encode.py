"""Encode many pairs that share frames: a frame is seen once, however many pairs it is in.

Along a video nearly every frame is the future of one pair and the current frame of another. What the quantizer makes
of a frame alone (`see`) is kept until no later pair needs it, so that memory goes with the window and the batch, not
with the length of the video or of the data set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from lapa.models.laq import Encoding
from lapa.models.load import AnyLAQ
from lapa.types import LatentAction

Look = Callable[[np.ndarray], Tensor]
"""Frame numbers, int [b] -> their pixels, float [b 3 h w] in [0, 1] at the quantizer's size and on its device."""


@torch.inference_mode()
def encode_pairs(
    laq: AnyLAQ,
    look: Look,
    first: Int[np.ndarray, "n"],
    later: Int[np.ndarray, "n"],
    *,
    batch_size: int,
) -> Iterator[Encoding]:
    """Encode the pairs (first[i], later[i]) of numbered frames; yield an encoding per batch, in order.

    `first` must not fall, and `later` lies behind it. `look` is asked for each frame once.
    """
    assert (np.diff(first) >= 0).all() and (later > first).all(), "pairs must be in order of time"
    seen: dict[int, Tensor] = {}
    for start in range(0, len(first), batch_size):
        part = slice(start, start + batch_size)
        wanted = np.union1d(first[part], later[part])
        new = wanted[[number not in seen for number in wanted.tolist()]]
        for some in np.split(new, range(batch_size, len(new), batch_size)):
            seen.update(zip(some.tolist(), laq.see(look(some)), strict=True))
        yield laq.compare(*(torch.stack([seen[t] for t in times.tolist()]) for times in (first[part], later[part])))
        needed_from = first[part.stop] if part.stop < len(first) else np.inf
        seen = {number: frame for number, frame in seen.items() if number >= needed_from}


def latent_actions(encoding: Encoding) -> list[LatentAction]:
    """Turn a batch of encodings into nouns."""
    columns = (encoding.tokens, encoding.continuous, encoding.distances)
    return [
        LatentAction(
            tokens=tuple(tokens.tolist()),
            codebook_size=distances.shape[-1],
            continuous=continuous,
            distances=distances,
        )
        for tokens, continuous, distances in zip(*(column.cpu().numpy() for column in columns), strict=True)
    ]
