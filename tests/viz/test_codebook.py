import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from viz.figures.codebook import codebook_data, codebook_figure, nested_counts, nested_figure, usage_figure


def test_usage_counts_each_position(index):
    usage = codebook_data(index).usage
    assert usage.sum(axis=1).tolist() == [100] * 4
    assert usage[0, 0] == 60 and usage[0, 4] == 30 and usage[0, 7] == 10


def test_each_sequence_has_its_cell_in_the_grid_of_grids(index):
    nested = nested_counts(index)
    assert nested.counts.shape == (64, 64) and nested.block == (8, 8)
    # tokens 0 and 2 choose the row, 1 and 3 the column
    assert nested.counts[0 * 8 + 2, 1 * 8 + 3] == 40
    assert nested.counts[7 * 8 + 7, 1 * 8 + 1] == 10
    assert nested.counts.sum() == 100
    assert nested.label(int(nested.codes[4 * 8 + 6, 5 * 8 + 7])) == "4-5-6-7"


@pytest.mark.parametrize("length, shape", [(1, (8, 1)), (2, (8, 8)), (3, (64, 8))])
def test_other_lengths_have_their_own_grids(index, length, shape):
    nested = nested_counts(replace(index, tokens=index.tokens[:, :length], codebooks=index.codebooks[:length]))
    assert nested.counts.shape == shape and nested.counts.sum() == 100
    figure = nested_figure(nested)
    go.Figure(data=figure["data"], layout=figure["layout"])


def test_what_is_too_long_for_a_grid_is_counted_by_its_beginning(index):
    nested = nested_counts(index, max_cells=600)
    assert nested.num_tokens == 3 and nested.counts.size == 512 and nested.counts.sum() == 100
    assert nested.label(int(nested.codes[0 * 8 + 2, 1])) == "0-1-2" and nested.counts[0 * 8 + 2, 1] == 40


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_figures_are_plain_json_that_plotly_accepts(index, theme):
    data = codebook_data(index)
    for figure in (
        *(codebook_figure(data, book, theme=theme) for book in range(4)),
        usage_figure(data, theme=theme),
        nested_figure(nested_counts(index), theme=theme),
    ):
        json.dumps(figure, allow_nan=False)
        go.Figure(data=figure["data"], layout=figure["layout"])


@pytest.mark.parametrize("book", [0, 3])
def test_the_figure_shows_the_true_distances_of_the_chosen_token(index, book):
    codes = index.codebooks[book]
    points, heat = codebook_figure(codebook_data(index), book)["data"]
    assert heat["z"][2][5] == pytest.approx(float(np.linalg.norm(codes[2] - codes[5])), abs=1e-3)
    assert points["hovertext"][0] == f"code 0: {(index.tokens[:, book] == 0).sum():,} uses"


def test_colours_mean_the_same_distance_in_every_codebook(index):
    data = codebook_data(index)
    first, last = (codebook_figure(data, book)["data"][1] for book in (0, 3))
    assert first["zmax"] == last["zmax"] == pytest.approx(float(data.distances.max()))
    assert np.max(last["z"]) < 0.3 * np.max(first["z"])


def test_rings_tell_how_far_the_next_token_leads(index, shared_index):
    data = codebook_data(index)
    rings = codebook_figure(data, 1)["layout"]["shapes"]
    assert len(rings) == 8
    assert rings[5]["x1"] - rings[5]["x0"] == pytest.approx(
        2 * float(np.linalg.norm(index.codebooks[2], axis=1).mean())
    )
    assert (rings[5]["x0"] + rings[5]["x1"]) / 2 == pytest.approx(float(data.planes[1, 5, 0]))
    assert codebook_figure(data, 3)["layout"]["shapes"] == []
    assert codebook_figure(codebook_data(shared_index))["layout"]["shapes"] == []


def test_shared_codes_are_one_book_used_by_all_tokens(shared_index, index):
    shared, own = codebook_data(shared_index), codebook_data(index)
    assert (shared.num_books, own.num_books) == (1, 4)
    assert shared.uses.tolist() == [shared.usage.sum(axis=0).tolist()]
    assert own.uses.tolist() == own.usage.tolist()
    assert [shared.name(0), own.name(2)] == ["all tokens", "token 2"]
    assert len(shared.stress) == 1 and len(own.stress) == 4
