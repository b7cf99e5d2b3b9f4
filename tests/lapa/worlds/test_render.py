"""Choosing an OpenGL backend, and what the picture shows."""

import os
import subprocess
import sys

import numpy as np
import pytest

from lapa.types import LapaError
from lapa.worlds.tabletop import render
from lapa.worlds.tabletop.shapes import BLOCKS, COLORS
from lapa.worlds.tabletop.sim import TabletopSim
from lapa.worlds.tabletop.tasks import sample_scene

DRAW = """
from lapa.worlds.tabletop.sim import TabletopSim
import numpy as np, os
sim = TabletopSim(32)
print(os.environ["MUJOCO_GL"], sim.draw().std() > 10)
sim.close()
"""
LEFT_OPEN = """
import weakref
class Thing: pass
thing = Thing()
weakref.finalize(thing, int)  # what a temporary folder does; Python then ends such things after mujoco's display
from lapa.worlds.tabletop.env import TabletopEnv
env, dropped, cycle, closed = (TabletopEnv(render_mode="rgb_array", image_size=16) for _ in range(4))
cycle.itself = cycle
for one in (env, dropped, cycle, closed):
    one.reset(seed=0)
    assert one.render().std() > 10
closed.close()
del dropped, cycle, one
print("drawn")
"""


def draw_in_child(code=DRAW, **env):
    clean = {key: value for key, value in os.environ.items() if key not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    return subprocess.run([sys.executable, "-c", code], env=clean | env, capture_output=True, text=True, timeout=120)


def test_a_working_backend_is_found_by_itself():
    backend, drawn = draw_in_child().stdout.split()
    assert backend in render.BACKENDS and drawn == "True"


def test_the_choice_of_the_user_is_kept(monkeypatch):
    monkeypatch.setenv("MUJOCO_GL", "osmesa")
    assert render.choose_backend() == "osmesa"


def test_a_choice_that_cannot_be_loaded_is_named():
    last_line = draw_in_child(MUJOCO_GL="abacus").stderr.strip().splitlines()[-1]
    assert "LapaError" in last_line and "abacus" in last_line and "egl or osmesa" in last_line


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs a backend")
def test_without_any_backend_one_line_says_what_to_install(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    monkeypatch.setattr(render, "BACKENDS", ("no-such-backend",))
    with pytest.raises(LapaError, match="libegl1") as error:
        render.choose_backend()
    assert "\n" not in str(error.value)
    assert "MUJOCO_GL" not in os.environ


@pytest.mark.parametrize("backend", render.BACKENDS)
def test_an_environment_that_nobody_closes_ends_in_silence(backend):
    done = draw_in_child(LEFT_OPEN, MUJOCO_GL=backend)
    if "LapaError" in done.stderr:
        pytest.skip(f"no {backend} here")
    assert (done.returncode, done.stdout, done.stderr) == (0, "drawn\n", "")


def test_every_block_is_seen_in_its_colour_and_no_two_shapes_look_alike():
    sim = TabletopSim(128)
    state, _ = sample_scene(np.random.default_rng(1))
    state[:2], state[2:] = (0.33, 0.27), 0.0
    rows = [(-0.22 + 0.14 * (i % 4), -0.17 + 0.16 * (i // 4)) for i in range(len(BLOCKS))]
    for i, xy in enumerate(rows):
        state[2 + 3 * i : 4 + 3 * i] = xy
    sim.reset(state)
    frame = sim.draw().astype(float)
    masks = {}
    for color, rgb in COLORS.items():
        hue = np.array(rgb) / np.linalg.norm(rgb)
        near = (frame / np.maximum(np.linalg.norm(frame, axis=-1, keepdims=True), 1)) @ hue > 0.985
        masks[color] = near & (frame.max(-1) - frame.min(-1) > 70)
        assert masks[color].sum() > 100, f"the {color} blocks cannot be seen"
    sim.close()
    union = sum(mask.astype(int) for mask in masks.values())
    assert union.max() == 1, "two colours cannot be told apart"
