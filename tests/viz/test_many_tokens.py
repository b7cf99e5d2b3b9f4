"""Released quantizers may have 64 or 256 tokens: sequences need more than 63 bits, and nothing mixes them up."""

import dataclasses

import numpy as np
import pytest

from lapa.index import group_by_code
from lapa.types import LatentIndex
from tests.viz.conftest import make_index
from viz.figures.codebook import nested_counts
from viz.figures.follow import follow_data
from viz.figures.map_data import latent_map_data
from viz.figures.token_statistics import sequence_statistics
from viz.tabs.dream_pad import steering

PER_CLUSTER = [10, 20, 30, 40]


@pytest.fixture(scope="module", params=[64, 256])
def long(request) -> LatentIndex:
    """Four clusters whose sequences differ in their first token alone."""
    index, num = make_index(), request.param
    which = np.repeat(np.arange(4), (40, 30, 20, 10))
    tokens = np.repeat(index.tokens[:1], len(index), axis=0).repeat(num // 4, axis=1)
    tokens[:, 0] = which
    return dataclasses.replace(index, tokens=tokens, codebooks=np.repeat(index.codebooks[:1], num, axis=0))


def test_sequences_stay_apart(long):
    assert sorted(map(len, group_by_code(long).values())) == PER_CLUSTER
    assert sorted(latent_map_data(long, level="sequence").counts.tolist()) == PER_CLUSTER
    codes, statistics = sequence_statistics(long, np.arange(len(long)))
    assert len(codes) == 4 and statistics.counts.tolist() == statistics.totals.tolist() == [[40, 30, 20, 10]]


def test_what_follows_and_what_steers_is_told_by_them(long):
    following = np.roll(long.tokens, -1, axis=0)
    data = follow_data(dataclasses.replace(long, following=following), None)
    assert len(data.names) == 5 and np.asarray(data.counts).diagonal()[:4].tolist() == [39, 29, 19, 9]
    first = {name: way.latent_action.tokens[0] for name, way in steering(long).items()}
    assert first["right"] == 0 and first["left"] == 2 and max(way.count for way in steering(long).values()) == 40


def test_the_grid_of_grids_shows_the_first_tokens(long):
    data = nested_counts(long)
    assert data.num_tokens < long.code_seq_len and data.counts.sum() == 100
    assert sorted(np.unique(data.counts)[-4:].tolist()) == PER_CLUSTER
