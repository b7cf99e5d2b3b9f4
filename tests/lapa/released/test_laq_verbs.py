"""An imported quantizer behind everything that takes one: the Explorer, the command line, training and evaluation."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lapa import presets
from lapa.checkpoint import fingerprint
from lapa.cli import main
from lapa.data.video_writer import write_video
from lapa.dream import LAQWorld
from lapa.eval.laq import evaluate_laq
from lapa.explorer import Explorer
from lapa.frames import to_frames, to_pixels
from lapa.index import load_index, save_index
from lapa.index_build import IndexConfig, build_index
from lapa.models.load import load_laq
from lapa.released.laq_import import import_laq
from lapa.train import label
from lapa.train.laq import LAQStage
from lapa.types import LapaError, LatentAction
from tests.lapa.conftest import MovingSquare, save_tiny_policy
from tests.lapa.released.laq_files import Sizes, save_official

WINDOW_S = 0.2


@pytest.fixture(scope="module")
def laq(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    return import_laq(save_official(folder / "laq.pt"), folder / "laq", window_s=WINDOW_S)


@pytest.fixture
def explorer(laq, bundle) -> Explorer:
    return Explorer.open(laq=laq)


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_the_explorer_opens_it_alone(explorer):
    """The parts of the bundle it stands in for were made with another quantizer."""
    assert (explorer.code_seq_len, explorer.codebook_size, explorer.image_size) == (4, 8, 32)
    assert explorer.window_s == WINDOW_S
    assert not explorer.has_policy and not explorer.has_index
    assert explorer.card["num_parameters"] > 0


def test_the_explorer_encodes_and_decodes(explorer, laq):
    frame, future = picture(48, 80), picture(48, 80, 1)
    action = explorer.encode(frame, future)
    model = load_laq(laq)
    expected = model.encode(to_pixels([frame], 32), to_pixels([future], 32))
    assert action.tokens == tuple(expected.tokens[0].tolist())
    assert explorer.decode(frame, action).shape == frame.shape
    decoded = explorer.decode_many(frame, [(0, 1, 2, 3), (7, 6, 5, 4)])
    assert not np.array_equal(decoded[0], decoded[1])


def test_a_played_step_is_the_decoders_answer(explorer, laq):
    frame = picture(32, 32)
    model, steps = load_laq(laq), list(explorer.play(frame, [(0, 1, 2, 3)] * 3))
    assert [step.index for step in steps] == [0, 1, 2]
    first = to_frames(model.decode(to_pixels([frame], 32), torch.tensor([[0, 1, 2, 3]])))[0]
    np.testing.assert_array_equal(steps[0].frame, first)
    world = LAQWorld(model)
    again = world.step(first, LatentAction.from_label("0-1-2-3", code_seq_len=4, codebook_size=8))
    np.testing.assert_array_equal(steps[1].frame, again)


def test_an_index_of_it_opens_with_it(laq, source, bundle, tmp_path):
    config = IndexConfig(num_rows=40, thumb_size=16)
    index = build_index(load_laq(laq), source, config, laq_sha256=fingerprint(laq), window_s=WINDOW_S)
    save_index(index, tmp_path / "index")
    assert len(load_index(tmp_path / "index", fingerprint(laq))) == 40
    explorer = Explorer.open(laq=laq, index=tmp_path / "index")
    assert len(explorer.neighbours((0, 1, 2, 3), k=5)) == 5
    found = explorer.neighbours(explorer.index.latent_action(7), k=1)[0]
    assert found.distance < 0.05 and found.label == explorer.index.latent_action(7).label
    assert np.isfinite(explorer.novelty(picture(32, 32)).score)


def test_a_policy_trained_on_it_dreams(laq, bundle, tmp_path):
    explorer = Explorer.open(laq=laq, policy=save_tiny_policy(tmp_path / "policy", laq))
    steps = list(explorer.rollout(picture(48, 80), "push the red star", num_steps=2))
    assert [step.frame.shape for step in steps] == [(48, 80, 3)] * 2
    assert all(len(step.latent_action.tokens) == 4 for step in steps)


def test_it_is_measured_like_any_other(laq):
    facts = evaluate_laq(load_laq(laq), MovingSquare(), window_s=WINDOW_S, num_pairs=30)
    assert facts["num_pairs"] == 30
    assert 1 <= facts["codes_used"] <= 8


def test_the_command_line_takes_it(laq, bundle, video, tmp_path, capsys):
    assert main(["encode", str(video), "--laq", str(laq), "--json"]) == 0
    actions = json.loads(capsys.readouterr().out)["actions"]
    assert len(actions) == 10 and all(len(action["tokens"]) == 4 for action in actions)
    out = tmp_path / "x.png"
    assert main(["decode", str(video), "--laq", str(laq), "--tokens", "3-0-7-1", "--out", str(out)]) == 0
    assert Image.open(out).size == (64, 32)
    index = tmp_path / "index"
    argv = ["index", "--laq", str(laq), "--data", str(video.parent), "--out", str(index), "--num-rows", "6"]
    assert main(argv) == 0
    assert main(["encode", str(video), "--laq", str(laq), "--index", str(index)]) == 0
    assert main(["eval", "laq", "--laq", str(laq), "--data", str(video.parent), "--num-pairs", "8"]) == 0


def test_labels_are_its_tokens(laq, bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    clips = MovingSquare(num_clips=3)
    for i in range(3):
        write_video(tmp_path / "data" / f"{i}.mp4", clips.clip(i).frames, 10.0)
    config = label.LabelConfig(data=str(tmp_path / "data"), laq=str(laq))
    labels = label.load_labels(label.run(config, out=tmp_path / "labels"))
    assert labels.laq_sha256 == fingerprint(laq) and labels.window_s == WINDOW_S
    assert labels.tokens.shape == (3 * 10, 4)
    explorer = Explorer.open(laq=laq)
    for row in (0, 13, 29):
        clip = explorer.open_clip(tmp_path / "data" / f"{labels.clip[row]}.mp4")
        expected = dict(explorer.encode_clip(clip))[int(labels.t[row])]
        assert tuple(labels.tokens[row].tolist()) == expected.tokens


def test_it_cannot_start_a_training_of_ours(laq):
    with pytest.raises(LapaError, match="another shape"):
        LAQStage(dataclasses.replace(presets.laq("tiny"), init=str(laq)))


@pytest.mark.parametrize(("tokens", "image_size"), [(1, 32), (2, 32), (16, 64)])
def test_other_lengths_go_all_the_way(tokens, image_size, bundle, tmp_path):
    path = save_official(tmp_path / "laq.pt", Sizes(code_seq_len=tokens, codebook_size=4))
    explorer = Explorer.open(laq=import_laq(path, tmp_path / "laq", window_s=0.6, image_size=image_size))
    action = explorer.encode(picture(48, 80), picture(48, 80, 1))
    assert len(action.tokens) == tokens and explorer.image_size == image_size
    assert explorer.decode(picture(48, 80), action).shape == (48, 80, 3)
