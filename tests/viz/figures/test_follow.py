"""What follows what: counted right, honest about chance, drawn and written as counted."""

import base64
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lapa.types import LatentIndex
from tests.viz.conftest import make_index
from viz.figures.follow import OTHER, follow_data, follow_figure, follow_table, following_pairs
from viz.figures.paper_follow import draw_follow


@pytest.fixture
def told(index: LatentIndex) -> LatentIndex:
    """An index in which token 0 goes up by one and the rest stays; the last ten rows end their clips."""
    following = index.tokens.copy()
    following[:, 0] = (following[:, 0] + 1) % 8
    following[-10:] = -1
    return replace(index, following=following)


def test_pairs_that_end_with_their_clip_do_not_count(told):
    now, after = following_pairs(told)
    assert len(now) == 90
    np.testing.assert_array_equal(after[:, 1:], now[:, 1:])


def test_rows_of_the_matrix_are_what_came_next(told):
    data = follow_data(told, 0)
    assert data.counts[0, 1] == 60 and data.counts[4, 5] == 30 and data.num_pairs == 90
    assert data.shares[0, 1] == 1 and np.isnan(data.shares[7]).all(), "nothing followed a 7"
    assert data.repeats == (0.0, 0.0)
    assert data.information_bits == pytest.approx(-(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3)))


def test_what_does_not_depend_on_what_came_before_tells_nothing():
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 8, (20_000, 4)).astype(np.int16)
    many = replace(make_index((5000, 5000, 5000, 5000)), tokens=tokens, following=rng.permutation(tokens))
    data = follow_data(many, 2)
    assert data.information_bits < 0.01
    assert data.repeats[0] == pytest.approx(data.repeats[1], abs=0.01)


def test_whole_actions_are_the_commonest_and_the_others_stand_together(told):
    data = follow_data(told, None, num_sequences=2)
    assert data.names == ("0-1-2-3", "4-5-6-7", OTHER)
    np.testing.assert_array_equal(data.counts, [[0, 0, 40], [0, 0, 30], [0, 0, 20]])
    assert data.repeats == (0.0, 0.0), "that others follow others repeats nothing"


def test_an_old_index_knows_its_own_rows_that_lie_a_window_apart(index):
    same_clip = replace(index, clip=np.zeros(100, np.int32))
    now, after = following_pairs(same_clip)
    assert len(now) == 100 - index.window
    np.testing.assert_array_equal(now, index.tokens[: -index.window])
    np.testing.assert_array_equal(after, index.tokens[index.window :])


def test_an_index_without_pairs_says_nothing(index):
    alone = replace(index, clip=np.arange(100, dtype=np.int32))
    data = follow_data(alone, None)
    assert data.num_pairs == 0 and data.information_bits == 0
    draw_follow(data)


@pytest.mark.parametrize("position", [0, 3, None])
def test_screen_paper_and_table_say_the_same(told, position):
    data = follow_data(told, position)
    figure = follow_figure(data)
    go.Figure(data=figure["data"], layout=figure["layout"])
    z = figure["data"][0]["z"]
    drawn = np.frombuffer(base64.b64decode(z["bdata"]), "<f4").reshape(data.counts.shape)
    np.testing.assert_allclose(drawn, data.shares, rtol=1e-6)
    image = draw_follow(data).axes[0].images[0].get_array()
    np.testing.assert_allclose(np.ma.filled(image, np.nan), data.shares)
    heading, *rows = follow_table(data)
    written = np.array([row[heading.index("count")] for row in rows]).reshape(data.counts.shape)
    np.testing.assert_array_equal(written, data.counts)
