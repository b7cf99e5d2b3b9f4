"""What is found under a folder: linked folders once, depth apart from colour, names of any kind."""

from __future__ import annotations

import logging
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapa.data.folder import FolderSource
from lapa.data.listing import list_videos
from lapa.data.video import read_clip
from tests.lapa.data.conftest import Movie, counting_frames


def colour(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i, frame in enumerate(counting_frames(3)):
        Image.fromarray(frame).save(folder / f"im_{i}.jpg")


def depth(folder: Path) -> None:
    folder.mkdir(parents=True)
    for i in range(3):
        Image.fromarray(np.full((48, 64), 900 + i, np.uint16)).save(folder / f"im_{i}.png")


def test_a_linked_folder_is_followed_and_a_circle_is_not(tmp_path: Path, movie: Movie):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    movie("elsewhere/deep/a.mp4", 3)
    home = tmp_path / "home"
    (home / "own").mkdir(parents=True)
    movie("home/own/b.mp4", 3)
    for name, target in {"videos": "elsewhere", "again": "elsewhere", "up": ".", "round": "home"}.items():
        (home / name).symlink_to(tmp_path / target)
    (home / "inside").symlink_to(home / "own")
    (tmp_path / "elsewhere" / "back").symlink_to(home)
    (home / "own" / "lost").symlink_to(tmp_path / "nowhere")
    assert list_videos(home) == ["again/deep/a.mp4", "own/b.mp4"]
    assert [clip.num_frames for clip in FolderSource(home)] == [3, 3]


def test_depth_beside_colour_is_left_out_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    colour(tmp_path / "traj0" / "images0")
    depth(tmp_path / "traj0" / "depth_images0")
    colour(tmp_path / "traj1" / "images0")
    depth(tmp_path / "traj1" / "other")
    depth(tmp_path / "only")
    with caplog.at_level(logging.WARNING):
        assert list_videos(tmp_path) == ["only", "traj0/images0", "traj1/images0"]
    assert "'traj0/depth_images0' holds depth pictures beside colour ones and is left out" in caplog.text
    assert "'only' holds depth pictures: they are shown as brightness" in caplog.text


def test_pictures_beside_videos_are_named(tmp_path: Path, movie: Movie, caplog: pytest.LogCaptureFixture):
    movie("a.mp4", 3)
    for name in ("1.png", "2.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    assert list_videos(tmp_path) == ["a.mp4"] and "2 still pictures beside the videos" in caplog.text


@pytest.mark.parametrize(
    "name",
    ["A.MP4", "two words.mp4", "it's \"one\".mp4", "50%d.mp4", "#1.mp4", "a?b&c.mp4", "12:30:05.mp4", "[x]*.mp4",
     unicodedata.normalize("NFD", "Küche.mp4"), "厨房.mp4"],
)  # fmt: skip
def test_names_of_any_kind(tmp_path: Path, movie: Movie, name: str, monkeypatch: pytest.MonkeyPatch):
    movie("plain.mp4", 3).rename(tmp_path / name)
    for junk in (f"._{name}", "Thumbs.db", ".DS_Store"):
        (tmp_path / junk).write_bytes(b"junk")
    assert [record.num_frames for record in FolderSource(tmp_path).records] == [3]
    monkeypatch.chdir(tmp_path)
    assert read_clip(name).num_frames == 3
