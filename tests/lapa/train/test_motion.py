"""A latent action that is held to where things went: measured in links, read off by the best line, learnt."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from lapa.data.flow import flows
from lapa.data.frame_store import FrameStore
from lapa.data.pairs import PairTable
from lapa.data.transitions import Transitions
from lapa.train import laq as stage
from lapa.train.motion import LARGEST, MotionReader, motions
from tests.lapa.eval.conftest import SlidingSquare
from tests.lapa.train.test_loop import _KilledError, _run_and_die, config, videos  # noqa: F401 (fixtures)


def store_of(clips: list[np.ndarray], tmp_path) -> FrameStore:
    frames = np.memmap(tmp_path / "frames.u8", np.uint8, "w+", shape=np.concatenate(clips).shape)
    frames[:] = np.concatenate(clips)
    lengths = np.array([len(clip) for clip in clips])
    starts = np.cumsum(lengths) - lengths
    fps = np.full(len(clips), 10.0, np.float32)
    return FrameStore(frames=frames, starts=starts, lengths=lengths, fps=fps, rows=tuple(range(len(clips))))


class Gliding(SlidingSquare):
    """Clips of a soft textured blob that goes `dx` pixels to the right and `dy` down in each frame."""

    def __init__(self, *steps: tuple[int, int], num_frames: int = 20):
        super().__init__(num_clips=len(steps))
        rng = np.random.default_rng(0)
        texture = np.kron(rng.integers(60, 256, (8, 8, 3)), np.ones((3, 3, 1))).astype(np.uint8)
        self.clips = []
        for dx, dy in steps:
            clip = np.full((num_frames, 128, 128, 3), 40, np.uint8)
            for t in range(num_frames):
                x, y = (52 + step * (t - num_frames // 2) for step in (dx, dy))
                clip[t, y : y + 24, x : x + 24] = texture
            self.clips.append(clip)

    def frames(self, i, indices):
        return self.clips[i][indices]


@pytest.mark.parametrize("window_s", [0.4, 1.2], ids=["links of one frame", "links of two"])
def test_motion_is_what_the_scorecard_measures(window_s, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    source = Gliding((2, 1), (-2, 0))
    table = PairTable.of(store_of(source.clips, tmp_path), window_s)
    moved = motions(table)
    where = Transitions(clip=table.clip, t=table.t, window=table.window)
    np.testing.assert_allclose(moved, flows(source, where), atol=0.012)
    frames = round(window_s * 10)
    right = np.where(table.clip == 0, 2.0, -2.0) * frames / 128
    assert np.abs(moved[:, 0] - right).max() < 0.15 * np.abs(right).max()


def test_nothing_moves_in_a_still_clip(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    assert not motions(PairTable.of(store_of(Gliding((0, 0)).clips, tmp_path), 0.4)).any()


def test_the_reader_finds_the_line_and_its_error_is_what_the_line_misses():
    rng = torch.Generator().manual_seed(0)
    reader, line = MotionReader(6, unit=2.0), torch.randn(6, 2, generator=rng)
    for _ in range(60):
        latents = torch.rand(64, 6, generator=rng) * 2 - 1
        motion = (latents @ line + 0.5).clamp(-8, 8)
        error = reader.error(latents, latents, motion)
    assert error < 0.01 < motion.var() / 4
    guess = reader.read(latents) * 2.0
    assert (guess - motion).abs().mean() < 0.1


def test_gradients_move_latents_straight_through_the_codes():
    rng = torch.Generator().manual_seed(0)
    reader = MotionReader(4, unit=1.0)
    latents = torch.rand(32, 4, generator=rng, requires_grad=True)
    codes = latents.detach().round()
    reader.error(latents, codes, latents.detach()[:, :2] ** 2).backward()
    assert latents.grad.abs().sum() > 0 and not reader.moments.requires_grad


def test_one_passer_by_counts_no_more_than_the_largest_motion():
    reader = MotionReader(4, unit=0.1)
    assert reader.in_units(torch.tensor([[9.0, -0.1]])).tolist() == [[LARGEST, pytest.approx(-1.0)]]


def test_training_is_held_to_motion_and_resumes_bit_for_bit(config, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    held = dataclasses.replace(config, motion_weight=0.01, nothing_share=0.2)
    stage.run(held, out=tmp_path / "whole")
    rows = [json.loads(line) for line in (tmp_path / "whole" / "metrics.jsonl").read_text().splitlines()]
    assert all(np.isfinite(row["motion_error"]) for row in rows if "loss" in row)
    assert any("eval_motion_r2" in row for row in rows)
    stage.run(dataclasses.replace(held, motion_weight=0.0), out=tmp_path / "free")

    with pytest.raises(_KilledError):
        _run_and_die(held, tmp_path / "parts", after=6)
    stage.run(held, out=tmp_path / "parts")
    names = ("whole", "parts", "free")
    whole, parts, free = ((tmp_path / name / "model.safetensors").read_bytes() for name in names)
    assert whole == parts and whole != free


def test_videos_of_other_rates_do_not_share_their_links(tmp_path, monkeypatch):
    """The same frames at other frame rates have links of other lengths: each is measured for itself."""
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    store = store_of(Gliding((2, 0), (2, 0), (2, 0)).clips, tmp_path)
    for rates in ((10.0, 10.0, 15.0), (10.0, 15.0, 15.0)):
        table = PairTable.of(dataclasses.replace(store, fps=np.array(rates, np.float32)), 0.8)
        right = motions(table)[:, 0] * 128
        assert np.abs(right - 2 * table.window).max() < 4, rates
