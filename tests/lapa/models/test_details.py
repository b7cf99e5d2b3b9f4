"""What a policy may see beside the encoder's features: the decoder's convolutions, patch by patch."""

import pytest
import torch

from lapa.models.laq import LAQ, LAQConfig
from lapa.types import LapaError

SMALL = {"image_size": 64, "width": 32, "num_heads": 2, "num_spatial": 1, "num_decoder": 1}


def test_a_patch_sees_its_own_place_and_no_colour_is_lost():
    torch.manual_seed(0)
    laq = LAQ(LAQConfig(**SMALL)).eval()
    frame = torch.full((1, 3, 64, 64), 0.5)
    red = frame.clone()
    red[0, 0, 20:28, 36:44] = 1.0  # within the patch in row 1, column 2
    plain, other = laq.details(frame), laq.details(red)
    assert plain.shape == (1, 16, 192)
    moved = (other - plain).norm(dim=-1).reshape(4, 4)
    assert moved.argmax() == 6 and moved[3].max() == 0 and moved[:, 0].max() == 0


def test_the_linear_head_has_none():
    with pytest.raises(LapaError, match="no-details"):
        LAQ(LAQConfig(**SMALL, head="linear")).details(torch.zeros(1, 3, 64, 64))
