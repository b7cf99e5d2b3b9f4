"""Who is trained on and who is held out: by a data set's own splits, else evenly, never more than a fifth."""

from __future__ import annotations

from pathlib import Path

import pytest

from lapa.data.folder import FolderSource
from lapa.data.splits import default_split, kind_of_split, select_split, split_rows
from lapa.protocols import ClipRecord
from lapa.types import LapaError
from tests.lapa.data.conftest import Movie


class Listed(FolderSource):
    """A data set of which only the records are looked at."""

    def __init__(self, records: list[ClipRecord]):
        self.name, self.path, self.records = "set", Path("set"), records


def source_of(*splits: str, told: set[int] | None = None, lost: frozenset[int] = frozenset()) -> Listed:
    records = [
        ClipRecord(
            name=str(row),
            num_frames=0 if row in lost else 9,
            fps=10.0,
            instruction="push" if told is None or row in told else None,
            split=split,
        )
        for row, split in enumerate(splits)
    ]
    return Listed(records)


@pytest.mark.parametrize(
    "name, kind",
    [
        *[(name, "test") for name in ("test", "Test", "test_seen", "TEST-2")],
        *[(name, "validation") for name in ("val", "valid", "validation", "dev", "Val_unseen", "train_dev", "val1")],
        *[(name, "train") for name in ("train", "training", "train_0")],
        *[(name, "") for name in ("", "contest", "latest", "kitchen", "devices")],
    ],
)
def test_names_of_splits(name: str, kind: str):
    assert kind_of_split(name) == kind


@pytest.mark.parametrize("held", ["validation", "val", "valid", "dev", "Val"])
def test_a_validation_split_is_held_out_and_a_test_split_in_neither(held: str):
    source = source_of("train", held, "test", "train", "test", held)
    assert split_rows(source, 60) == ([0, 3], [1, 5])
    assert select_split(source, "validation") == [1, 5] == select_split(source, held)
    assert default_split(source) == "validation"


def test_without_a_validation_split_part_of_train_is_held_out():
    source = source_of(*["train"] * 8, "test", "test")
    train, held = split_rows(source, 60)
    assert len(held) == 1 and sorted(train + held) == list(range(8))
    assert default_split(source) == "test"


def test_clips_beside_a_test_split_are_trained_on_though_no_split_is_called_train():
    train, held = split_rows(source_of("test", *[""] * 6, "kitchen"), 60)
    assert sorted(train + held) == list(range(1, 8)) and len(held) == 1


def test_clips_of_no_split_stay_out_where_train_is_named(caplog: pytest.LogCaptureFixture):
    train, held = split_rows(source_of("train", "train", "", "validation"), 60)
    assert (train, held) == ([0, 1], [3]) and "1 clips of 'set' are in no split" in caplog.text


@pytest.mark.parametrize("clips, held", [(2, 1), (9, 1), (40, 8), (119, 23), (179, 35), (300, 60), (1999, 60)])
def test_at_most_a_fifth_is_held_out(clips: int, held: int):
    train, away = split_rows(source_of(*[""] * clips), 60)
    assert len(away) == held and sorted(train + away) == list(range(clips))
    assert split_rows(source_of(*[""] * clips), 60) == (train, away), "the same every time"


def test_fewer_where_fewer_are_asked_for():
    assert len(split_rows(source_of(*[""] * 100), 3)[1]) == 3
    assert len(split_rows(source_of(*[""] * 100), 0)[1]) == 1


def test_what_is_held_out_can_be_read_and_has_an_instruction():
    source = source_of(*[""] * 40, told={3, 7, 21, 22, 30, 31}, lost=frozenset({3, 21}))
    train, held = split_rows(source, 60)
    assert len(held) == 2 and set(held) <= {7, 22, 30, 31} and len(train) == 38


@pytest.mark.parametrize(
    "source, sentence",
    [
        (source_of(""), "'set' has 1 clip to train on that can be read"),
        (source_of("train", "test"), "has 1 clip to train on"),
        (source_of("", "", lost=frozenset({0, 1})), "has no clips to train on that can be read"),
        (source_of("test", "dev"), "nothing to train on: all its clips are in the splits dev, test"),
    ],
)
def test_too_few_clips_end_in_a_sentence(source: Listed, sentence: str):
    with pytest.raises(LapaError, match=sentence):
        split_rows(source, 60)


def test_one_video_alone_ends_in_a_sentence(tmp_path: Path, movie: Movie):
    movie("a.mp4", 9)
    with pytest.raises(LapaError, match="has 1 clip to train on .* cut a long one in two"):
        split_rows(FolderSource(tmp_path), 60)
