"""A GPU lent by the call: nothing changes without one, and a dream crosses to it and back where there is one."""

import inspect
import json
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lapa.explorer import Explorer
from lapa.types import LapaError
from tests.app.conftest import INSTRUCTIONS, wandering_squares
from viz.tabs.space import dream_on_lent_gpu, gpu, is_zero_gpu, page_script


class Lent:
    """Stands in for the package `spaces` on ZeroGPU, whose calls run in another process: all that passes is pickled."""

    def __init__(self):
        self.calls, self.durations = [], []

    def GPU(self, task, duration):  # noqa: N802  its name there
        self.durations.append(duration)

        def call(*args, **kwargs):
            self.calls.append(task.__name__)
            args, kwargs = pickle.loads(pickle.dumps((args, kwargs)))
            return pickle.loads(pickle.dumps(task(*args, **kwargs)))

        def stream(*args, **kwargs):
            self.calls.append(task.__name__)
            for item in task(*pickle.loads(pickle.dumps(args)), **kwargs):
                yield pickle.loads(pickle.dumps(item))

        return stream if inspect.isgeneratorfunction(inspect.unwrap(task)) else call


@pytest.fixture
def lent(monkeypatch) -> Lent:
    stand_in = Lent()
    monkeypatch.setitem(sys.modules, "spaces", SimpleNamespace(GPU=stand_in.GPU))
    return stand_in


@pytest.fixture
def explorer(checkpoints_folder) -> Explorer:
    folder = checkpoints_folder / "tabletop"
    return Explorer.open(laq=folder / "laq", policy=folder / "policy", device="cpu")


def double(x: int) -> int:
    return 2 * x


def test_without_the_package_everything_is_as_it_was(monkeypatch):
    monkeypatch.setitem(sys.modules, "spaces", None)
    assert gpu(double) is double and gpu(duration=9)(double) is double
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not is_zero_gpu()


def test_with_the_package_calls_go_through_it(lent, monkeypatch):
    assert gpu(double)(3) == gpu(duration=9)(double)(3) == 6
    assert lent.durations == [60, 9] and lent.calls == ["double", "double"]
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert is_zero_gpu()


def test_a_dream_is_one_call_and_the_same_as_on_the_cpu(lent, explorer, checkpoints_folder):
    folder = checkpoints_folder / "tabletop"
    twin = Explorer.open(laq=folder / "laq", policy=folder / "policy", device="cpu")
    both = dream_on_lent_gpu(Explorer.open(laq=folder / "laq", device="cpu"), twin)
    frame = wandering_squares(np.random.default_rng(0), 1)[0]
    asked = (frame, INSTRUCTIONS[0])
    expected = [step.latent_action.tokens for step in explorer.rollout(*asked, num_steps=3, temperature=1.0, seed=4)]
    steps = list(both.rollout(*asked, num_steps=3, temperature=1.0, seed=4))
    assert [step.latent_action.tokens for step in steps] == expected and steps[0].frame.shape == frame.shape
    assert both.predict(*asked).latent_action.tokens == explorer.predict(*asked).latent_action.tokens
    assert lent.calls == ["rollout", "predict"]
    with pytest.raises(LapaError, match="empty"):
        list(both.rollout(frame, ""))


@pytest.mark.parametrize(
    ("space", "script"),
    [
        ("some-body/latent_actions.1", '<script>window.lapaSpace="some-body/latent_actions.1";</script>'),
        ("</script><b>/x", ""),
        ("", ""),
    ],
)
def test_the_page_learns_which_space_it_is_on(monkeypatch, space, script):
    monkeypatch.setenv("SPACE_ID", space)
    assert page_script() == script
    assert not script or json.loads(script[script.index("=") + 1 : script.index(";")]) == space
