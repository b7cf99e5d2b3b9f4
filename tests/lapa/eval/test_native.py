"""PSNR at the clip's own size, beside values computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from lapa.data.transitions import Transitions
from lapa.eval.native import native_facts
from lapa.models.laq import LAQ, LAQConfig
from tests.lapa.eval.conftest import SlidingSquare

GREYS = ((51, 102), (51, 51))
"""Two clips of two flat pictures, 64 x 36: one goes from 0.2 to 0.4, the other stays at 0.2."""
WHERE = Transitions(clip=np.array([0, 1]), t=np.zeros(2, int), window=np.ones(2, int))
TOKENS = np.zeros((2, 4), np.int64)


class Greys(SlidingSquare):
    """A `ClipSource` of flat pictures."""

    def __init__(self):
        super().__init__(num_clips=2, num_frames=2)

    def frames(self, i: int, indices: Sequence[int]) -> np.ndarray:
        return np.stack([np.full((36, 64, 3), GREYS[i][t], np.uint8) for t in indices])


def untrained(head: str) -> LAQ:
    """Return a quantizer that moves nothing; the warping head paints mid-grey through a mask of sigmoid(-4)."""
    model = LAQ(LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=8, head=head))
    if head == "warp":
        torch.nn.init.zeros_(model.head.to_paint.weight)
        torch.nn.init.zeros_(model.head.to_paint.bias)
    return model.eval()


def test_a_head_that_moves_pixels_is_measured_on_the_clips_own_picture():
    # mask 0.017986; drawn 0.2 + 0.017986 * (0.5 - 0.2) = 0.205396; squared errors 0.194604^2 and 0.005396^2
    facts = native_facts(untrained("warp"), Greys(), WHERE, TOKENS)
    assert facts["psnr_native_copy"] == pytest.approx(16.9897, abs=1e-3)  # -10 log10((0.2^2 + 0) / 2)
    assert facts["psnr_native"] == pytest.approx(17.2239, abs=1e-3)  # -10 log10((0.037871 + 0.000029) / 2)
    assert facts["psnr_native_gain_db"] == pytest.approx(0.2342, abs=1e-3)


def test_what_a_head_draws_that_moves_no_pixels_is_stretched():
    facts = native_facts(untrained("linear"), Greys(), WHERE, TOKENS)
    assert facts["psnr_native"] == pytest.approx(16.9897, abs=1e-3)
    assert facts["psnr_native_gain_db"] == pytest.approx(0.0, abs=1e-3)
