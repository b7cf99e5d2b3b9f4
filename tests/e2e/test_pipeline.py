"""The whole path at size tiny, through the command line: collect, train, finetune, index, look, measure."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def lapa(*args: object, cwd: Path) -> str:
    """Run a command in a process of its own and return what it printed."""
    environment = os.environ | {"LAPA_CACHE": str(cwd / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lapa", *map(str, args)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, args))}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder in which every stage has run."""
    place = tmp_path_factory.mktemp("e2e")
    lapa("collect", "tabletop", "--episodes", 16, "--seed", 5, "--out", "data", "--image-size", 64, cwd=place)
    lapa("train-laq", "tiny", "--data", "data", "--out", "laq", cwd=place)
    lapa("label", "--data", "data", "--laq", "laq", "--num-validation", 4, "--out", "labels", cwd=place)
    lapa("train-policy", "tiny", "--labels", "labels", "--out", "policy", cwd=place)
    lapa("finetune", "tiny", "--data", "data", "--policy", "policy", "--laq", "laq", "--out", "robot", cwd=place)
    lapa("index", "--data", "data", "--laq", "laq", "--num-rows", 80, "--out", "index", cwd=place)
    return place


@pytest.fixture(scope="module")
def fresh(place) -> Path:
    """Scenes that no stage has seen, and one of them as a video."""
    lapa("collect", "tabletop", "--episodes", 10, "--seed", 6, "--out", "fresh", "--image-size", 64, cwd=place)
    lapa("export", "clips", "--data", "fresh", "--num", 5, "--out", "clips", cwd=place)
    return place


def test_each_stage_leaves_a_checkpoint_that_says_where_it_is_from(place):
    for kind in ("laq", "policy", "robot"):
        config = json.loads((place / kind / "config.json").read_text())
        assert config["kind"] == kind
        assert (place / kind / "metrics.jsonl").read_text()
        assert json.loads((place / kind / "report.json").read_text())
    parents = json.loads((place / "robot" / "config.json").read_text())["parents"]
    assert set(parents) >= {"laq", "policy"}


def test_encode_names_every_transition(fresh):
    video = sorted((fresh / "clips").glob("*.mp4"))[0]
    out = json.loads(lapa("encode", video, "--laq", "laq", "--json", cwd=fresh))
    assert out["window"] == 6
    assert [row["t"] for row in out["actions"]] == list(range(len(out["actions"])))
    assert all(len(row["tokens"]) == 4 and set(row["tokens"]) <= set(range(8)) for row in out["actions"])


def test_decode_draws_the_future_of_the_frame(fresh):
    video = sorted((fresh / "clips").glob("*.mp4"))[0]
    for tokens in ("0-0-0-0", "7-7-7-7"):
        lapa("decode", video, "--t", 3, "--tokens", tokens, "--laq", "laq", "--out", f"{tokens}.png", cwd=fresh)
    one, other = (np.asarray(Image.open(fresh / f"{t}.png")).astype(int) for t in ("0-0-0-0", "7-7-7-7"))
    assert one.shape == other.shape == (64, 64, 3)
    assert np.abs(one - other).max() > 0


def test_rollout_writes_the_start_and_every_step(fresh):
    from lapa.data.video import open_video

    video = sorted((fresh / "clips").glob("*.mp4"))[0]
    models = ("--laq", "laq", "--policy", "policy")
    lapa(
        "rollout", video, "--instruction", "push the red star left", "--steps", 3, *models, "--out", "d.mp4", cwd=fresh
    )
    assert open_video(fresh / "d.mp4").num_frames == 4


def test_eval_laq_gives_the_promised_keys(fresh):
    facts = json.loads(lapa("eval", "laq", "--data", "fresh", "--laq", "laq", "--num-pairs", 60, "--json", cwd=fresh))
    assert set(facts) >= {
        "psnr", "psnr_copy", "psnr_gain_db", "controllability_db", "codes_used", "codebook_size", "perplexity",
        "probe_r2_tokens", "probe_r2_continuous", "num_pairs",
    }  # fmt: skip
    assert facts["num_pairs"] == 60 and facts["codebook_size"] == 8
    assert facts["psnr_gain_db"] == pytest.approx(facts["psnr"] - facts["psnr_copy"])


def test_eval_policy_gives_the_promised_keys(fresh):
    models = ("--laq", "laq", "--policy", "policy")
    facts = json.loads(lapa("eval", "policy", "--data", "fresh", *models, "--num-pairs", 60, "--json", cwd=fresh))
    assert set(facts) >= {"nll_right", "nll_swapped", "nll_gap", "nll_gap_low", "accuracy"}
    assert facts["nll_gap"] == pytest.approx(facts["nll_swapped"] - facts["nll_right"], abs=1e-6)
    assert facts["nll_gap_low"] <= facts["nll_gap"]


@pytest.mark.parametrize("kind", ["map", "codebook"])
def test_export_writes_a_figure_and_its_data(fresh, kind):
    lapa("export", kind, "--laq", "laq", "--index", "index", "--out", f"{kind}.pdf", cwd=fresh)
    assert (fresh / f"{kind}.pdf").read_bytes().startswith(b"%PDF")
    assert (fresh / f"{kind}.csv").read_text().count("\n") > 8
    assert json.loads((fresh / f"{kind}.json").read_text())
