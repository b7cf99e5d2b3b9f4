"""The cache: an entry is whole or not there, for several processes too; a full disk is refused before it begins."""

import json
import multiprocessing
import os
import shutil
import time
from collections import namedtuple
from pathlib import Path

import pytest

from lapa.data.cache import Key, cached, check_room, is_cached
from lapa.data.frame_store import FrameStore
from lapa.types import LapaError
from tests.lapa.eval.conftest import SlidingSquare

Usage = namedtuple("Usage", "total used free")
KEY = Key("frames", "data/a", {"size": 4})


def test_a_full_disk_is_one_sentence_before_anything_is_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40, 2**30))
    with pytest.raises(LapaError, match=r"40 frames of 'sliding-square' needs 0.0 GB in .* where 1.1 GB are free"):
        FrameStore.open(_World(num_clips=4, num_frames=10), range(4), 48, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]


def test_room_enough_is_let_through(tmp_path):
    check_room(tmp_path, 1000, "a little")


def test_what_was_computed_is_not_computed_again_and_says_what_it_is(tmp_path):
    first = cached(KEY, lambda folder: (folder / "x").write_text("once"), tmp_path)
    again = cached(KEY, lambda folder: pytest.fail("computed again"), tmp_path)
    assert first == again and (again / "x").read_text() == "once" and is_cached(KEY, tmp_path)
    assert json.loads((again / "entry.json").read_text()) == {"kind": "frames", "of": "data/a"}


def test_other_facts_and_other_kinds_are_other_entries():
    assert len({KEY.name, Key("frames", "data/a", {"size": 5}).name, Key("codes", "data/a", {"size": 4}).name}) == 3


def test_using_an_entry_is_remembered(tmp_path):
    note = cached(KEY, lambda folder: None, tmp_path) / "entry.json"
    os.utime(note, (0, 0))
    cached(KEY, lambda folder: None, tmp_path)
    assert time.time() - note.stat().st_mtime < 60


@pytest.mark.parametrize("error", [KeyboardInterrupt, LapaError])
def test_what_was_half_written_goes_away(tmp_path, error):
    def fail(folder):
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(error):
        cached(KEY, fail, tmp_path)
    assert not is_cached(KEY, tmp_path) and not list(tmp_path.rglob("half"))
    cached(KEY, lambda folder: (folder / "x").write_text("whole"), tmp_path)
    assert [path.name for path in (tmp_path / KEY.name).iterdir() if path.name != "entry.json"] == ["x"]


def test_several_processes_compute_an_entry_once_even_where_one_was_killed(tmp_path):
    context = multiprocessing.get_context("fork")
    killed = context.Process(target=_compute, args=(tmp_path, "killed"))
    killed.start()
    killed.join()
    assert killed.exitcode == 9 and not is_cached(KEY, tmp_path)
    both = [context.Process(target=_compute, args=(tmp_path, name)) for name in "ab"]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert [process.exitcode for process in both] == [0, 0]
    assert len((tmp_path / "computed").read_text()) == 1, "the second one waited"
    assert [path.name for path in (tmp_path / KEY.name).iterdir() if path.name != "entry.json"] == ["x"]


def _compute(root: Path, name: str) -> None:
    def compute(folder: Path) -> None:
        (folder / ("half" if name == "killed" else "x")).write_text(name)
        if name == "killed":
            os._exit(9)
        with open(root / "computed", "a") as file:
            file.write(name)
        time.sleep(0.3)

    assert (cached(KEY, compute, root) / "x").is_file()


class _World(SlidingSquare):
    path = Path(__file__)
