"""The scripted expert, the planner it walks by and the arm it is drawn with."""

import math
import subprocess
import sys

import numpy as np
import pytest

from lapa.worlds.tabletop.board import PUSHER_RANGE
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.expert import Expert
from lapa.worlds.tabletop.kinematics import BASE_XY, LINK_LENGTHS, arm_angles, elbow
from lapa.worlds.tabletop.planner import Planner, is_clear
from lapa.worlds.tabletop.sim import TabletopSim
from lapa.worlds.tabletop.tasks import FAMILIES, Task, block_xy, is_done


@pytest.mark.parametrize("embodiment", BODIES)
def test_solves_every_family(embodiment):
    """The full measurement has 100 seeds (all above 0.95); 10 catch an expert that is broken. A child: no beartype."""
    command = [sys.executable, "-m", "lapa.worlds.tabletop.expert", "--episodes", "10"]
    command += ["--embodiment", embodiment]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    success = {line.split()[0]: float(line.split()[2]) for line in lines}
    assert set(success) == set(FAMILIES)
    assert min(success.values()) >= 0.8 and np.mean(list(success.values())) >= 0.9, success


def test_pushes_around_a_block_that_is_in_the_way():
    state = np.zeros(26)
    state[:2] = (-0.30, 0.2)
    corners = [(-0.2, 0.0), (0.0, 0.0), *((x, 0.2) for x in (-0.1, 0.0, 0.1, 0.2)), (-0.2, -0.2), (0.25, -0.2)]
    for i, xy in enumerate(corners):
        state[2 + 3 * i : 4 + 3 * i] = xy
    task = Task("block2absolute", 0, None, "right", (0.2, 0.0))
    sim, expert = TabletopSim(), Expert(task)
    sim.reset(state)
    for _ in range(120):
        sim.step(expert.act(sim.state))
        if is_done(task, sim.state):
            break
    assert is_done(task, sim.state)
    assert math.dist(block_xy(sim.state, 1), (0.0, 0.0)) < 0.03, "it pushed through the obstacle"


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_noise_is_drawn_from_the_generator_and_actions_stay_within_the_limit(body):
    state = np.zeros(24 + len(body.joints))
    state[2:26] = np.random.default_rng(0).uniform(-0.2, 0.2, 24)
    task = Task("block2block", 0, 1)
    noisy = [Expert(task, np.random.default_rng(5), 1.0, embodiment=body.name).act(state) for _ in range(2)]
    assert np.array_equal(*noisy)
    assert not np.array_equal(noisy[0], Expert(task, embodiment=body.name).act(state))
    assert np.all(np.abs(noisy[0]) <= body.max_action)


def test_planner_goes_around_and_straight_where_it_can():
    planner = Planner(PUSHER_RANGE)
    start, goal, wall = np.array([-0.2, 0.0]), np.array([0.2, 0.0]), np.array([[0.0, 0.0]])
    assert not is_clear(start, goal, wall, 0.07)
    turn = planner.waypoint(start, goal, wall, 0.07)
    assert abs(turn[1]) > 0.03 and is_clear(start, turn, wall, 0.07)
    path = np.array(planner.path(start, goal, wall, 0.07))
    assert np.linalg.norm(path, axis=1).min() > 0.06
    assert np.array_equal(planner.waypoint(start, goal, np.array([[0.0, 0.25]]), 0.07), goal)


def test_arm_reaches_the_whole_board_smoothly_with_its_elbow_on_one_side():
    step = 0.005
    for x in np.linspace(-PUSHER_RANGE[0], PUSHER_RANGE[0], 9):
        for y in np.linspace(-PUSHER_RANGE[1], PUSHER_RANGE[1], 9):
            first, second = arm_angles(x, y)
            tip = np.array(elbow(first)) + LINK_LENGTHS[1] * np.array([math.cos(second), math.sin(second)])
            assert tip == pytest.approx([x, y], abs=1e-9)
            to_elbow, to_tip = np.array(elbow(first)) - BASE_XY, np.array([x, y]) - BASE_XY
            assert to_tip[0] * to_elbow[1] - to_tip[1] * to_elbow[0] > 0
            assert math.dist(elbow(first), elbow(arm_angles(x + step, y)[0])) < 8 * step
