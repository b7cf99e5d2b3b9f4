"""Bins: equally full, as fine as the data, and back to actions."""

import numpy as np
import pytest

from lapa.models.action_bins import ActionBins
from lapa.types import LapaError


@pytest.fixture
def actions():
    rng = np.random.default_rng(0)
    skewed = rng.exponential(size=4000) ** 2
    gripper = (rng.random(4000) < 0.3).astype(float)
    return np.stack([skewed, gripper, np.full(4000, 0.5)], axis=1).astype(np.float32)


def test_bins_are_equally_full_whatever_the_distribution(actions):
    bins = ActionBins.fit(actions, 16)
    counts = np.bincount(bins.encode(actions)[:, 0])
    assert len(counts) == 16 and counts.min() > 0.9 * 250 and counts.max() < 1.1 * 250


def test_values_that_repeat_collapse_into_one_bin(actions):
    bins = ActionBins.fit(actions, 16)
    assert bins.num_bins == (16, 2, 1)
    assert np.allclose(bins.decode(bins.encode(actions))[:, 1:], actions[:, 1:])


def test_decoding_gives_the_mean_of_the_bin(actions):
    bins = ActionBins.fit(actions, 16)
    place = bins.encode(actions)[:, 0]
    assert bins.decode(np.array([[3, 0, 0]]))[0, 0] == pytest.approx(actions[place == 3, 0].mean(), rel=1e-4)


def test_actions_beyond_the_training_range_take_the_outermost_bin(actions):
    bins = ActionBins.fit(actions, 16)
    assert bins.encode(np.array([[1e6, 9, 9], [-1e6, -9, -9]])).tolist() == [[15, 1, 0], [0, 0, 0]]


def test_json_keeps_every_bit(actions):
    bins = ActionBins.fit(actions, 16)
    again = ActionBins.from_json(bins.to_json())
    for ours, theirs in zip((*bins.edges, *bins.values), (*again.edges, *again.values)):
        assert np.array_equal(ours, theirs)


def test_actions_that_cannot_be_used_are_refused():
    with pytest.raises(LapaError, match="not finite"):
        ActionBins.fit(np.array([[0.0, np.nan]], np.float32), 4)
    with pytest.raises(LapaError, match="damaged"):
        ActionBins.from_json('{"edges": 3}')
