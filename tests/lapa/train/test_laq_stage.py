"""What the quantizer's stage is held to, by hand: its loss in time, how fast codes follow, what steering is worth."""

import dataclasses

import numpy as np
import pytest
import torch

from lapa.train.laq import LAQStage
from tests.lapa.train.test_loop import config, videos  # noqa: F401 (fixtures)


@pytest.fixture
def stage(config):  # noqa: F811
    torch.manual_seed(0)
    weights = {"changed_weight": 9.0, "changed_weight_end": 3.0, "revive_every": 1000}
    return LAQStage(dataclasses.replace(config, augment=False, **weights))


def step(stage, progress):
    """Return the stage's loss at a time of its run, and the batch."""
    batch = stage.draw_batch(np.random.default_rng(0), 4)
    loss, _ = stage.loss(stage.model, batch, progress=progress, generator=torch.Generator().manual_seed(0))
    return loss, batch


@pytest.mark.parametrize(("progress", "weight"), [(0.0, 9.0), (0.25, 7.5), (1.0, 3.0)])
def test_changed_pixels_weigh_nine_times_at_first_and_three_times_in_the_end(stage, progress, weight):
    step(stage, progress)  # places the codes
    loss, batch = step(stage, progress)
    frame, future = batch["frame"], batch["future"]
    out = stage.model(frame, future)
    error = (out.future - future).square().mean(1)
    has_changed = (future - frame).abs().mean(1) > 0.05
    assert 0 < has_changed.float().mean() < 0.5
    total = weight * error[has_changed].sum() + error[~has_changed].sum()
    wanted = total / (weight * has_changed.sum() + (~has_changed).sum()) + 0.1 * out.loss
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize(("progress", "memory"), [(0.0, 0.9), (0.5, 0.945), (1.0, 0.99)])
def test_codes_chase_the_latents_at_first_and_settle_in_the_end(stage, progress, memory):
    step(stage, progress)
    quantizer = stage.model.quantizer
    quantizer.mass.fill_(1.0)
    stage.maintain(0, progress=progress, generator=torch.Generator())
    num_codes, num_latents = quantizer.mass.shape[1], len(stage.recent[-1])
    assert num_codes != num_latents
    wanted = memory * num_codes + (1 - memory) * num_latents
    assert quantizer.mass.sum(1).tolist() == pytest.approx([wanted] * len(quantizer.mass), rel=1e-4)


def test_what_a_decoder_that_ignores_its_tokens_gains_over_copying_is_not_controllability(stage, tmp_path):
    with torch.no_grad():
        stage.model.widen.weight.zero_()
    facts = stage.evaluate(tmp_path, 1)
    assert abs(facts["psnr_gain_db"]) > 0.03 and facts["controllability_db"] == 0
