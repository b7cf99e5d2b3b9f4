"""One registry of simulators: our own by file, any Gymnasium environment by its id, and what is said of the rest."""

import dataclasses

import numpy as np
import pytest

from lapa.protocols import Actor, Environment
from lapa.types import LapaError
from lapa.worlds.recording import episode_seed
from lapa.worlds.registry import find_simulator, simulator_names
from lapa.worlds.simulator import EnvSettings
from lapa.worlds.tabletop.instructions import instruct, parse
from lapa.worlds.tabletop.progress import Progress
from lapa.worlds.tabletop.sim import STATE_SIZE
from lapa.worlds.tabletop.tasks import FAMILIES, Task, is_done, sample_scene, sample_scene_of


def test_every_simulator_makes_an_environment_with_an_expert():
    for name in simulator_names():
        simulator = find_simulator(name)
        env = simulator.make(EnvSettings(image_size=32))
        assert isinstance(env, Environment)
        _, info = env.reset(seed=3, options={"family": simulator.families[0]})
        assert info["family"] == simulator.families[0] and info["instruction"] and info["success"] is False
        expert = simulator.expert(env)
        assert isinstance(expert, Actor) and not expert.needs_frame
        assert expert.act(None, "").shape == env.action_space.shape
        env.close()


def test_what_is_not_there_is_one_sentence():
    with pytest.raises(LapaError, match="no environment 'moon'.*tabletop"):
        find_simulator("moon")
    with pytest.raises(LapaError, match="not installed.*no_such_package"):
        find_simulator("no_such_package:Env-v0")
    with pytest.raises(LapaError, match="octopus"):
        find_simulator("tabletop").make(EnvSettings(embodiment="octopus"))
    with pytest.raises(LapaError, match="no embodiment to choose"):
        find_simulator("lapa/Tabletop-v0").make(EnvSettings(embodiment="arm"))


def test_evaluation_draws_no_episode_that_could_be_recorded():
    evaluated = [find_simulator("tabletop").evaluation_seed(0, family, i) for family in FAMILIES for i in range(50)]
    assert len(set(evaluated)) == len(evaluated)
    assert min(evaluated) >= 2**64 > max(episode_seed(seed, i) for seed in range(3) for i in range(300)) + 8


@pytest.mark.parametrize("family", FAMILIES)
def test_every_wording_of_a_task_is_understood(family):
    for seed in range(16):
        rng, split = np.random.default_rng(seed), ("seen", "unseen")[seed % 2]
        _, task = sample_scene(rng, family, split)
        assert parse(instruct(task, rng, split)) == dataclasses.replace(task, goal=None)
        state, again = sample_scene_of(rng, dataclasses.replace(task, goal=None))
        assert not is_done(again, state) and (again.goal is None) == (task.goal is None)


@pytest.mark.parametrize(
    "words", ["dance", "push the red moon to the left", "push the red star to the red star", "push"]
)
def test_what_names_no_task_is_none(words):
    assert parse(words) is None


def test_the_tabletop_takes_words_and_says_what_it_cannot_judge():
    env = find_simulator("tabletop").make(EnvSettings(image_size=32))
    _, info = env.reset(seed=1, options={"instruction": "Push the red star to the left."})
    assert (info["family"], info["blocks"], info["success"]) == ("block2relative", ("red star",), False)
    _, info = env.reset(seed=1, options={"instruction": "dance"})
    assert info["instruction"] == "dance" and info["success"] is None and info["progress"] is None
    _, _, terminated, _, info = env.step(np.zeros(2))
    assert not terminated and info["success"] is None
    env.close()


def test_partial_success_rises_by_stages_and_never_falls():
    state = np.zeros(STATE_SIZE)
    state[2:4], goal = (0.0, 0.0), (0.13, 0.0)
    for i in range(1, 8):
        state[2 + 3 * i : 4 + 3 * i] = (-0.25, -0.2 + 0.05 * i)
    task = Task("block2relative", 0, None, "right", goal)

    def at(pusher, block):
        moved = state.copy()
        moved[:2], moved[2:4] = pusher, block
        return moved

    progress = Progress(task, at((-0.2, 0.2), (0, 0)), reach_m=0.07)
    seen = [
        (((-0.2, 0.2), (0.0, 0.0)), 0.0),
        (((-0.2, 0.2), (0.02, 0.0)), 0.0),  # somebody else's doing
        (((-0.06, 0.0), (0.0, 0.0)), 0.25),
        (((-0.04, 0.0), (0.01, 0.0)), 0.5),
        (((-0.02, 0.0), (0.03, 0.0)), 0.75),
        (((-0.2, 0.2), (0.0, 0.0)), 0.75),
        (((0.05, 0.0), (0.1, 0.0)), 1.0),
    ]
    assert [progress.see(at(*where)) for where, _ in seen] == [score for _, score in seen]
