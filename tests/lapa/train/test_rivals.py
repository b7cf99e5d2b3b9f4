"""Every quantizer, conditioning and input learns: on a square that jumps, each beats copying the frame."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from lapa.checkpoint import read_config
from lapa.data.video import write_video
from lapa.models.laq import LAQConfig
from lapa.models.load import load_laq
from lapa.models.quantizer import QUANTIZERS
from lapa.train import laq as stage
from lapa.train.loop import LoopConfig

MODEL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4)
LOOP = LoopConfig(
    num_steps=120, batch_size=32, lr=3e-3, warmup_steps=10, log_every=60, eval_every=120, save_every=120, precision="no"
)

SLOW_TO_SETTLE = ("shared", "ema")
"""Four latents that share a codebook need longer before their codes mean anything."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Eight clips of a bright square that jumps up, down, left, right, or stays."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(8):
        rng = np.random.default_rng(number)
        place = np.array([12, 12])
        frames = np.full((14, 32, 32, 3), 90, np.uint8)
        for frame in frames:
            place = np.clip(place + rng.integers(-1, 2, 2) * 6, 0, 24)
            frame[place[0] : place[0] + 8, place[1] : place[1] + 8] = (240, 200, 40)
        write_video(folder / f"clip{number}.mp4", frames, 10)
    return folder


@pytest.fixture
def config(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    return stage.TrainLAQConfig(
        data=str(videos), window_s=0.1, num_validation=2, revive_every=20, changed_weight=1.0, model=MODEL, loop=LOOP
    )


def train(config, out, **choices) -> dict:
    """Train with some choices of the model changed; return the report."""
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, **choices))
    return json.loads((stage.run(config, out=out) / "report.json").read_text())


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_every_quantizer_learns_to_beat_copying(quantizer, config, tmp_path):
    if quantizer in SLOW_TO_SETTLE:
        config = dataclasses.replace(config, loop=dataclasses.replace(config.loop, num_steps=360))
    report = train(config, tmp_path / "laq", quantizer=quantizer)
    assert report["psnr_gain_db"] > 0.5
    if quantizer == "none":
        assert report["controllability_shuffled_db"] > 0.5
        assert not {"controllability_db", "perplexity", "codes_used"} & set(report)
    else:
        assert report["controllability_db"] > 0.2
        assert report["perplexity"] > 1.5


def test_added_tokens_steer(config, tmp_path):
    report = train(config, tmp_path / "laq", conditioning="additive")
    assert report["psnr_gain_db"] > 0.5 and report["controllability_db"] > 0.2


def test_features_of_a_frozen_model_are_enough_to_learn_from(config, tmp_path):
    torch.manual_seed(0)
    dino = Dinov2Config(hidden_size=24, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14)
    Dinov2Model(dino).save_pretrained(tmp_path / "dino")
    report = train(config, tmp_path / "laq", vision=str(tmp_path / "dino"))
    assert report["psnr_gain_db"] > 0.3
    laq = load_laq(tmp_path / "laq")
    assert read_config(tmp_path / "laq")["parents"] == {"vision": laq.vision.sha256}


@pytest.mark.parametrize("quantizer", ["ema", "lfq", "none"])
def test_a_stopped_rival_goes_on_bit_for_bit(quantizer, config, tmp_path, monkeypatch):
    loop = dataclasses.replace(LOOP, num_steps=8, batch_size=4, log_every=2, eval_every=8, save_every=4)
    short = dataclasses.replace(config, loop=loop, revive_every=3)
    train(short, tmp_path / "whole", quantizer=quantizer)

    class Killed(Exception):  # noqa: N818
        pass

    def maintain(self, step, **kwargs):
        if step == 5:
            raise Killed
        original(self, step, **kwargs)

    original = stage.LAQStage.maintain
    with monkeypatch.context() as patch:
        patch.setattr(stage.LAQStage, "maintain", maintain)
        with pytest.raises(Killed):
            train(short, tmp_path / "killed", quantizer=quantizer)
    train(short, tmp_path / "killed", quantizer=quantizer)
    whole, killed = (load_laq(tmp_path / name, needs_tokens=False).state_dict() for name in ("whole", "killed"))
    assert all(torch.equal(whole[name], killed[name]) for name in whole)


def test_fewer_clips_are_spread_over_all(config):
    few = stage.LAQStage(dataclasses.replace(config, num_train=2))
    assert few.train.store.rows == (1, 4) and few.validation.store.rows == (0,)  # a fifth of eight is held out
