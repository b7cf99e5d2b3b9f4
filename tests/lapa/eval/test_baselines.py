"""What latent actions must beat: computed on real models, the pretrained one from a folder on disk."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import Dinov2Config, Dinov2Model

from lapa.eval.baselines import Baselines, components
from lapa.eval.laq import evaluate_laq
from lapa.eval.sample import Batch
from lapa.models.load import load_laq
from lapa.types import LapaError
from tests.lapa.conftest import WINDOW_S


@pytest.fixture(scope="module")
def vision(tmp_path_factory) -> Path:
    """A tiny vision transformer with random weights, as `save_pretrained` writes it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("vision")
    config = Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=56, patch_size=7)
    Dinov2Model(config).save_pretrained(folder)
    return folder


def test_the_untrained_quantizer_has_the_same_shape_and_used_codes_but_other_weights(bundle):
    laq = load_laq(bundle / "laq")
    frame, future = torch.rand(2, 24, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    batch = Batch(rows=np.arange(24), frame=frame, future=future, others=None)
    seen = Baselines(laq, seed=1).look(batch)  # the quantizer of these tests is an untrained one of seed 0
    ours = laq.encode(frame, future)
    assert seen.untrained_tokens.shape == tuple(ours.tokens.shape)
    assert seen.untrained_continuous.shape == tuple(ours.continuous.flatten(1).shape)
    assert not np.allclose(seen.untrained_continuous, ours.continuous.flatten(1).numpy())
    assert len(np.unique(seen.untrained_tokens[:, 0])) > 3  # its codes lie where its latents do
    assert seen.pretrained is None
    assert np.array_equal(Baselines(laq, seed=1).look(batch).untrained_tokens, seen.untrained_tokens)


def test_components_are_whitened_and_find_a_plane():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(100, 2)) * (5, 1)
    found = components((plane @ rng.normal(size=(2, 40))).astype(np.float16), 2)
    assert found.std(axis=0) == pytest.approx(np.ones(2), rel=0.05)
    fit = np.linalg.lstsq(np.c_[found, np.ones(100)], plane, rcond=None)[0]
    assert np.allclose(np.c_[found, np.ones(100)] @ fit, plane, atol=0.1)
    assert components(np.zeros((3, 40), np.float16), 32).shape == (3, 2)


def test_pretrained_features_are_one_more_baseline(bundle, source, vision):
    facts = evaluate_laq(load_laq(bundle / "laq"), source, window_s=WINDOW_S, num_pairs=40, features=vision)
    rows = {(row["target"], row["features"]): row for row in facts["probes"]}
    assert np.isfinite(rows["displacement", "pretrained"]["r2"])
    assert facts["probe_r2_pretrained"] == rows["displacement", "pretrained"]["r2"]


def test_a_folder_without_a_model_is_one_sentence(bundle, tmp_path):
    with pytest.raises(LapaError, match="holds no vision model"):
        Baselines(load_laq(bundle / "laq"), features=tmp_path)


def test_the_untrained_one_does_not_depend_on_what_was_drawn_before(bundle):
    laq = load_laq(bundle / "laq")
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    Baselines(laq, seed=3)
    assert torch.equal(torch.random.get_rng_state(), before)
