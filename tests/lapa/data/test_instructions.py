"""The wrong instruction: of a like scene, never the same words."""

import numpy as np

from lapa.data.instructions import swap_instructions, with_instruction
from lapa.protocols import ClipRecord


def record(name, instruction, scene):
    return ClipRecord(name=name, num_frames=9, fps=10.0, instruction=instruction, scene=scene)


RECORDS = [
    record("a", "push left", "table"),
    record("b", "Push  LEFT", "table"),
    record("c", "push right", "table"),
    record("d", "open it", "kitchen"),
    record("e", None, "table"),
    record("f", "push up", "table"),
]


def test_the_wrong_instruction_has_other_words_and_a_like_scene():
    clips = np.repeat([0, 1, 2, 5], 30)
    swapped = swap_instructions(RECORDS, clips, np.random.default_rng(0))
    for clip, text in zip(clips, swapped):
        assert text.lower().split() != RECORDS[clip].instruction.lower().split()
    assert set(swapped[:30]) == {"push right", "push up"}


def test_only_clips_that_are_asked_about_lend_their_instruction():
    assert set(swap_instructions(RECORDS, np.array([0, 2, 0, 2]), np.random.default_rng(0))) == {
        "push left",
        "push right",
    }


def test_where_there_is_no_other_there_is_none():
    assert swap_instructions(RECORDS, np.array([3, 0, 1]), np.random.default_rng(0)) == [None, None, None]


def test_clips_without_a_word_are_left_out():
    assert with_instruction(RECORDS, range(6)) == [0, 1, 2, 3, 5]
