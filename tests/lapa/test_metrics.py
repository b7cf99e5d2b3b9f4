"""The metrics, against values worked out by hand."""

import numpy as np
import pytest

from lapa.eval.laq import evaluate_laq
from lapa.eval.metrics import (
    bootstrap_interval,
    codes_used,
    one_hot,
    perplexity,
    pooled_psnr,
    probe_r2,
    psnr_gain,
)
from lapa.models.load import load_laq
from lapa.types import LapaError
from tests.lapa.conftest import WINDOW_S, MovingSquare


def test_psnr_pools_the_error_before_the_logarithm():
    assert pooled_psnr(np.array([0.01, 0.01])) == pytest.approx(20.0)
    # The mean of per-pair PSNRs would be 40 dB here; a still pair must not decide.
    assert pooled_psnr(np.array([0.01, 1e-6])) == pytest.approx(23.01, abs=0.01)


def test_gain_is_positive_when_the_error_is_smaller_than_the_baseline():
    assert psnr_gain(np.array([0.01]), np.array([0.1])) == pytest.approx(10.0)


def test_perplexity_counts_codes_used_evenly():
    assert perplexity(np.array([[0, 1], [2, 3]]), 8) == pytest.approx(4.0)
    assert perplexity(np.zeros((5, 2), np.int64), 8) == pytest.approx(1.0)
    assert codes_used(np.array([[0, 3], [3, 3]])) == 2


def test_one_hot_keeps_positions_apart():
    assert one_hot(np.array([[1, 0]]), 2).tolist() == [[0, 1, 1, 0]]


def test_probe_reads_a_linear_map_and_not_noise():
    rng = np.random.default_rng(0)
    features, groups = rng.normal(size=(300, 4)), np.repeat(np.arange(30), 10)
    assert probe_r2(features, features @ rng.normal(size=(4, 2)) + 3.0, groups) > 0.99
    assert probe_r2(features, rng.normal(size=(300, 2)), groups) < 0.05


def test_probe_is_judged_on_episodes_it_never_saw():
    # The features name the episode, the target is a random number per episode: memorising cannot help.
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    targets = rng.normal(size=(20, 1))[groups]
    assert probe_r2(np.eye(20)[groups], targets, groups) < 0.05


def test_probe_has_no_answer_for_one_episode():
    assert probe_r2(np.ones((5, 1)), np.ones((5, 1)), np.zeros(5, np.int64)) is None


def test_bootstrap_resamples_whole_episodes():
    values, groups = np.repeat(np.arange(10.0), 50), np.repeat(np.arange(10), 50)
    low, high = bootstrap_interval(lambda rows: float(values[rows].mean()), groups)
    assert low < 4.5 < high
    # 500 independent rows would give an interval of about 0.5; 10 episodes give about 3.5.
    assert high - low > 2.5


def test_evaluation_has_the_stable_keys_and_bounds(bundle, source):
    facts = evaluate_laq(load_laq(bundle / "laq"), source, window_s=WINDOW_S, num_pairs=30)
    stable = (
        "psnr psnr_copy psnr_gain_db controllability_db codes_used codebook_size perplexity "
        "probe_r2_tokens probe_r2_continuous num_pairs"
    )
    assert set(stable.split()) <= set(facts)
    assert facts["num_pairs"] == 30
    assert facts["num_episodes"] == 6
    assert facts["psnr_gain_db"] == pytest.approx(facts["psnr"] - facts["psnr_copy"])
    assert 1 <= facts["perplexity"] <= facts["codes_used"] <= facts["codebook_size"] == 8


def test_evaluation_uses_the_validation_split_unless_told(bundle):
    laq, source = load_laq(bundle / "laq"), MovingSquare(splits=("train", "validation", "train"))
    facts = evaluate_laq(laq, source, window_s=WINDOW_S, num_pairs=1000)
    assert facts["num_episodes"] == 2
    with pytest.raises(LapaError, match="it has train, validation"):
        evaluate_laq(laq, source, window_s=WINDOW_S, split="test")


def test_evaluation_says_when_the_window_is_too_long(bundle, source):
    with pytest.raises(LapaError, match="window of 9 s"):
        evaluate_laq(load_laq(bundle / "laq"), source, window_s=9.0)
