"""Which clips are judged, beside which others."""

import numpy as np
import pytest

from lapa.eval.metrics import episode_folds
from lapa.eval.sample import Bank, check_tokens, choose_others, labels_of
from lapa.models.laq import LAQ, LAQConfig
from lapa.types import LapaError
from tests.lapa.eval.conftest import SIDE, WINDOW_S, Oracle


def test_the_other_clip_is_another_one_of_the_same_fold():
    clip, bank = np.repeat(np.arange(10), 4), np.tile(np.arange(10), 3)
    others = choose_others(clip, bank, np.random.default_rng(0))
    assert (bank[others] != clip).all()
    fold = dict(zip(range(10), episode_folds(np.arange(10)).tolist()))
    assert all(fold[a] == fold[b] for a, b in zip(clip.tolist(), bank[others].tolist()))


def test_the_other_clip_has_the_same_body_or_another_as_asked():
    clip = bank = np.arange(12)
    kind = {i: "hand" if i % 3 == 0 else "arm" for i in range(12)}
    kinds = np.array([kind[i] for i in range(12)])
    rng = np.random.default_rng(0)
    assert (kinds[choose_others(clip, bank, rng, kind=kind)] == kinds).all()
    assert (kinds[choose_others(clip, bank, rng, kind=kind, same_kind=False)] != kinds).all()


def test_no_other_clip_is_none():
    assert choose_others(np.zeros(3, int), np.zeros(5, int), np.random.default_rng(0)) is None
    one_kind = dict.fromkeys(range(3), "arm")
    assert choose_others(np.arange(3), np.arange(3), np.random.default_rng(0), kind=one_kind, same_kind=False) is None


def test_clips_are_told_apart_by_what_the_source_says(world):
    labels = labels_of(world, [0, 1, 2])
    assert labels == {"scene": ["kitchen", "office", "kitchen"], "site": ["a", "b", "c"]}
    assert labels_of(world, [0, 6]) == {}  # one scene, one site


def test_a_bank_holds_every_clip_as_the_quantizer_sees_it(world):
    bank = Bank.draw(Oracle(), world, range(10), WINDOW_S, 0)
    assert set(bank.clip.tolist()) == set(range(10))
    assert bank.frame.shape == bank.future.shape == (len(bank.clip), SIDE, SIDE, 3)
    frame, future = bank.pixels(np.arange(5), Oracle().position.device)
    assert (Oracle().encode(frame, future).tokens.numpy() == bank.tokens[:5]).all()


def test_a_quantizer_without_tokens_is_refused():
    config = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_temporal=1, quantizer="none")
    with pytest.raises(LapaError, match="no tokens to judge"):
        check_tokens(LAQ(config))
