"""Drawn transitions: a clip that cannot be read, or not to its end, is named and costs only itself."""

import logging

import numpy as np
import pytest

from lapa.data.flow import flows
from lapa.data.transitions import displacements, draw_transitions, read_clips
from lapa.eval.laq import evaluate_laq
from lapa.eval.targets import targets_of
from lapa.index_build import IndexConfig, build_index
from lapa.models.load import load_laq
from lapa.types import Clip, LapaError
from tests.lapa.conftest import WINDOW_S, MovingSquare
from tests.lapa.eval import conftest as sliding

GONE, CUT, NUM_LEFT = 1, 2, 7


def damaged(kind):
    """A source whose clip 1 is not there and whose clip 2 breaks off after 7 frames."""

    class Damaged(kind):
        def frames(self, i, indices):
            if i == GONE or (i == CUT and max(indices) >= NUM_LEFT):
                raise LapaError(f"clip_{i} is damaged")
            return super().frames(i, indices)

        def states(self, i):
            if i == GONE:
                raise LapaError("no states")
            return super().states(i)

        def clip(self, i):
            if i == GONE:
                raise LapaError(f"clip_{i} is damaged")
            num = NUM_LEFT if i == CUT else self.records[i].num_frames
            return Clip(frames=self.frames(i, range(num)), fps=10.0, source=self.records[i].name)

    return Damaged()


def test_what_comes_before_the_damage_is_read_and_the_rest_is_named(caplog):
    source, whole = damaged(MovingSquare), MovingSquare()
    where = draw_transitions(source, range(6), WINDOW_S, 60, np.random.default_rng(0))
    with caplog.at_level(logging.WARNING):
        parts = list(read_clips(source, where))
    read = np.concatenate([part.rows for part in parts])
    readable = (where.clip != GONE) & ((where.clip != CUT) | (where.t + where.window < NUM_LEFT))
    assert read.tolist() == np.flatnonzero(readable).tolist() and 0 < len(read) < 60
    for part in parts:
        clip, t, later = where.clip[part.rows][0], where.t[part.rows], (where.t + where.window)[part.rows]
        assert np.array_equal(part.frames[part.first], whole.frames(clip, t))
        assert np.array_equal(part.frames[part.later], whole.frames(clip, later))
    assert "clip_1 is damaged" in caplog.text and "to 11 of clip_2 of" in caplog.text
    gone = where.clip == GONE
    assert np.isnan(displacements(source, where)[gone]).all() and np.isfinite(displacements(source, where)[~gone]).all()
    assert np.isnan(flows(source, where)[gone]).all()


def test_an_index_goes_on_without_them(checkpoints):
    source, laq = damaged(MovingSquare), load_laq(checkpoints / "tabletop" / "laq")
    config = IndexConfig(num_rows=60, thumb_size=16)
    index = build_index(laq, source, config, laq_sha256="x", window_s=WINDOW_S)
    whole = build_index(laq, MovingSquare(), config, laq_sha256="x", window_s=WINDOW_S)
    assert "clip_1" not in index.clip_names and 40 < len(index) < 60
    place = {(whole.clip_names[c], t): row for row, (c, t) in enumerate(zip(whole.clip, whole.t, strict=True))}
    rows = [place[index.clip_names[c], t] for c, t in zip(index.clip, index.t, strict=True)]
    for name in ("tokens", "thumbs", "displacement"):
        assert np.array_equal(getattr(index, name), getattr(whole, name)[rows]), name
    assert np.allclose(index.magnitude, whole.magnitude[rows], atol=1e-5)
    cut = index.clip == index.clip_names.index("clip_2")
    ends = cut & (index.t + 2 * index.window >= NUM_LEFT)
    assert ends.any() and (index.following[ends] == -1).all()
    assert np.array_equal(index.following[~ends], whole.following[rows][~ends])


def test_a_scorecard_goes_on_without_them():
    source = damaged(sliding.SlidingSquare)
    facts = evaluate_laq(sliding.Oracle(), source, window_s=sliding.WINDOW_S, num_pairs=60)
    assert facts["num_episodes"] == 9 and 40 < facts["num_pairs"] < 60
    assert facts["psnr_gain_db"] > 50 and facts["cycle_cosine"] > 0.99


def test_nothing_to_read_is_an_error(monkeypatch):
    source = damaged(MovingSquare)
    where = draw_transitions(source, [GONE], WINDOW_S, 5, np.random.default_rng(0))
    with pytest.raises(LapaError, match="none of the clips"):
        list(read_clips(source, where))
    assert set(targets_of(source, where)) == {"flow"}
