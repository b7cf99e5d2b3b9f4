"""A folder of videos as a data set: what is found, what the metadata adds, what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from PIL import Image

from lapa.data.folder import FolderSource
from lapa.types import LapaError
from tests.lapa.data.conftest import Movie, counting_frames, numbers


def write_metadata(folder: Path, *rows: dict | str) -> None:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")


def test_videos_are_found_at_any_depth_in_natural_order(tmp_path: Path, movie: Movie):
    (tmp_path / "more" / "frames").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    for name in ("clip_10.mp4", "clip_2.mov", "more/clip_1.mkv", ".hidden/x.mp4", "._clip_2.mov"):
        movie(name, 4) if not name.startswith("._") else (tmp_path / name).write_bytes(b"junk")
    (tmp_path / "cover.png").write_bytes(b"not asked for")
    for i, frame in enumerate(counting_frames(3)):
        Image.fromarray(frame).save(tmp_path / "more" / "frames" / f"{i}.png")
    source = FolderSource(tmp_path)
    assert [record.name for record in source.records] == ["clip_2.mov", "clip_10.mp4", "more/clip_1.mkv", "more/frames"]
    assert [record.num_frames for record in source.records] == [4, 4, 4, 3]
    assert [record.fps for record in source.records] == [10, 10, 10, 10]
    assert [clip.num_frames for clip in source] == [4, 4, 4, 3]
    assert source.actions(0) is None and source.states(0) is None


def test_metadata_describes_the_clips(tmp_path: Path, movie: Movie):
    movie("a.mp4", 6)
    movie("b.mp4", 5)
    write_metadata(
        tmp_path,
        {"file_name": "b.mp4", "instruction": "push it ", "split": "train", "scene": "lab", "true_fps": 3, "site": 7},
        "",
        {"file_name": "./a.mp4", "instruction": None},
    )
    source = FolderSource(tmp_path)
    plain, described = source.records
    assert (plain.instruction, plain.split, plain.scene, plain.fps) == (None, "", "", 10)
    assert (described.instruction, described.split, described.scene) == ("push it", "train", "lab")
    assert described.fps == 3 and source.clip(1).fps == 3, "the metadata's true_fps outranks the container's"
    assert (plain.site, described.site) == ("", "7")
    assert source.clip(1).instruction == "push it" and source.clip(1).source == f"{tmp_path.name}/b.mp4"
    assert numbers(source.frames(1, [4, 1])) == [4, 1]


@pytest.mark.parametrize(
    "line, sentence",
    [
        ("{broken", "is not valid JSON"),
        ('["a.mp4"]', "names no file"),
        ('{"instruction": "push"}', "names no file"),
        ('{"file_name": "../a.mp4"}', r"'\.\./a.mp4', outside the folder"),
        ('{"file_name": "/etc/a.mp4"}', "outside the folder"),
        ('{"file_name": "x\\\\..\\\\..\\\\a.mp4"}', "outside the folder"),
        ('{"file_name": "a.mp4", "instruction": 5}', "has instruction 5: expected a text"),
        ('{"file_name": "a.mp4", "true_fps": 0}', "has a frame rate of 0"),
        ('{"file_name": "a.mp4", "fps": "ten"}', "has a frame rate of 'ten'"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, movie: Movie, line: str, sentence: str):
    movie("a.mp4", 3)
    write_metadata(tmp_path, {"file_name": "a.mp4"}, line)
    with pytest.raises(LapaError, match=rf"^line 2 of '.*metadata.jsonl' .*{sentence}"):
        FolderSource(tmp_path)


def test_a_bad_video_is_left_out_and_said(tmp_path: Path, movie: Movie, caplog: pytest.LogCaptureFixture):
    movie("a.mp4", 3)
    (tmp_path / "b.mp4").write_text("not a video\n" * 50)
    source = FolderSource(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert [record.num_frames for record in source.records] == [3, 0]
    assert "'b.mp4' is not a video" in caplog.text
    with pytest.raises(LapaError, match=r"'b.mp4' is not a video"):
        source.clip(1)


def test_missing_files_are_counted_once(tmp_path: Path, movie: Movie, caplog: pytest.LogCaptureFixture):
    movie("a.mp4", 3)
    write_metadata(tmp_path, {"file_name": "a.mp4"}, {"file_name": "b.mp4"}, {"file_name": "c.mp4"})
    with caplog.at_level(logging.WARNING):
        source = FolderSource(tmp_path)
    assert len(source) == 1 and "2 of 3 files named in" in caplog.text


def test_one_file_is_a_data_set_of_one_clip(tmp_path: Path, movie: Movie):
    movie("a.mp4", 3)
    path = movie("b.mp4", 4)
    write_metadata(tmp_path, {"file_name": "b.mp4", "instruction": "push"})
    source = FolderSource(path)
    assert [(record.name, record.num_frames, record.instruction) for record in source.records] == [("b.mp4", 4, "push")]
    assert source.clip(0).source == "b.mp4"


def test_a_folder_of_frames_is_a_data_set_of_one_clip(tmp_path: Path):
    folder = tmp_path / "episode"
    folder.mkdir()
    for i, frame in enumerate(counting_frames(3)):
        Image.fromarray(frame).save(folder / f"{i}.jpg")
    assert [(record.name, record.num_frames) for record in FolderSource(folder).records] == [("episode", 3)]


def test_nothing_there(tmp_path: Path):
    with pytest.raises(LapaError, match="holds no videos"):
        FolderSource(tmp_path)
    with pytest.raises(LapaError, match="there is nothing at"):
        FolderSource(tmp_path / "absent")


def test_nothing_is_written_into_the_folder(tmp_path: Path, movie: Movie):
    movie("a.mp4", 3)
    source = FolderSource(tmp_path)
    assert source.records and source.clip(0)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
