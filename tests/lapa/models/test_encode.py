"""Pairs that share frames: the same answers as pair by pair, each frame looked at once, and little kept."""

import gc
from collections import Counter

import numpy as np
import pytest
import torch

from lapa.models.encode import encode_pairs, latent_actions
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.released.laq import ReleasedLAQ, ReleasedLAQConfig
from tests.lapa.conftest import save_tiny_laq

RELEASED = ReleasedLAQConfig(image_size=64, patch=8, width=32, num_heads=2, head_width=16, num_spatial=1,
                             num_temporal=1, code_width=8)  # fmt: skip


@pytest.fixture(scope="module")
def film() -> torch.Tensor:
    return torch.rand(60, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=["residual", "shared", "released"])
def laq(request, tmp_path_factory) -> LAQ | ReleasedLAQ:
    torch.manual_seed(0)
    if request.param == "released":
        return ReleasedLAQ(RELEASED).eval().requires_grad_(False)
    if request.param == "residual":
        return load_laq(save_tiny_laq(tmp_path_factory.mktemp("laq") / "laq"))
    config = LAQConfig(image_size=64, width=32, num_heads=2, num_spatial=1, quantizer="shared")
    return LAQ(config).eval().requires_grad_(False)


@pytest.mark.parametrize(("stride", "window", "batch_size"), [(1, 6, 8), (1, 20, 8), (3, 6, 4), (8, 5, 64), (1, 1, 1)])
def test_the_answers_are_those_of_pair_by_pair(laq, film, stride, window, batch_size):
    asked = Counter()

    def look(numbers):
        asked.update(numbers.tolist())
        return film[numbers]

    first = np.arange(0, len(film) - window, stride)
    batches = list(encode_pairs(laq, look, first, first + window, batch_size=batch_size))
    with torch.inference_mode():
        truth = laq.encode(film[first], film[first + window])
    assert [len(batch.tokens) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    for name in ("continuous", "distances"):
        found = torch.cat([getattr(batch, name) for batch in batches])
        torch.testing.assert_close(found, getattr(truth, name), atol=1e-4, rtol=1e-4)
    assert torch.equal(torch.cat([batch.tokens for batch in batches]), truth.tokens)
    assert set(asked) == {*first.tolist(), *(first + window).tolist()} and set(asked.values()) == {1}


def test_what_is_kept_goes_with_the_window_and_the_batch_not_with_the_film(film):
    laq, window, batch_size = LAQ(LAQConfig(image_size=64, width=24, num_heads=2)).eval(), 5, 4
    shape, kept = (16, 24), []
    for repeats in (1, 6):
        long = film.repeat(repeats, 1, 1, 1)
        first = np.arange(len(long) - window)
        kept.append(0)
        for _ in encode_pairs(laq, long.__getitem__, first, first + window, batch_size=batch_size):
            alive = sum(type(thing) is torch.Tensor and thing.shape == shape for thing in gc.get_objects())
            kept[-1] = max(kept[-1], alive)
    assert window <= kept[0] <= window + 2 * batch_size
    assert kept[1] == kept[0]


def test_pairs_of_several_clips_are_numbered_through(laq, film):
    first = np.concatenate([np.arange(0, 10), np.arange(20, 30)])
    later = first + np.repeat([6, 3], 10)
    found = torch.cat([batch.tokens for batch in encode_pairs(laq, film.__getitem__, first, later, batch_size=7)])
    with torch.inference_mode():
        assert torch.equal(found, laq.encode(film[first], film[later]).tokens)


def test_encodings_become_nouns(laq, film):
    encoding = laq.encode(film[:3], film[3:6])
    actions = latent_actions(encoding)
    assert [action.tokens for action in actions] == [tuple(row) for row in encoding.tokens.tolist()]
    assert all(action.codebook_size == laq.config.codebook_size for action in actions)
    np.testing.assert_array_equal(actions[1].continuous, encoding.continuous[1].numpy())
