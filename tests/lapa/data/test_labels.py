"""Clips told apart by what they carry."""

from dataclasses import replace

import pytest

from lapa.data.labels import labelled
from lapa.data.subset import Subset
from lapa.types import LapaError
from tests.lapa.eval.conftest import SlidingSquare


@pytest.fixture
def source():
    return SlidingSquare(num_clips=6, num_frames=4)


def test_only_clips_with_the_label_are_returned(source):
    assert labelled(source, range(6), "site=b") == [1, 4]
    assert labelled(source, [0, 4, 5], "scene=kitchen") == [0, 4]


def test_labels_survive_a_choice_of_clips(source):
    assert labelled(Subset(source, [4, 2, 1]), range(3), "site=b") == [0, 2]


@pytest.mark.parametrize(
    "label, sentence",
    [
        ("site", "is no label: give NAME=VALUE"),
        ("colour=red", "is no label"),
        ("site=", "is no label"),
        ("site=z", "no clip of 'sliding-square' has site 'z': it has a, b, c"),
        ("embodiment=hand", "says nothing of a clip's embodiment"),
    ],
)
def test_a_label_that_nothing_carries_is_one_sentence(source, label, sentence):
    with pytest.raises(LapaError, match=sentence):
        labelled(source, range(6), label)


def test_a_data_set_may_name_bodies(source):
    source.records = [replace(record, embodiment="hand") for record in source.records[:2]] + source.records[2:]
    assert labelled(source, range(6), "embodiment=hand") == [0, 1]
