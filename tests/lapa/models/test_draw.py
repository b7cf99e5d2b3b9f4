"""Futures at the size of the picture they begin from."""

import dataclasses

import numpy as np
import pytest
import torch

from lapa.dream import LAQWorld
from lapa.frames import pixels_from_uint8, to_frames, to_pixels
from lapa.limits import CLIP_BYTES, clip_side
from lapa.models.draw import draw
from lapa.models.heads import Change, apply
from lapa.models.laq import LAQ, LAQConfig
from lapa.types import LatentAction

SMALL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=8)
TOKENS = torch.tensor([[0, 1, 2, 3], [7, 6, 5, 4], [1, 1, 1, 1]])


def quantizer(head: str = "warp") -> LAQ:
    torch.manual_seed(0)
    model = LAQ(dataclasses.replace(SMALL, head=head)).eval()
    if head == "warp":
        torch.nn.init.normal_(model.head.to_flow.weight, std=0.5)
    return model


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def still(height: int, width: int, **maps: torch.Tensor) -> Change:
    nothing = {"flow": torch.zeros(1, 2, height, width), "mask": torch.zeros(1, 1, height, width)}
    return Change(**{**nothing, "paint": torch.zeros(1, 3, height, width), **maps})


def test_at_the_models_own_size_nothing_differs_from_decode():
    model, frame = quantizer(), picture(32, 32)
    with torch.inference_mode():
        expected = model.decode(to_pixels([frame], 32).expand(3, -1, -1, -1), TOKENS)
    assert torch.equal(torch.cat(list(draw(model, frame, TOKENS))), expected)


@pytest.mark.parametrize("size", [(36, 64), (720, 1280), (20, 24)])
def test_where_nothing_moves_the_picture_stays_as_sharp_as_it_was(size):
    frame = pixels_from_uint8(picture(*size)[None])
    torch.testing.assert_close(apply(still(32, 32), frame), frame, atol=2e-3, rtol=0)


def test_large_pictures_come_out_the_same_with_and_without_gradients():
    torch.manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.randn(2, 2, 4, 4), (32, 32), mode="bilinear")
    change = Change(smooth, torch.rand(2, 1, 32, 32), torch.rand(2, 3, 32, 32))
    frame = torch.from_numpy(np.stack([picture(90, 160), picture(90, 160)[::-1]])).permute(0, 3, 1, 2) / 255
    by_torch = apply(change, frame)
    with torch.inference_mode():
        by_opencv = apply(change, frame)
    torch.testing.assert_close(by_opencv, by_torch, atol=1e-4, rtol=0)


def test_flow_is_measured_in_pictures_whatever_their_size():
    flow = torch.zeros(1, 2, 32, 32)
    flow[:, 0] = 10 * 2 * 40 / 160  # a quarter of the width, in tenths of half of it
    frame = pixels_from_uint8(picture(90, 160)[None])
    moved = apply(still(32, 32, flow=flow), frame)
    torch.testing.assert_close(moved[..., :110], frame[..., 40:150], atol=2e-3, rtol=0)


def test_mask_and_paint_lie_where_they_lay_up_to_the_border():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 16:] = 1.0
    paint = torch.ones(1, 3, 32, 32) * 0.25
    painted = apply(still(32, 32, mask=mask, paint=paint), pixels_from_uint8(picture(90, 160)[None]))
    assert (painted[..., 84:] == 0.25).all() and (painted[..., :76] != 0.25).any()


def test_a_dream_goes_on_from_pictures_of_the_clips_own_size():
    action = LatentAction(tokens=(0, 1, 2, 3), codebook_size=8)
    world = LAQWorld(quantizer())
    first = world.step(picture(90, 160), action)
    assert first.shape == world.step(first, action).shape == (90, 160, 3)
    (future,) = draw(quantizer(), first, torch.tensor([action.tokens]))
    assert (world.step(first, action) == to_frames(future)[0]).all()
    assert world.step(picture(1440, 2560), action).shape == (720, 1280, 3)


def test_a_linear_head_draws_at_the_models_size():
    (futures,) = draw(quantizer("linear"), picture(90, 160), TOKENS)
    assert futures.shape == (3, 3, 32, 32)


@pytest.mark.parametrize(
    ("size", "num_frames", "side"), [((180, 320), 900, 320), ((720, 1280), 60, 1280), ((90, 160), 9, 160)]
)
def test_a_clip_is_kept_at_its_own_size_where_it_fits(size, num_frames, side):
    assert clip_side(*size, num_frames) == side


def test_a_long_large_clip_is_kept_smaller():
    side = clip_side(2160, 3840, 900)
    assert 320 < side < 1280 and 900 * 3 * side * side * 9 / 16 <= CLIP_BYTES
    assert clip_side(2160, 3840, 100_000) == 320
