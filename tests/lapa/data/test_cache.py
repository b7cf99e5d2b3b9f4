"""A cache that would fill the disk is refused before it begins, and leaves nothing behind."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from lapa.data.cache import check_room, removed_on_failure
from lapa.data.frame_store import FrameStore
from lapa.types import LapaError
from tests.lapa.eval.conftest import SlidingSquare

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk_is_one_sentence_before_anything_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40, 2**30))
    with pytest.raises(LapaError, match=r"40 frames of 'sliding-square' needs 0.0 GB in .* where 1.1 GB are free"):
        FrameStore.open(_World(num_clips=4, num_frames=10), range(4), 48, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_room_enough_is_let_through(tmp_path):
    check_room(tmp_path, 1000, "a little")


def test_what_was_half_written_goes_away(tmp_path):
    with pytest.raises(KeyboardInterrupt), removed_on_failure(tmp_path / "half"):
        (tmp_path / "half").write_text("half")
        raise KeyboardInterrupt
    with removed_on_failure(tmp_path / "whole"):
        (tmp_path / "whole").write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


class _World(SlidingSquare):
    path = Path(__file__)
