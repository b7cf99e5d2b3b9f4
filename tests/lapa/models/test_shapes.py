"""Shapes that cannot be built are refused in a sentence that names the setting."""

import dataclasses
import os
import subprocess
import sys

import pytest

from lapa.models.laq import LAQ
from lapa.models.policy import PolicyConfig, build_net, latent_choices
from lapa.models.tokenizer import InstructionTokenizer
from lapa.types import LapaError
from tests.lapa.conftest import TINY


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"patch": 8}, "the warp head draws patches of 16 pixels, not of 8"),
        ({"patch": 0}, "'patch' is 0"),
        ({"patch": -16}, "'patch' is -16"),
        ({"patch": 24}, "no whole number of patches of 24"),
        ({"image_size": 0}, "'image_size' is 0"),
        ({"width": 30, "num_heads": 4}, "'width' 30 is no multiple of 'num_heads' 4"),
        ({"num_heads": 0}, "'num_heads' is 0"),
        ({"num_spatial": -1}, "'num_spatial' is -1"),
        ({"code_seq_len": 0}, "'code_seq_len' is 0"),
        ({"codebook_size": 1}, "'codebook_size' is 1"),
        ({"code_width": 0}, "'code_width' is 0"),
    ],
)
def test_a_quantizer_that_cannot_be_is_refused(wrong, says):
    with pytest.raises(LapaError, match=says):
        LAQ(dataclasses.replace(TINY, **wrong))


def test_the_linear_head_draws_patches_of_any_size():
    LAQ(dataclasses.replace(TINY, patch=8, head="linear"))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"width": 30, "num_heads": 4}, "width of 30 in 4 heads"),
        ({"width": 36, "num_heads": 4}, "width of 36 in 4 heads of an even size"),
        ({"width": 8}, "'width' is 8"),
        ({"num_layers": 0}, "'num_layers' is 0"),
        ({"num_heads": 0}, "'num_heads' is 0"),
        ({"merge": 3}, "merged by 3"),
        ({"merge": 0}, "'merge' is 0"),
        ({"dropout": 1.0}, "'dropout' is 1.0"),
        ({"hidden_share": -0.1}, "'hidden_share' is -0.1"),
        ({"vocab_size": 3}, "'vocab_size' is 3"),
        ({"max_text": 0}, "'max_text' is 0"),
        ({"horizons_s": (0.5, -1.0)}, "'horizons_s' has -1.0"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(wrong, says):
    laq = LAQ(TINY)
    config = dataclasses.replace(PolicyConfig(width=32, num_layers=1, num_heads=2), **wrong)
    tokenizer = InstructionTokenizer.train(["push the red star"], vocab_size=300, max_length=8)
    with pytest.raises(LapaError, match=says):
        build_net(config, laq, latent_choices(laq), tokenizer)


def test_the_command_line_says_it_in_one_line(tmp_path):
    command = ["train-laq", "tiny", "--model.patch", "8", "--out", str(tmp_path / "laq"), "--data", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "lapa", *command], env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: the warp head draws patches of 16 pixels, not of 8")
