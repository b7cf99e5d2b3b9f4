"""Tasks are fair, splits hold, and sentences say what the task is."""

import re

import numpy as np
import pytest

from lapa.worlds.tabletop.board import BLOCK_RANGE
from lapa.worlds.tabletop.instructions import (
    HELD_OUT_VERBS,
    SYNONYMS,
    instruct,
    split_of_instruction,
    vocabulary,
)
from lapa.worlds.tabletop.shapes import BLOCKS, NUM_BLOCKS
from lapa.worlds.tabletop.tasks import (
    DIRECTIONS,
    FAMILIES,
    HELD_OUT_PAIRS,
    block_xy,
    goal_xy,
    is_done,
    sample_scene,
    split_of,
)


def scenes(family, split="seen", count=15):
    return [sample_scene(np.random.default_rng(seed), family, split) for seed in range(count)]


def test_the_blocks_are_eight_in_four_colours_and_no_two_are_alike():
    assert len({block.name for block in BLOCKS}) == NUM_BLOCKS == 8
    colors = [block.color for block in BLOCKS]
    assert {colors.count(color) for color in colors} == {2} and len(set(colors)) == 4


@pytest.mark.parametrize("split", ["seen", "unseen"])
@pytest.mark.parametrize("family", FAMILIES)
def test_scenes_are_fair(family, split):
    for state, task in scenes(family, split):
        assert task.family == family and split_of(task) == split
        assert not is_done(task, state)
        blocks = state[2:].reshape(-1, 3)[:, :2]
        assert np.all(np.abs(blocks) <= BLOCK_RANGE)
        assert np.linalg.norm(blocks - state[:2], axis=1).min() > 0.06, "the pusher starts inside a block"
        gaps = np.linalg.norm(blocks[:, None] - blocks[None], axis=-1)[np.triu_indices(NUM_BLOCKS, 1)]
        assert gaps.min() > 0.085, "two blocks start inside each other"


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "separate"])
def test_a_block_at_its_goal_is_done(family):
    for state, task in scenes(family):
        away = 0.09 * np.array([1.0, 0.0]) if family == "block2block" else np.zeros(2)
        block_xy(state, task.block)[:] = goal_xy(task, state) + away
        assert is_done(task, state)


def test_separate_is_done_when_far_apart_and_starts_close():
    for state, task in scenes("separate"):
        assert np.linalg.norm(block_xy(state, task.block) - block_xy(state, task.other)) < 0.1
        block_xy(state, task.block)[:] = block_xy(state, task.other) + [0.2, 0.0]
        assert is_done(task, state)


def test_goal_beside_a_block_follows_that_block_and_lies_on_the_named_side():
    for state, task in scenes("block2block_relative"):
        side = goal_xy(task, state) - block_xy(state, task.other)
        assert side @ np.array(DIRECTIONS[task.place]) > 0.1
        before = goal_xy(task, state)
        block_xy(state, task.other)[0] += 0.05
        assert goal_xy(task, state) - before == pytest.approx([0.05, 0.0])


def test_held_out_pairs_never_meet_in_seen_tasks():
    pairs = [frozenset(task.blocks) for seed in range(60) for _, task in [sample_scene(np.random.default_rng(seed))]]
    assert not HELD_OUT_PAIRS & set(pairs)
    assert all(frozenset(task.blocks) in HELD_OUT_PAIRS for _, task in scenes("block2block", "unseen", 5))


@pytest.mark.parametrize("split", ["seen", "unseen"])
@pytest.mark.parametrize("family", FAMILIES)
def test_sentences_are_plain_words_that_name_the_blocks(family, split):
    words = set(vocabulary())
    for seed, (_, task) in enumerate(scenes(family, split)):
        sentence = instruct(task, np.random.default_rng(seed), split)
        assert re.fullmatch(r"[a-z]+( [a-z]+)*", sentence)
        assert set(sentence.split()) <= words
        assert split_of_instruction(sentence) == split
        for i in (task.block, task.other):
            if i is not None:
                assert set(SYNONYMS[BLOCKS[i].color]) & set(sentence.split())
                assert set(SYNONYMS[BLOCKS[i].shape]) & set(sentence.split())
        if family in ("block2relative", "block2absolute", "block2block_relative"):
            other = {"left": {"right", "rightwards"}, "right": {"left", "leftwards"}}
            for side, wrong in other.items():
                if side in task.place.split():
                    assert not wrong & set(sentence.split()), sentence


def test_wording_varies_and_depends_on_the_generator_alone():
    _, task = scenes("block2block", count=1)[0]
    said = [instruct(task, np.random.default_rng(seed)) for seed in range(30)]
    assert len(set(said)) > 8
    assert said == [instruct(task, np.random.default_rng(seed)) for seed in range(30)]
    assert not any(set(sentence.split()) & set(HELD_OUT_VERBS) for sentence in said)
