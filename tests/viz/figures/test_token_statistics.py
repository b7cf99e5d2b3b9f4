"""Lift and chance, against scipy's hypergeometric distribution and by hand."""

import numpy as np
import pytest
from scipy.stats import hypergeom

from viz.figures.token_statistics import sequence_statistics, token_statistics


def test_counts_shares_and_lift_of_a_set(index):
    rows = np.arange(35, 45)  # five of the first cluster, five of the second
    found = token_statistics(index, rows)
    assert found.counts[0].tolist() == [5, 0, 0, 0, 5, 0, 0, 0]
    assert found.shares[0, 4] == 0.5 and found.base[0, 4] == 0.3
    assert found.lift[0, 4] == pytest.approx(0.5 / 0.3)
    assert np.isnan(found.lift[0, 1]), "no transition says 1 first"


def test_scores_are_those_of_drawing_without_putting_back(index):
    found = token_statistics(index, np.arange(30))
    chance = hypergeom(100, 60, 30)
    assert found.scores[0, 0] == pytest.approx((30 - chance.mean()) / chance.std())
    assert (token_statistics(index, np.arange(100)).scores == 0).all(), "all of them are no surprise"


def test_chosen_at_random_is_within_chance(index):
    rows = np.random.default_rng(3).choice(100, 40, replace=False)
    assert np.abs(token_statistics(index, rows).scores).max() < 3


def test_sequences_come_commonest_first_with_their_totals(index):
    codes, found = sequence_statistics(index, np.arange(38, 60))
    assert [index.latent_action(int(np.flatnonzero(index.codes == code)[0])).label for code in codes] == [
        "4-5-6-7",
        "0-1-2-3",
    ]
    assert found.counts.tolist() == [[20, 2]] and found.totals.tolist() == [[30, 40]]
    assert found.lift[0, 0] == pytest.approx((20 / 22) / 0.3)
