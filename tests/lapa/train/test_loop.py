"""The loop and the quantizer's stage: it learns, it resumes bit for bit, a finished run is left alone."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from lapa.cli import main
from lapa.data.video import write_video
from lapa.models.laq import LAQConfig
from lapa.models.load import load_laq
from lapa.train import laq as stage
from lapa.train.loop import LoopConfig, learning_rate

MODEL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4)
LOOP = LoopConfig(num_steps=12, batch_size=4, warmup_steps=2, log_every=2, eval_every=6, save_every=4, precision="no")


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    """Eight clips of a bright square that jumps up, down, left, right, or stays."""
    folder = tmp_path_factory.mktemp("videos")
    for number in range(8):
        rng = np.random.default_rng(number)
        place = np.array([12, 12])
        frames = np.full((14, 32, 32, 3), 90, np.uint8)
        for frame in frames:
            place = np.clip(place + rng.integers(-1, 2, 2) * 6, 0, 24)
            frame[place[0] : place[0] + 8, place[1] : place[1] + 8] = (240, 200, 40)
        write_video(folder / f"clip{number}.mp4", frames, 10)
    return folder


@pytest.fixture
def config(videos, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))
    torch.set_num_threads(1)
    return stage.TrainLAQConfig(
        data=str(videos), window_s=0.2, num_validation=2, revive_every=3, augment=True, model=MODEL, loop=LOOP
    )


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    config = LoopConfig(num_steps=1000, warmup_steps=10, lr=1.0)
    assert learning_rate(config, 0) == pytest.approx(0.1)
    assert learning_rate(config, 10) == pytest.approx(1.0)
    assert learning_rate(config, 999) == pytest.approx(0.01, abs=1e-3)


def test_a_quantizer_learns_to_beat_copying_the_frame(config, tmp_path):
    longer = dataclasses.replace(
        config,
        augment=False,
        window_s=0.1,
        changed_weight=1.0,
        noise_until=0.3,
        revive_every=50,
        loop=dataclasses.replace(LOOP, num_steps=160, batch_size=32, lr=3e-3, eval_every=160, save_every=160),
    )
    out = stage.run(longer, out=tmp_path / "laq")
    report = json.loads((out / "report.json").read_text())
    assert report["psnr_gain_db"] > 0.5
    assert report["controllability_db"] > 0.2
    assert sorted(p.name for p in (out / "samples").iterdir()) == ["000160.png"]
    assert not (out / "resume.safetensors").exists()


@pytest.mark.parametrize("layout", ["residual", "shared"])
def test_a_killed_run_goes_on_bit_for_bit(config, layout, tmp_path):
    config = dataclasses.replace(config, model=dataclasses.replace(MODEL, quantizer=layout))
    whole = load_laq(stage.run(config, out=tmp_path / "whole")).state_dict()
    with pytest.raises(_KilledError):
        _run_and_die(config, tmp_path / "killed", after=7)
    killed = load_laq(stage.run(config, out=tmp_path / "killed")).state_dict()
    assert all(torch.equal(whole[name], killed[name]) for name in whole)
    rows = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "killed")]
    assert rows[0] == rows[1]


def test_a_finished_run_with_other_options_is_refused_until_it_is_to_be_overwritten(config, tmp_path, capsys):
    short = dataclasses.replace(config, loop=dataclasses.replace(LOOP, num_steps=2, warmup_steps=1))
    out = stage.run(short, out=tmp_path / "laq")
    args = ["train-laq", "tiny", "--data", short.data, "--out", str(out), "--window-s", "0.3"]
    assert main(args) == 2
    assert "window_s 0.2 instead of 0.3" in capsys.readouterr().err
    again = dataclasses.replace(short, window_s=0.3)
    assert stage.run(again, out=out, overwrite=True) == out
    assert json.loads((out / "config.json").read_text())["stage"]["window_s"] == 0.3
    assert [json.loads(row)["step"] for row in (out / "metrics.jsonl").read_text().splitlines()] == [2, 2]


def test_a_finished_run_is_returned_as_is(config, tmp_path):
    out = stage.run(config, out=tmp_path / "laq")
    before = (out / "model.safetensors").stat().st_mtime_ns
    assert stage.run(config, out=out) == out
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_sigterm_saves_the_step_it_stops_at(config, tmp_path):
    program = (
        "import sys; from tests.lapa.train.test_loop import *; "
        "config = stage.TrainLAQConfig(data=sys.argv[1], window_s=0.2, num_validation=2, model=MODEL, "
        "loop=dataclasses.replace(LOOP, num_steps=100000, save_every=100000)); "
        "from pathlib import Path; stage.run(config, out=Path(sys.argv[2]))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, config.data, str(tmp_path / "run")], stderr=subprocess.DEVNULL, env=os.environ
    )
    log = tmp_path / "run" / "metrics.jsonl"
    deadline = time.monotonic() + 240  # a busy machine takes its time to import
    while time.monotonic() < deadline and not (log.is_file() and log.read_text()):
        time.sleep(0.1)
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) != 0
    assert (tmp_path / "run" / "resume.safetensors").is_file()


class _KilledError(Exception):
    pass


def _run_and_die(config, out, after):
    """Run the stage and end it hard in step `after`, between two saves."""
    original = stage.LAQStage.maintain

    def maintain(self, step, **kwargs):
        if step == after:
            raise _KilledError
        original(self, step, **kwargs)

    stage.LAQStage.maintain = maintain
    try:
        stage.run(config, out=out)
    finally:
        stage.LAQStage.maintain = original
