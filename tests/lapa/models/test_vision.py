"""Frozen eyes: a tiny random DINOv2 on disk, what the encoder makes of it, and what a checkpoint says of it."""

import dataclasses
import json
import shutil

import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from lapa.checkpoint import save_checkpoint
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.models.vision import MEAN, FrozenVision
from lapa.types import LapaError

SMALL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4)
DINO = Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14)


def save_dino(folder, seed: int = 0) -> str:
    torch.manual_seed(seed)
    Dinov2Model(DINO).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def dino(tmp_path_factory) -> str:
    return save_dino(tmp_path_factory.mktemp("dino"))


@pytest.fixture
def model(dino) -> LAQ:
    torch.manual_seed(1)
    return LAQ(dataclasses.replace(SMALL, vision=dino))


def frames() -> torch.Tensor:
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def save(model: LAQ, path, **parents: str):
    return save_checkpoint(path, kind="laq", model=model.config, tensors=model.state_dict(), parents=parents)


def test_features_are_the_models_own_patches_in_order(dino):
    """At the size the model was made for, its patches are the grid; a bright corner shows in the patch it lies in."""
    vision, pictures = FrozenVision(dino, grid=4), torch.full((2, 3, 56, 56), 0.5)
    pictures[1, :, 42:, 42:] = 1.0
    dark, bright = vision(pictures)
    assert vision.side == 56 and dark.shape == (16, 24)
    normalised = (pictures - torch.tensor(MEAN).reshape(3, 1, 1)) / vision.std
    expected = Dinov2Model.from_pretrained(dino)(pixel_values=normalised).last_hidden_state[:, 1:]
    torch.testing.assert_close(torch.stack([dark, bright]), expected, atol=1e-5, rtol=1e-5)
    assert (dark - bright).norm(dim=-1).argmax() == 15


def test_the_folder_says_how_pictures_are_normalised(dino, tmp_path):
    folder = shutil.copytree(dino, tmp_path / "dino")
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.25] * 3}))
    vision = FrozenVision(str(folder), grid=2)
    assert vision.mean.flatten().tolist() == [0.5] * 3 and vision.std.flatten().tolist() == [0.25] * 3


def test_pictures_are_scaled_to_the_grid(dino):
    vision = FrozenVision(dino, grid=2)
    assert vision.side == 28 and vision(frames()).shape == (3, 4, 24)


def test_the_encoder_sees_features_and_the_decoder_pixels(model):
    frame, future = frames(), frames().flip(0)
    encoding = model.encode(frame, future)
    assert encoding.tokens.shape == (3, 4) and model.decode(frame, encoding.tokens).shape == frame.shape
    assert model.frame_features(frame).shape == (3, 4, 64)
    with torch.no_grad():
        model.embed[1].weight.zero_()  # the pixels' patches, which the encoder must not need
    assert torch.equal(model.encode(frame, future).continuous, encoding.continuous)
    assert model.encode(frame, frame).continuous.abs().max() < 1e-5


def test_the_eyes_are_frozen_and_not_saved(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    eyes = model.vision.sha256
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    out = model.train()(frames(), frames().flip(0))
    (out.future.square().mean() + out.loss).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []
    optimizer.step()
    assert model.vision.sha256 == eyes
    assert not [name for name in model.state_dict() if name.startswith("vision")]


def test_a_move_takes_the_eyes_along(model):
    model.double()
    assert model.vision(frames().double()).dtype == torch.float64


def test_a_checkpoint_finds_its_eyes_again(model, tmp_path):
    save(model, tmp_path, vision=model.vision.sha256)
    again, frame = load_laq(tmp_path), frames()
    torch.testing.assert_close(
        again.encode(frame, frame.flip(0)).continuous, model.encode(frame, frame.flip(0)).continuous
    )


def test_other_eyes_are_refused(tmp_path):
    torch.manual_seed(1)
    model = LAQ(dataclasses.replace(SMALL, vision=save_dino(tmp_path / "dino")))
    save(model, tmp_path / "laq", vision=model.vision.sha256)
    save_dino(tmp_path / "dino", seed=5)
    with pytest.raises(LapaError, match="another vision model"):
        load_laq(tmp_path / "laq")
    shutil.rmtree(tmp_path / "dino")
    with pytest.raises(LapaError, match="cannot be opened"):
        load_laq(tmp_path / "laq")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(LapaError, match="that folder holds none"):
        FrozenVision(str(tmp_path), grid=2)
