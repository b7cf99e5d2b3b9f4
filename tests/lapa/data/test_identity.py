"""What a data set is: whatever changes its frames, rates or instructions makes it another one to the caches."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lapa.data.frame_store import FrameStore
from lapa.data.identity import file_facts
from lapa.data.joined import JoinedSource
from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.subset import Subset
from lapa.data.video_writer import write_video
from lapa.train.image_codes import image_codes


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    """Two videos in a subfolder, a folder of pictures, and metadata."""
    for name in "ab":
        film(tmp_path / "data" / "sub" / f"{name}.mp4", 50)
    (tmp_path / "data" / "pictures").mkdir()
    for i in range(3):
        Image.new("RGB", (8, 8), (50, 50, 50)).save(tmp_path / "data" / "pictures" / f"{i}.png")
    (tmp_path / "data" / "metadata.jsonl").write_text('{"file_name": "sub/a.mp4", "fps": 10}\n')
    return tmp_path / "data"


def film(path: Path, level: int, num_frames: int = 6) -> None:
    write_video(path, np.full((num_frames, 32, 32, 3), level, np.uint8), 10)


def test_a_file_is_its_name_its_size_and_both_of_its_times(tmp_path):
    path = tmp_path / "in" / "a.mp4"
    path.parent.mkdir()
    path.write_bytes(b"12345")
    stat = path.stat()
    assert file_facts(path, tmp_path) == ["in/a.mp4", 5, stat.st_mtime_ns, stat.st_ctime_ns]
    (tmp_path / "link").symlink_to(path)
    assert file_facts(tmp_path / "link", tmp_path) == ["link", 5, stat.st_mtime_ns, stat.st_ctime_ns]
    assert file_facts(tmp_path / "gone", tmp_path) == ["gone"]


def other_size(folder):
    film(folder / "sub" / "a.mp4", 200)


def same_size_and_time(folder):
    path = folder / "sub" / "a.mp4"
    before = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def touched(folder):
    os.utime(folder / "sub" / "a.mp4", ns=(1, 1))


def linked(folder):
    film(folder.parent / "elsewhere.mp4", 200)
    (folder / "sub" / "a.mp4").unlink()
    (folder / "sub" / "a.mp4").symlink_to(folder.parent / "elsewhere.mp4")


def other_picture(folder):
    Image.new("RGB", (8, 8), (200, 200, 200)).save(folder / "pictures" / "1.png")


def other_rate(folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "sub/a.mp4", "fps": 30}\n')


def other_instruction(folder):
    (folder / "metadata.jsonl").write_text('{"file_name": "sub/a.mp4", "fps": 10, "instruction": "push"}\n')


CHANGES = [other_size, same_size_and_time, touched, linked, other_picture, other_rate, other_instruction]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_clip_changes_what_the_data_set_is(folder, change):
    rows = range(3)
    before = open_source(folder).identity(rows)
    assert open_source(folder).identity(rows) == before
    change(folder)
    assert open_source(folder).identity(rows) != before


def test_other_clips_do_not_matter(folder):
    source = open_source(folder)
    chosen = [i for i, record in enumerate(source.records) if record.name != "sub/a.mp4"]
    before, subset = source.identity(chosen), Subset(source, chosen).identity(range(2))
    other_size(folder)
    assert before == subset == open_source(folder).identity(chosen)


def test_training_sees_the_new_frames_of_a_subfolder(folder):
    def mean() -> float:
        source = open_source(folder)
        return float(
            FrameStore.open(source, [i for i, r in enumerate(source.records) if "a.mp4" in r.name], 16).frames.mean()
        )

    assert mean() == pytest.approx(50, abs=4)
    other_size(folder)
    assert mean() == pytest.approx(200, abs=4)


def test_a_rate_that_was_edited_is_seen(folder):
    def rates() -> list[float]:
        return FrameStore.open(open_source(folder), range(3), 16).fps.tolist()

    before = rates()
    other_rate(folder)
    assert sorted(rates()) != sorted(before) and 30 in rates()


def test_image_codes_are_of_the_new_frames(folder):
    def codes() -> int:
        source = open_source(folder)
        row = next(i for i, record in enumerate(source.records) if record.name == "sub/a.mp4")
        return int(image_codes(level, source, np.array([row]), np.array([2]), key="weights")[0, 0])

    def level(frames: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(frames.mean((1, 2, 3)).astype(np.int64))[:, None]

    before = codes()
    other_size(folder)
    assert abs(before - 50) < 5 and abs(codes() - 200) < 5


@pytest.fixture
def episodes(tmp_path):
    """Two LeRobot data sets of two episodes each, in one folder."""
    for name in "ab":
        record(tmp_path / "sets" / name, 50)
    return tmp_path / "sets"


def record(path: Path, level: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    columns = {"states": np.zeros((5, 2), np.float32), "actions": np.zeros((5, 2), np.float32), "instruction": "push"}
    frames = np.full((5, 32, 32, 3), level, np.uint8)
    parts = path.parent.parent / "parts"
    write_shard(parts, "x", [Episode(frames=frames, extra={}, **columns) for _ in range(2)], fps=10)
    spec = DatasetSpec(fps=10, robot_type="none", state_names=("x", "y"), action_names=("x", "y"), image_size=32)
    join_shards(path, parts, ["x"], spec)


def test_an_episode_is_its_video_its_rows_and_what_is_said_of_it(episodes):
    before = open_source(episodes / "a").identity([0])
    assert open_source(episodes / "a").identity([0]) == before != open_source(episodes / "a").identity([1])
    for suffix in ("mp4", "parquet", "info.json"):
        path = next(path for path in sorted((episodes / "a").rglob(f"*{suffix}")))
        os.utime(path, ns=(7, 7))
        now = open_source(episodes / "a").identity([0])
        assert now != before, path
        before = now


def test_joined_data_sets_are_their_parts(episodes):
    joined = open_source(episodes)
    assert isinstance(joined, JoinedSource)
    before, orders = joined.identity([1, 2]), joined.identity([2, 1])
    assert before != orders != joined.identity([1, 3])
    record(episodes / "b", 200)
    assert open_source(episodes).identity([1, 2]) != before
    assert open_source(episodes).identity([0, 1]) == joined.identity([0, 1])
