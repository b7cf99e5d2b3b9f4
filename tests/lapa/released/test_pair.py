"""The released pair, quantizer and policy, through the one door, the measure of policies and the command line."""

import json

import numpy as np
import pytest

from lapa.cli import main
from lapa.data.source import open_source
from lapa.eval.policy import evaluate_policy
from lapa.explorer import Explorer
from lapa.models.load import load_laq
from lapa.models.load_policy import load_policy
from lapa.released.laq_import import import_laq
from tests.lapa.released.conftest import SHAPE
from tests.lapa.released.laq_files import save_official
from tests.lapa.train.test_policy_stages import record


@pytest.fixture(scope="module")
def laq(tmp_path_factory):
    folder = tmp_path_factory.mktemp("laq")
    return import_laq(save_official(folder / "laq.pt"), folder / "laq", window_s=0.6)


def test_the_explorer_looks_and_dreams_with_them(laq, imported, picture):
    explorer = Explorer.open(laq=laq, policy=imported, device="cpu", precision="fp32")
    assert explorer.window_s == 0.6 and explorer.codebook_size == 8 and explorer.has_policy
    found = explorer.predict(picture, "push the red star")
    steps = list(explorer.rollout(picture, "push the red star", 2))
    assert [step.index for step in steps] == [0, 1] and steps[0].frame.shape == picture.shape
    assert steps[0].latent_action.tokens == found.latent_action.tokens
    assert np.allclose(steps[0].distributions, found.distributions, atol=1e-5)


def test_the_policy_sees_the_frame_itself_and_not_what_the_quantizer_sees(laq, imported, picture):
    """The quantizer's pictures are tiny here: seen through them, the frame would give other image codes."""
    explorer = Explorer.open(laq=laq, policy=imported, device="cpu", precision="fp32")
    alone = load_policy(imported, laq, precision="fp32").predict(picture, "push")
    assert np.allclose(explorer.predict(picture, "push").distributions, alone.distributions, atol=1e-5)


def test_it_is_measured_like_any_policy(tmp_path, laq, imported):
    source = open_source(record(tmp_path, "data", 4, seed=0))
    facts = evaluate_policy(load_policy(imported, laq), load_laq(laq), source, num_pairs=4)
    assert facts["num_pairs"] == 4 and np.isfinite(facts["nll_right"])
    assert facts["nll_marginal"] == pytest.approx(np.log(8), abs=1e-3)  # nobody counted its tokens


def test_the_command_line_imports_dreams_and_exports(tmp_path, laq, released_files, video, capsys):
    files = [str(released_files["params"])]
    files += [part for name in ("vqgan", "tokenizer") for part in (f"--{name}", str(released_files[name]))]
    out, back = tmp_path / "policy", tmp_path / "back"
    heads = ["--num-heads", str(SHAPE.num_heads)]
    assert main(["import-released", "policy", *files, *heads, "--laq", str(laq), "--out", str(out)]) == 0
    assert "a policy of 2 layers" in capsys.readouterr().out
    dream = ["rollout", str(video), "--laq", str(laq), "--policy", str(out), "--instruction", "push the red star"]
    assert main([*dream, "--steps", "1", "--json", "--out", str(tmp_path / "dream.gif")]) == 0
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert len(step["tokens"]) == 4
    assert main(["export-released", str(out), "--out", str(back)]) == 0
    assert (back / "params").read_bytes() == released_files["params"].read_bytes()
    wrong = ["import-released", "policy", files[2], *files[1:], "--out", str(tmp_path / "x")]
    assert main(wrong) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ") and "Python pickle" in error
    assert main(["import-released", "policy", *files, "--num-heads", "0", "--out", str(tmp_path / "x")]) == 2
