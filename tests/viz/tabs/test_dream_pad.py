"""The arrows: the latent action whose measured movement points that way."""

import dataclasses

import numpy as np
import pytest

from viz.tabs.dream_pad import pad_html, steering


def test_each_arrow_is_the_sequence_that_moved_most_that_way(index):
    ways = steering(index)
    assert {name: way.latent_action.tokens for name, way in ways.items() if name in ("right", "up", "left")} == {
        "right": (0, 1, 2, 3),
        "up": (4, 5, 6, 7),
        "left": (0, 0, 0, 0),
    }
    assert (ways["right"].x, ways["right"].y, ways["right"].count) == (pytest.approx(0.1), pytest.approx(0), 40)


def test_the_pad_says_what_was_measured(index):
    shown = pad_html(steering(index), at=7)
    assert shown.count('data-at="7"') == 4
    assert "move left with 0-0-0-0: 10.0 cm on average over 20 transitions" in shown


def test_nothing_is_made_up_where_nothing_was_measured(index):
    blind = dataclasses.replace(index, displacement=np.full_like(index.displacement, np.nan))
    assert steering(blind) == {} == steering(None)
