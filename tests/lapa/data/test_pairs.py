"""The frame store and its pairs: every frame as decoded, no pair over the end of a clip, bad videos left out."""

import numpy as np
import pytest
import torch

from lapa.data.augment import augment_pairs, nothing_happened
from lapa.data.frame_store import FrameStore
from lapa.data.pairs import PairTable
from lapa.data.source import open_source
from lapa.data.video import write_video
from lapa.types import LapaError


@pytest.fixture
def source(tmp_path):
    """Three clips of 5, 3 and 9 grey frames whose level counts up; the second is too short for a window of 4."""
    for number, length in enumerate((5, 3, 9)):
        frames = np.stack([np.full((32, 32, 3), 20 * number + 8 * t + 40, np.uint8) for t in range(length)])
        write_video(tmp_path / "videos" / f"{number}.mp4", frames, 10)
    return open_source(tmp_path / "videos")


def test_pairs_are_a_window_apart_and_stay_in_their_clip(source, tmp_path):
    pairs = PairTable.of(FrameStore.open(source, [0, 1, 2], 16, tmp_path / "cache"), 0.4)
    assert list(zip(pairs.clip.tolist(), pairs.t.tolist(), strict=True)) == [(0, 0), *((2, t) for t in range(5))]
    frame, future = pairs.frames(np.arange(len(pairs)))
    assert frame.shape == (6, 16, 16, 3)
    change = future.astype(int).mean((1, 2, 3)) - frame.astype(int).mean((1, 2, 3))
    np.testing.assert_allclose(change, 32, atol=4)


def test_a_window_longer_than_every_clip_is_refused(source, tmp_path):
    with pytest.raises(LapaError, match="shorter window"):
        PairTable.of(FrameStore.open(source, [0, 1, 2], 16, tmp_path / "cache"), 2.0)


def test_the_second_opening_decodes_nothing(source, tmp_path, monkeypatch):
    first = FrameStore.open(source, [0, 2], 16, tmp_path / "cache")
    monkeypatch.setattr(type(source), "chunks", lambda self, i: pytest.fail("decoded again"))
    again = FrameStore.open(source, [0, 2], 16, tmp_path / "cache")
    assert np.array_equal(first.frames, again.frames) and again.lengths.tolist() == [5, 9]


def test_a_video_that_cannot_be_read_is_left_out(source, tmp_path, caplog):
    (source.path / "1.mp4").write_text("no video")
    store = FrameStore.open(open_source(source.path), [0, 1, 2], 16, tmp_path / "cache")
    assert store.lengths.tolist() == [5, 0, 9]
    assert "1.mp4" in caplog.text
    assert set(PairTable.of(store, 0.2).clip.tolist()) == {0, 2}


def test_augmentation_treats_both_frames_alike():
    frame = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    one, other, _ = augment_pairs(frame, frame.clone(), torch.zeros(4, 2), np.random.default_rng(0))
    assert torch.equal(one, other)
    assert not torch.allclose(one, frame, atol=0.05)
    assert one.min() >= 0 and one.max() <= 1


def test_augmentation_says_how_the_motion_looks_afterwards():
    """A square goes 8 pixels to the right and 4 up; its centre is found again in what comes out."""
    frame, future = torch.zeros(2, 16, 3, 64, 64)
    frame[..., 30:38, 26:34] = 1.0
    future[..., 26:34, 34:42] = 1.0
    told = torch.tensor([8 / 64, 4 / 64]).repeat(16, 1)
    one, other, seen = augment_pairs(frame, future, told, np.random.default_rng(0))
    moved = (_centre(other) - _centre(one)) / 64 * torch.tensor([1.0, -1.0])
    assert (moved[:, 0] < 0).any() and (moved[:, 0] > 0).any()  # some are mirrored
    assert torch.allclose(seen, moved, atol=0.012)


def test_where_nothing_happened_the_frame_is_the_target_and_nothing_moved():
    frame, future = torch.rand(2, 400, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    batch = {"frame": frame, "future": future, "target": future, "motion": torch.ones(400, 2)}
    out = nothing_happened(batch, np.arange(400), np.random.default_rng(0), 0.5)
    still = (out["motion"] == 0).all(1)
    assert 160 < still.sum() < 240
    assert torch.equal(out["target"][still], frame[still]) and torch.equal(out["target"][~still], future[~still])
    twice = (out["future"] == frame).flatten(1).all(1)
    elsewhere = still & ~twice
    assert 70 < twice.sum() < 130 and 70 < elsewhere.sum() < 130
    assert torch.equal(out["future"][elsewhere], future.roll(1, 0)[elsewhere])
    assert torch.equal(batch["future"], future)  # what was drawn is left alone
    alone = nothing_happened(batch, np.zeros(400, int), np.random.default_rng(0), 0.5)
    assert torch.equal(alone["future"][elsewhere], future[elsewhere]), "one clip has nothing unrelated to show"
    assert torch.equal(alone["target"][elsewhere], future[elsewhere])


def _centre(pictures: torch.Tensor) -> torch.Tensor:
    """The centre of what is brighter than the ground, x and y in pixels, [b 2]."""
    bright = pictures.mean(1)
    bright = (bright - bright.amin((1, 2), keepdim=True)).square()
    places = torch.arange(pictures.shape[-1], dtype=torch.float32)
    return torch.stack([(bright.sum(axis) * places).sum(1) for axis in (1, 2)], 1) / bright.sum((1, 2))[:, None]
