"""A decoder that is trained further keeps the tokens of the quantizer it came from, and what was bound to them."""

import json

import numpy as np
import pytest
import torch

from lapa import presets
from lapa.checkpoint import fingerprint, token_fingerprint
from lapa.data.frame_store import FrameStore
from lapa.data.pairs import PairTable
from lapa.data.source import open_source
from lapa.data.video_writer import write_video
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.train import decoder, label, laq
from lapa.train.decoder import Dreamer, TrainDecoderConfig, edge_error
from lapa.train.laq import TrainLAQConfig
from lapa.train.loop import LoopConfig

SHAPE = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1)
SHORT = LoopConfig(num_steps=8, batch_size=4, warmup_steps=1, log_every=4, eval_every=8, save_every=4, precision="no")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos of a moving square, and a quantizer trained on them for a few steps."""
    path, rng = tmp_path_factory.mktemp("decoder"), np.random.default_rng(0)
    (path / "videos").mkdir()
    for i in range(6):
        frames = np.full((24, 32, 32, 3), 40, np.uint8)
        x, y, step = *rng.integers(0, 8, 2), rng.choice([-1, 1])
        for t in range(24):
            left = (x + step * t) % 24
            frames[t, y : y + 8, left : left + 8] = 220
        write_video(path / "videos" / f"{i}.mp4", frames, 10)
    config = TrainLAQConfig(
        data=str(path / "videos"), window_s=0.2, num_validation=2, model=SHAPE, loop=SHORT
    )  # fmt: skip
    laq.run(config, out=path / "laq")
    further = TrainDecoderConfig(laq=str(path / "laq"), num_validation=2, loop=SHORT)
    decoder.run(further, out=path / "further")
    return path


def test_tokens_features_and_details_stay_to_the_last_bit_and_pictures_change(folder):
    before, after = load_laq(folder / "laq"), load_laq(folder / "further")
    frame, future = torch.rand(2, 5, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    tokens = before.encode(frame, future).tokens
    assert torch.equal(tokens, after.encode(frame, future).tokens)
    assert torch.equal(before.frame_features(frame), after.frame_features(frame))
    assert torch.equal(before.details(frame), after.details(frame))
    assert not torch.equal(before.decode(frame, tokens), after.decode(frame, tokens))


def test_what_was_made_with_the_first_goes_on_with_the_second(folder):
    first, second = folder / "laq", folder / "further"
    assert token_fingerprint(first) == token_fingerprint(second) == fingerprint(first) != fingerprint(second)
    label.run(label.LabelConfig(data=str(folder / "videos"), laq=str(second), num_validation=2), out=folder / "labels")
    assert label.load_labels(folder / "labels").laq_sha256 == fingerprint(first)
    config = json.loads((second / "config.json").read_text())
    assert config["kind"] == "laq" and config["stage"]["window_s"] == 0.2


def test_a_second_further_run_still_speaks_the_first_ones_tokens(folder):
    decoder.run(TrainDecoderConfig(laq=str(folder / "further"), num_validation=2, loop=SHORT), out=folder / "twice")
    assert token_fingerprint(folder / "twice") == fingerprint(folder / "laq")


def test_only_what_decodes_learns_and_it_starts_from_its_own_picture():
    torch.manual_seed(0)
    model = Dreamer(LAQ(SHAPE))
    learning = {name for name, p in model.laq.named_parameters() if p.requires_grad}
    encoding = ("embed", "position", "bias.", "spatial", "temporal", "narrow", "read_out", "quantizer", "head.skip")
    assert learning and not any(name.startswith(encoding) for name in learning)
    frames = torch.rand(2, 4, 3, 32, 32)
    drawn, apart = model.eval()(frames)
    tokens = model.laq.encode(frames[:, 1], frames[:, 2]).tokens
    assert torch.allclose(drawn[:, 1], model.laq.decode(drawn[:, 0].clamp(0, 1), tokens), atol=1e-5)
    seen = model.laq.see(drawn.flatten(0, 1)) - model.laq.see(frames[:, 1:].flatten(0, 1))
    assert torch.isclose(apart, seen.square().mean(), rtol=1e-3)


def test_a_blurred_edge_costs_and_a_sharp_one_does_not():
    truth, weight = torch.zeros(1, 3, 8, 8), torch.ones(1, 1, 8, 8)
    truth[..., 4:] = 1.0
    blurred = truth.clone()
    blurred[..., 3], blurred[..., 4] = 0.33, 0.67
    assert edge_error(truth, truth, weight) == 0 and edge_error(blurred, truth, weight) > 0.02


def test_runs_of_windows_stay_inside_their_clip(folder):
    source = open_source(folder / "videos")
    store = FrameStore.open(source, range(6), 32)
    table = PairTable.of(store, 0.2, num_windows=3)
    assert len(table) == 6 * (24 - 6)
    last = np.flatnonzero(table.clip == 2)[-1]
    assert np.array_equal(table.runs(np.array([last]), 3)[0], np.stack(list(store.clip(2)))[[17, 19, 21, 23]])


def test_every_preset_can_be_built():
    assert all(presets.decoder(name).loop.num_steps > 0 for name in presets.PRESETS)
