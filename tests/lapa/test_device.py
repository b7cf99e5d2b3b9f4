"""Which device a name means, and what is said where this machine has none of that name."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lapa.cli import main
from lapa.device import resolve_device
from lapa.explorer import Explorer
from lapa.models.load_policy import load_policy
from lapa.types import LapaError

ROOT = Path(__file__).parents[2]


def absent() -> list[str]:
    """Return devices that this machine does not have."""
    has = {"cuda": torch.cuda.device_count(), "mps": torch.mps.device_count(), "xpu": torch.xpu.device_count()}
    return [kind for kind, count in has.items() if not count] + ["cuda:97", "meta", "hpu", "gpu", "cuda:x", ""]


def test_auto_and_what_is_there_are_taken():
    assert resolve_device() == resolve_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("name", absent())
def test_a_device_that_is_not_there_ends_in_one_sentence(name):
    with pytest.raises(LapaError, match="choose auto.* cpu") as refused:
        resolve_device(name)
    assert "\n" not in str(refused.value) and f"'{name}'" in str(refused.value)


VERBS = {
    "encode": ["VIDEO"],
    "decode": ["VIDEO", "--t", "1", "--tokens", "0-0-0-0", "--out", "x.png"],
    "rollout": ["VIDEO", "--instruction", "push", "--out", "x.mp4"],
    "eval laq": ["--data", "DATA"],
    "eval policy": ["--data", "DATA"],
    "eval world": ["--data", "DATA"],
    "export strip": ["VIDEO", "--instruction", "push", "--out", "x.png"],
    "export map": ["--out", "x.pdf"],
    "export compare": ["--other", "other", "--out", "x.pdf"],
    "bench": ["VIDEO"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_takes_a_device_says_so(verb, bundle, video, capsys):
    given = [{"VIDEO": str(video), "DATA": str(video.parent)}.get(word, word) for word in VERBS[verb]]
    assert main([*verb.split(), *given, "--device", absent()[0]]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: there is no 'cuda'" if absent()[0] == "cuda" else "error: ")
    assert complaint.count("\n") == 1


def test_the_app_says_so_too():
    app = [sys.executable, "app.py", "--device", absent()[0]]
    done = subprocess.run(app, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and done.stderr.startswith("error: there is no") and done.stderr.count("\n") == 1


def test_in_python_as_well(bundle, policy):
    with pytest.raises(LapaError, match="there is no"):
        Explorer.open(device=absent()[0])
    with pytest.raises(LapaError, match="there is no"):
        load_policy(policy, bundle / "laq", device=absent()[0])
