"""The bodies: what their joints do to the blocks, and what the picture shows of them."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.bodies.hand import MAX_LIFT_M
from lapa.worlds.tabletop.environments import plain_look
from lapa.worlds.tabletop.sim import STATE_SIZE, TabletopSim

BLOCK = slice(5, 7)
"""x, y of the red cube."""


def at(state, *pusher, rest):
    return np.concatenate([pusher, state[2:STATE_SIZE], rest])


def push_right(sim, num_steps=9):
    for _ in range(num_steps):
        sim.step(np.array([0.02, *np.zeros(len(sim.state) - STATE_SIZE + 1)]))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_body_begins_with_the_same_joints_and_is_driven_by_all_of_its_own(body, empty_corner_state):
    assert [joint.name for joint in body.joints[:2]] == ["pusher_x", "pusher_y"]
    sim = TabletopSim(body=body)
    for i, joint in enumerate(body.joints):
        sim.reset(empty_corner_state)
        assert len(sim.state) == STATE_SIZE - 2 + len(body.joints)
        before = sim.state
        for _ in range(3):
            sim.step(joint.max_step * np.eye(len(body.joints))[i])
        sim.step(np.zeros(len(body.joints)))
        moved = sim.state - before
        entry = i if i < 2 else STATE_SIZE - 2 + i
        assert moved[entry] == pytest.approx(min(3 * joint.max_step, joint.high), rel=0.1)
        assert np.abs(np.delete(moved, entry)).max() < 1e-3, f"{joint.name} moves something else"


def test_a_lifted_hand_passes_over_the_blocks_and_a_lowered_one_pushes_them(empty_corner_state):
    sim = TabletopSim(body=BODIES["hand"])
    x, y = empty_corner_state[BLOCK]
    for lift, least, most in ((MAX_LIFT_M, 0.0, 1e-6), (0.0, 0.05, 0.2)):
        sim.reset(at(empty_corner_state, x - 0.08, y, rest=(lift, 0.0)))
        push_right(sim)
        assert least <= sim.state[BLOCK][0] - x <= most


def test_a_blade_across_the_way_pushes_a_block_straight_and_one_along_it_reaches_past(empty_corner_state):
    sim = TabletopSim(body=BODIES["paddle"])
    x, y = empty_corner_state[BLOCK]
    far = {}
    for yaw in (math.pi / 2, 0.0):
        sim.reset(at(empty_corner_state, x - 0.10, y + 0.04, rest=(yaw,)))
        push_right(sim, 8)
        far[yaw] = sim.state[BLOCK][0] - x
    assert far[math.pi / 2] > far[0.0] + 0.02


def test_half_a_turn_of_the_blade_cannot_be_seen(empty_corner_state):
    sim = TabletopSim(64, BODIES["paddle"])
    pictures = []
    for yaw in (0.4, 0.4 - math.pi, 1.4):
        sim.reset(at(empty_corner_state, 0.1, 0.0, rest=(yaw,)))
        pictures.append(sim.draw().astype(float))
    sim.close()
    assert np.abs(pictures[0] - pictures[1]).max() < 3 < np.abs(pictures[0] - pictures[2]).max()


@pytest.mark.parametrize("name", ["paddle", "hand"])
def test_the_picture_of_a_body_is_where_its_joints_are(name, empty_corner_state):
    """The part of the picture that changes lies around the point that pushes."""
    sim = TabletopSim(64, BODIES[name])
    rest = np.zeros(len(sim.state) - STATE_SIZE)
    pictures = []
    for x in (0.0, 0.3, 0.0):
        sim.reset(at(empty_corner_state, x, 0.1, rest=rest))
        pictures.append(sim.draw().astype(float))
    sim.close()
    assert np.array_equal(pictures[0], pictures[2])
    changed = np.abs(pictures[0] - pictures[1]).max(-1) > 40
    columns = np.flatnonzero(changed.any(0)) / 64
    assert columns.min() < 0.5 < 0.7 < columns.max()


def test_hands_differ_in_skin_sleeve_side_and_size():
    looks = [BODIES["hand"].draw_look(np.random.default_rng(seed)) for seed in range(40)]
    assert {look.is_left for look in looks} == {True, False}
    brightness = [sum(look.skin) / 3 for look in looks]
    assert min(brightness) < 0.40 < 0.65 < max(brightness)
    assert all(look.skin[0] > look.skin[1] > look.skin[2] for look in looks), "that is no skin"
    assert len({look.sleeve for look in looks}) == 40


def test_a_left_hand_is_the_mirror_image_of_a_right_one():
    """Seen from above the middle of the board, with the shoulder there too."""
    sim = TabletopSim(64, BODIES["hand"])
    state = np.zeros(STATE_SIZE + 2)
    for i in range(8):
        state[2 + 3 * i : 4 + 3 * i] = (0.0, 0.215)
    pictures = []
    for is_left in (False, True):
        look = plain_look(BODIES["hand"])
        flat = replace(look.light, direction=(0.0, 0.42, -1.0))
        body = replace(look.body, is_left=is_left, shoulder=(0.0, -0.8))
        sim.reset(state, replace(look, body=body, light=flat))
        pictures.append(sim.draw().astype(float))
    sim.close()
    right, left = pictures
    lower = slice(28, None)  # the blocks, piled up at the top, are no mirror images of themselves
    assert np.abs(right - left)[lower].mean() > 1
    assert np.abs(right[:, ::-1] - left)[lower].mean() < 0.2
