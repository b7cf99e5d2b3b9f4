"""The pure measures, against values worked out by hand or by another library."""

import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from lapa.eval.bootstrap import Bootstrap, unknown
from lapa.eval.meaning import WORDS, direction_word
from lapa.eval.metrics import (
    cross_fit,
    entropy_bits,
    episode_folds,
    normalised_mse,
    r2,
    shared_information,
    ssim,
    weighted_cosine,
)


def test_ssim_is_one_for_equal_pictures_and_falls_with_noise_and_with_blur():
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
    noisy = np.clip(picture.astype(int) + rng.normal(0, 40, picture.shape), 0, 255).astype(np.uint8)
    flat = np.full_like(picture, 128)
    assert ssim(picture, picture)[0] == pytest.approx(1.0)
    assert ssim(flat, picture)[0] < 0.1
    assert 0.5 < ssim(noisy, picture)[0] < 0.95


def test_entropy_counts_bits():
    assert entropy_bits(np.array([5, 5, 5, 5, 0])) == pytest.approx(2.0)
    assert entropy_bits(np.array([7, 0])) == 0.0


def test_shared_information_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    first = rng.integers(0, 8, 4000)
    second = np.where(rng.random(4000) < 0.5, first, rng.integers(0, 8, 4000))
    assert shared_information(first, second, 8) == pytest.approx(normalized_mutual_info_score(first, second))
    assert shared_information(first, first, 8) == pytest.approx(1.0)
    assert shared_information(first, rng.integers(0, 8, 4000), 8) < 0.01
    assert shared_information(np.zeros(4, int), np.zeros(4, int), 8) == 0.0


def test_a_cosine_weighs_by_how_far_it_moved():
    truth = np.array([[1.0, 0.0], [0.001, 0.0]])
    assert weighted_cosine(np.array([[5.0, 0.0], [-1.0, 0.0]]), truth) == pytest.approx((1 - 0.001) / 1.001)
    assert weighted_cosine(np.array([[0.0, 2.0], [0.0, 2.0]]), truth) == pytest.approx(0.0)
    assert np.isnan(weighted_cosine(truth, np.zeros((2, 2))))


def test_normalised_mse_weighs_every_dimension_alike_and_r2_by_variance():
    spread = np.stack([np.full(4, 10.0), np.full(4, 0.1)], axis=1)
    residual = np.stack([np.zeros(4), np.full(4, 0.1)], axis=1)
    assert normalised_mse(residual, spread) == pytest.approx(0.5)
    assert r2(residual, spread) == pytest.approx(1.0, abs=1e-3)


def test_a_probe_reads_other_features_of_the_same_rows():
    rng = np.random.default_rng(0)
    features, folds = rng.normal(size=(200, 3)), np.arange(200) % 5
    targets = features @ rng.normal(size=(3, 2)) + 1.0
    here, mean = cross_fit(features, targets, folds)
    there, _ = cross_fit(features, targets, folds, at=features[::-1])
    assert np.allclose(here, targets, atol=0.05) and np.allclose(there, here[::-1], atol=0.05)
    assert np.allclose(mean, targets.mean(axis=0), atol=0.5)


def test_folds_hold_whole_episodes():
    folds = episode_folds(np.array([4, 4, 9, 9, 11, 12, 13, 20]))
    assert folds.tolist() == [0, 0, 1, 1, 2, 3, 4, 0]


def test_an_interval_holds_the_value_also_of_what_repeats_make_smaller():
    rng = np.random.default_rng(0)
    codes, episodes = rng.integers(0, 4096, 400), np.repeat(np.arange(40), 10)
    boot = Bootstrap(episodes)
    facts = boot.measure("bits", lambda rows: entropy_bits(np.bincount(codes[rows])), recentred=True)
    assert facts["bits_low"] < facts["bits"] < facts["bits_high"]
    biased = boot.measure("bits", lambda rows: entropy_bits(np.bincount(codes[rows])))
    assert biased["bits_high"] < biased["bits"]


def test_draws_without_an_answer_are_left_out_and_none_is_none():
    boot = Bootstrap(np.array([0, 0, 1, 1]))
    facts = boot.measure("x", lambda rows: float("nan") if (rows < 2).all() else 3.0)
    assert facts == {"x": 3.0, "x_low": 3.0, "x_high": 3.0}
    assert boot.measure("x", lambda rows: float("nan")) == unknown("x") == {"x": None, "x_low": None, "x_high": None}


@pytest.mark.parametrize(
    ("right", "ahead", "word"),
    [(1, 0, "right"), (1, 1, "forward-right"), (0, 1, "forward"), (-1, 1, "forward-left"), (-1, 0.1, "left"),
     (-1, -1, "back-left"), (0, -1, "back"), (1, -1, "back-right")],
)  # fmt: skip
def test_eight_directions_have_names(right, ahead, word):
    assert direction_word(float(right), float(ahead), WORDS[True]) == word


def test_in_the_picture_forward_is_up():
    assert direction_word(-1.0, 1.0, WORDS[False]) == "up-left"
