"""The Gymnasium environment and the physics under it."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import lapa.worlds  # noqa: F401  (registers the environment)
from lapa.types import LapaError
from lapa.worlds.tabletop.board import BLOCK_RANGE, PUSHER_RANGE
from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.sim import TabletopSim
from lapa.worlds.tabletop.tasks import FAMILIES, Task, sample_scene


@pytest.fixture(scope="module")
def env():
    env = TabletopEnv(TabletopConfig(image_size=64), render_mode="rgb_array")
    yield env
    env.close()


def play(env, seed, num_steps=6):
    observation, info = env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    trail = [observation]
    for _ in range(num_steps):
        action = rng.uniform(env.action_space.low, env.action_space.high)
        trail.append(env.step(action.astype(np.float32))[0])
    return np.stack(trail), env.render(), info["instruction"]


KINDS = {
    "lapa/Tabletop-v0": ("arm", "sim"),
    "lapa/TabletopPaddle-v0": ("paddle", "sim"),
    "lapa/TabletopHand-v0": ("hand", "sim"),
    "lapa/TabletopReal-v0": ("arm", "real"),
    "lapa/TabletopPaddleReal-v0": ("paddle", "real"),
    "lapa/TabletopHandReal-v0": ("hand", "real"),
}


@pytest.mark.parametrize("name", KINDS)
def test_passes_the_checker_of_gymnasium(name):
    env = gymnasium.make(name, render_mode="rgb_array", image_size=64).unwrapped
    assert (env.config.embodiment, env.config.environment) == KINDS[name]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*symmetric and normalized.*")
        check_env(env)
    env.close()


@pytest.mark.parametrize(("embodiment", "environment"), KINDS.values())
def test_same_seed_same_states_pixels_and_words(embodiment, environment):
    env = TabletopEnv(embodiment=embodiment, environment=environment, image_size=64, render_mode="rgb_array")
    first, other, again = play(env, 3), play(env, 4), play(env, 3)
    env.close()
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1]) and first[2] == again[2]
    assert not np.array_equal(first[0], other[0]) and not np.array_equal(first[1], other[1])


def test_pusher_follows_the_action_and_no_faster_than_the_limit(env, empty_corner_state):
    env.reset(seed=0, options={"state": empty_corner_state, "task": Task("block2block", 0, 1)})
    before = env.state[:2]
    env.step(np.array([MAX_SPEED_M, 0.0], np.float32))
    assert env.state[:2] - before == pytest.approx([MAX_SPEED_M, 0.0], abs=0.007)
    for action in ((1.0, 0.0), (1.0, 0.0), (0.0, 0.0)):
        env.step(np.array(action, np.float32))
    assert env.state[:2] - before == pytest.approx([3 * MAX_SPEED_M, 0.0], abs=0.001)


def test_success_ends_the_episode_and_time_cuts_it_off(env, empty_corner_state):
    state = empty_corner_state.copy()
    goal = (float(state[2]), float(state[3]))
    env.reset(seed=0, options={"state": state, "task": Task("block2absolute", 0, None, "left", goal)})
    _, reward, terminated, truncated, info = env.step(np.zeros(2, np.float32))
    assert (reward, terminated, truncated, info["success"]) == (1.0, True, False, True)
    short = TabletopEnv(max_steps=2)
    short.reset(seed=1)
    assert [short.step(np.zeros(2, np.float32))[2:4] for _ in range(2)] == [(False, False), (False, True)]


def test_nothing_leaves_the_board_or_drifts():
    sim = TabletopSim()
    rng = np.random.default_rng(0)
    state, _ = sample_scene(rng)
    sim.reset(state)
    for _ in range(20):
        sim.step(np.zeros(2))
    assert np.abs(sim.state - state).max() < 1e-4, "blocks moved although nothing touched them"
    heading = rng.uniform(-1, 1, 2)
    deepest = 0.0
    for t in range(600):
        heading = rng.uniform(-1, 1, 2) if t % 15 == 0 else heading
        sim.step(heading * MAX_SPEED_M * 2)
        deepest = min(deepest, *sim.data.contact.dist, 0.0)
    assert -0.008 < deepest < 0, "things pass through one another, or never touched"
    assert np.all(np.abs(sim.state[:2]) <= np.array(PUSHER_RANGE) + 0.01)
    blocks = sim.state[2:].reshape(-1, 3)[:, :2]
    assert np.all(np.abs(blocks) <= np.array(BLOCK_RANGE) + 0.01)


def test_a_pushed_block_moves_the_way_it_is_pushed(empty_corner_state):
    sim = TabletopSim()
    state = empty_corner_state.copy()
    state[:2] = state[5:7] - [0.06, 0.0]
    sim.reset(state)
    for _ in range(6):
        sim.step(np.array([MAX_SPEED_M, 0.0]))
    moved = sim.state[5:7] - state[5:7]
    assert moved[0] > 0.05 and abs(moved[1]) < 0.03
    assert np.allclose(sim.state[8:], state[8:], atol=1e-4), "a block that nobody touched moved"


def test_picture_of_the_arm_depends_on_the_pusher_alone(env, empty_corner_state):
    """The same state by two different ways is the same picture."""
    state = empty_corner_state.copy()
    env.reset(seed=0, options={"state": state, "task": Task("block2block", 0, 1)})
    straight = env.render()
    away = state.copy()
    away[:2] = (0.3, 0.25)
    env.reset(seed=0, options={"state": away, "task": Task("block2block", 0, 1)})
    assert not np.array_equal(env.render(), straight)
    env.reset(seed=0, options={"state": state, "task": Task("block2block", 0, 1)})
    assert np.array_equal(env.render(), straight)


def test_a_state_of_another_body_is_refused(env, empty_corner_state):
    with pytest.raises(LapaError, match="28 numbers.*'arm'.*give 26"):
        env.reset(options={"state": np.append(empty_corner_state, [0.0, 0.0]), "task": Task("block2block", 0, 1)})


def test_only_asked_families_are_drawn():
    env = TabletopEnv(families=("separate",))
    assert {env.reset(seed=seed)[1]["family"] for seed in range(5)} == {"separate"}
    assert env.reset(seed=0, options={"family": "block2block"})[1]["family"] == "block2block"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"families": ("juggle",)}, "juggle"),
        ({"families": ()}, FAMILIES[0]),
        ({"image_size": 33}, "33"),
        ({"embodiment": "octopus"}, "octopus.*'arm' or 'paddle' or 'hand'"),
        ({"environment": "mars"}, "mars.*'sim' or 'real'"),
    ],
)
def test_impossible_settings_are_refused(settings, words):
    with pytest.raises(LapaError, match=words):
        TabletopConfig(**settings)
