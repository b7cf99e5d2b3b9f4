"""How new a frame is: a number for every index, also for one whose frames are all alike."""

from dataclasses import replace

import numpy as np
import pytest

from lapa.novelty import UNKNOWN, Novelty, fit_novelty, novelty
from lapa.types import LatentIndex
from tests.viz.conftest import make_index


def index_of(features: np.ndarray, clips: np.ndarray) -> LatentIndex:
    """An index of frames with these features, in the half precision that an index is kept in."""
    center, axes, scale = fit_novelty(features, clips, np.random.default_rng(0))
    kept = axes.astype(np.float16).astype(np.float32)
    return replace(make_index(), novelty_center=center, novelty_axes=kept, novelty_scale=scale)


@pytest.mark.parametrize("size", [1e-3, 1.0, 50.0])
@pytest.mark.parametrize("num_clips", [1, 4])
def test_still_clips_know_their_own_frame_from_another(size, num_clips):
    one = (size * np.random.default_rng(1).normal(size=16)).astype(np.float32)
    index = index_of(np.tile(one, (20, 1)), np.arange(20) % num_clips)
    same, other = novelty(index, one), novelty(index, (one[::-1] * 1.5).copy())
    assert same.inside and same.score < 0.1 and "looks like" in same.sentence
    assert np.isfinite(other.score) and not other.inside and "nan" not in other.sentence


def test_a_huge_score_is_not_written_out():
    index = index_of(np.ones((20, 4), np.float32), np.arange(20) % 4)
    assert "more than 100x farther" in novelty(index, np.full(4, 1e4, np.float32)).sentence


def test_an_older_index_of_still_clips_says_that_it_cannot_tell():
    index = index_of(np.ones((20, 4), np.float32), np.arange(20) % 4)
    old = replace(index, novelty_axes=np.full((4, 4), np.inf, np.float32))
    found = novelty(old, np.ones(4, np.float32))
    assert found.sentence == UNKNOWN and not found.inside and "nan" not in found.short


@pytest.mark.parametrize(
    ("score", "words"),
    [(0.7, "inside"), (1.02, "slightly outside"), (1.52, "1.5x outside"), (1e9, "more than 100x outside")],
)
def test_few_words_say_what_the_number_says(score, words):
    assert Novelty(score=score, inside=score <= 1, sentence="").short == f"{words} the training videos"


def test_just_outside_is_not_one_times_farther():
    index = index_of(np.random.default_rng(2).normal(size=(60, 4)).astype(np.float32), np.arange(60) % 4)
    away = index.novelty_axes[0] / np.linalg.norm(index.novelty_axes[0])
    unit = np.linalg.norm(index.novelty_axes @ away)
    found = novelty(index, (index.novelty_center + 1.02 * index.novelty_scale[1] / unit * away).astype(np.float32))
    assert not found.inside and "is slightly farther" in found.sentence
