"""LeRobot data sets as other people's tools leave them: each frame, sentence and number is the right one."""

import io
import json
import logging
import os
import shutil
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from lapa.data.joined import JoinedSource
from lapa.data.lerobot import LeRobotSource
from lapa.data.lerobot_cameras import cameras_of
from lapa.data.lerobot_meta import split_of
from lapa.data.lerobot_video import Span, numbers_of
from lapa.data.source import open_source
from lapa.data.transitions import Transitions, displacements
from lapa.data.video_writer import write_video
from lapa.types import LapaError

CAMERA = "observation.images.top"
LENGTHS = (7, 5, 9)
STARTS = (0, 7, 12)


def greys(first: int, num: int, base: int = 20) -> Iterator[np.ndarray]:
    return (np.full((32, 48, 3), base + 10 * t, np.uint8) for t in range(first, first + num))


def make(root, *, fps=10, video_fps=None, num=21, lengths=LENGTHS, columns=None, rows=None, **info):
    """Write a v3.0 data set whose frame n of the whole is of grey 20 + 10 n."""
    rate = video_fps or fps
    features = info.pop("features", {CAMERA: {"dtype": "video", "shape": [32, 48, 3]}})
    template = info.get("video_path") or "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    for i, key in enumerate(key for key in features if features[key]["dtype"] == "video"):
        file = root / template.format(video_key=key, chunk_index=0, file_index=0)
        write_video(file, greys(0, num, 20 + 7 * i), float(rate))
    starts = np.cumsum([0, *lengths])
    table = []
    for i, length in enumerate(lengths):
        row = {"episode_index": i, "tasks": [f"task {i}"], "length": length}
        row |= {"data/chunk_index": 0, "data/file_index": 0}
        for key in features:
            row |= {f"videos/{key}/chunk_index": 0, f"videos/{key}/file_index": 0}
            row |= {
                f"videos/{key}/from_timestamp": starts[i] / rate,
                f"videos/{key}/to_timestamp": starts[i + 1] / rate,
            }
        table.append(row | (rows(i) if rows else {}))
    meta = root / "meta" / "episodes" / "chunk-000" / "file-000.parquet"
    meta.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(table), meta)
    data = root / "data" / "chunk-000" / "file-000.parquet"
    data.parent.mkdir(parents=True)
    episodes = np.repeat(np.arange(len(lengths)), lengths)
    pq.write_table(pa.table({"episode_index": episodes, **(columns or {})}), data)
    said = {"codebase_version": "v3.0", "fps": fps, "splits": {"train": f"0:{len(lengths)}"}, "features": features}
    said |= {"data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet", "video_path": template} | info
    (root / "meta" / "info.json").write_text(json.dumps(said))
    return root


def seen(source, i) -> list[int]:
    """Which frames of the whole a clip's are."""
    return [round((float(frame.mean()) - 20) / 10) for frame in source.clip(i).frames]


def test_an_episode_begins_at_its_time_whatever_rate_is_claimed(tmp_path):
    source = open_source(make(tmp_path / "wrong", fps=9, video_fps=10))
    assert [seen(source, i) for i in range(3)] == [list(range(s, s + n)) for s, n in zip(STARTS, LENGTHS, strict=True)]
    assert source.records[0].fps == pytest.approx(10.0), "windows are measured at the true rate"


def test_a_video_of_a_higher_rate_gives_the_frames_of_each_moment():
    times = np.arange(60) / 30
    assert numbers_of(times, Span(start=0.5, end=1.5), 10, 10.0).tolist() == list(range(15, 45, 3))
    assert numbers_of(times + 0.004, Span(start=0.5, end=None), 5, 29.0).tolist() == [15, 16, 17, 18, 19]
    assert numbers_of(times, Span(start=1.8, end=2.0), 9, 30.0).tolist() == [54, 55, 56, 57, 58, 59]
    assert numbers_of(times, Span(start=0.0, end=0.2), 9, 30.0).tolist() == [0, 1, 2, 3, 4, 5], "never the next episode"


def test_a_video_that_is_short_gives_what_is_there(tmp_path, caplog):
    source = open_source(make(tmp_path / "short", num=sum(LENGTHS) - 1))
    assert seen(source, 2) == list(range(12, 20)) and "ends after 8 of its 9 frames" in caplog.text
    with pytest.raises(LapaError, match="frames 0 to 7"):
        source.frames(2, [8])
    assert seen(source, 1) == list(range(7, 12))


def test_a_download_by_the_hubs_client_is_read_and_a_path_outside_is_not(tmp_path):
    plain = make(tmp_path / "plain")
    hub = tmp_path / "datasets--org--set"
    snapshot = hub / "snapshots" / "abc"
    for i, file in enumerate(sorted(f for f in plain.rglob("*") if f.is_file())):
        blob, link = hub / "blobs" / f"{i:040x}", snapshot / file.relative_to(plain)
        for each in (blob, link):
            each.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, blob)
        link.symlink_to(os.path.relpath(blob, link.parent))
    assert seen(open_source(snapshot), 1) == list(range(7, 12))
    assert open_source(hub).name == "set" and len(open_source(hub)) == 3
    assert [r.name for r in open_source(tmp_path).records][:1] == ["org/set/episode_000000"]
    video = next(snapshot.rglob("*.mp4"))
    video.unlink()
    video.symlink_to(next(plain.rglob("*.mp4")))
    with pytest.raises(LapaError, match="outside"):
        open_source(snapshot)
    for path in ("../../../plain/{video_key}.mp4", "/etc/{video_key}.mp4"):
        with pytest.raises(LapaError, match="outside"):
            open_source(make(tmp_path / f"bad{len(path)}", video_path=None) and change(tmp_path, path))


def change(tmp_path, video_path):
    root = tmp_path / f"bad{len(video_path)}"
    info = json.loads((root / "meta" / "info.json").read_text())
    (root / "meta" / "info.json").write_text(json.dumps(info | {"video_path": video_path}))
    return root


def test_lerobots_home_is_its_data_sets(tmp_path):
    one = make(tmp_path / "home" / "org" / "one")
    shutil.copytree(one, tmp_path / "home" / "org" / "two")
    source = open_source(tmp_path / "home")
    assert isinstance(source, JoinedSource) and len(source.records) == 6
    assert source.records[3].name == "org/two/episode_000000" and source.records[4].instruction == "task 1"
    assert seen(source, 4) == list(range(7, 12))


def test_a_video_file_of_several_episodes_is_those_episodes(tmp_path):
    root = make(tmp_path / "set")
    source = open_source(root / "videos" / CAMERA / "chunk-000" / "file-000.mp4")
    assert [record.num_frames for record in source.records] == list(LENGTHS) and seen(source, 1) == list(range(7, 12))


def png(grey: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((32, 48, 3), grey, np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("inline", [True, False])
def test_pictures_inside_parquet_are_read(tmp_path, inline):
    key, root = "observation.image", tmp_path / "stored"
    cells = [{"bytes": png(20 + 10 * t) if inline else None, "path": f"images/{t}.png"} for t in range(sum(LENGTHS))]
    make(root, columns={key: cells}, features={key: {"dtype": "image", "shape": [32, 48, 3]}}, video_path=None)
    for t in () if inline else range(sum(LENGTHS)):
        (root / "images").mkdir(exist_ok=True)
        (root / "images" / f"{t}.png").write_bytes(png(20 + 10 * t))
    source = open_source(root)
    assert [seen(source, i) for i in range(3)] == [list(range(s, s + n)) for s, n in zip(STARTS, LENGTHS, strict=True)]
    assert np.array_equal(source.frames(1, [4, 0]), source.clip(1).frames[[4, 0]])
    with pytest.raises(LapaError, match="frames 0 to 4"):
        source.frames(1, [5])


def test_damaged_pictures_cost_only_their_clip(tmp_path):
    key = "observation.image"
    cells = [{"bytes": png(20 + 10 * t)[: 40 if t == 3 else None], "path": None} for t in range(sum(LENGTHS))]
    source = open_source(make(tmp_path / "s", columns={key: cells}, features={key: {"dtype": "image"}}))
    with pytest.raises(LapaError, match="picture .* of episode_000000 is missing, damaged"):
        source.clip(0)
    assert seen(source, 1) == list(range(7, 12))


CAMERAS = {
    "observation.images.depth": {"dtype": "video", "shape": [32, 48, 3]},
    "observation.images.wrist_left": {"dtype": "video", "shape": [32, 48, 3]},
    "observation.images.far": {"dtype": "video", "shape": [32, 48, 3], "info": {"video.is_depth_map": True}},
    "observation.images.front": {"dtype": "video", "shape": [32, 48, 3]},
}


def test_the_camera_that_sees_the_scene_is_taken_and_named(tmp_path, caplog):
    root = make(tmp_path / "many", features=CAMERAS)
    with caplog.at_level(logging.WARNING):
        source = open_source(root)
    assert source.camera == "observation.images.front" and seen(source, 1)[0] == 9, "the fourth is 21 brighter"
    assert "reading 'observation.images.front'" in caplog.text and "observation.images.wrist_left" in caplog.text
    assert cameras_of(CAMERAS)[1:2] == ["observation.images.wrist_left"], "a depth map comes last"
    wrist = open_source(root, camera="wrist_left")
    assert wrist.camera == "observation.images.wrist_left"
    assert wrist.identity([0]) != source.identity([0]), "caches are kept apart"
    with pytest.raises(LapaError, match="no camera 'top': it has observation.images.front, observation.images.wrist"):
        open_source(root, camera="top")
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", greys(0, 5), 10.0)
    with pytest.raises(LapaError, match="no LeRobot data set"):
        open_source(tmp_path / "videos", camera="top")


def test_splits_are_taken_at_their_word():
    spans = {"train": "0:8", "test": "8:10", "val": "10:12,14:15", "rest": [12, 13], "open": "20:"}
    found = [split_of(spans, episode) for episode in (0, 7, 8, 9, 10, 11, 12, 13, 14, 15, 25)]
    assert found == ["train"] * 2 + ["test"] * 2 + ["val"] * 2 + ["rest"] * 2 + ["val", "", "open"]


def test_an_episode_of_several_tasks_is_cut_where_they_change(tmp_path):
    numbers = np.concatenate([np.zeros(7), [1, 1, 0, 0, 0], np.ones(9)]).astype(np.int64)
    states = np.arange(sum(LENGTHS) * 2, dtype=np.float32).reshape(-1, 2)
    features = {CAMERA: {"dtype": "video"}, "observation.state": {"dtype": "float32", "names": ["x", "y"]}}
    columns = {"task_index": numbers, "observation.state": states.tolist()}
    root = make(
        tmp_path / "s", columns=columns, features=features,
        rows=lambda i: {"tasks": [["open it"], ["open it", "close it"], ["close it"]][i]},
    )  # fmt: skip
    tasks = pa.table({"task_index": [0, 1], "task": ["open it", "close it"]})
    pq.write_table(tasks, root / "meta" / "tasks.parquet")
    source = open_source(root)
    assert [(r.name, r.num_frames, r.instruction) for r in source.records] == [
        ("episode_000000", 7, "open it"), ("episode_000001#0", 2, "close it"), ("episode_000001#1", 3, "open it"),
        ("episode_000002", 9, "close it"),
    ]  # fmt: skip
    assert seen(source, 1) == [7, 8] and seen(source, 2) == [9, 10, 11]
    assert np.array_equal(source.states(2), states[9:12]) and np.array_equal(source.positions(2), states[9:12])
    assert source.frames(2, [0]).mean() == pytest.approx(110, abs=2)


@pytest.mark.parametrize("tasks", ["open the drawer", 1, ["open the drawer"]])
def test_a_task_is_a_sentence_however_it_is_written(tmp_path, tasks):
    root = make(tmp_path / "s", rows=lambda i: {"tasks": tasks})
    sentences = pa.table({"task_index": [0, 1], "__index_level_0__": ["close it", "open the drawer"]})
    pq.write_table(sentences, root / "meta" / "tasks.parquet")
    assert {record.instruction for record in open_source(root).records} == {"open the drawer"}


def test_the_subtask_at_hand_is_the_instruction(tmp_path):
    def said(*rows):
        return [{"role": "user", "content": text, "style": style, "timestamp": at} for text, style, at in rows]

    first = said(("reach", "subtask", 0.0), ("think", "plan", 0.1), ("grasp", "subtask", 0.3))
    cells = [first] * 7 + [said(("lift", "subtask", 0.2))] * 5 + [[]] * 9
    features = {CAMERA: {"dtype": "video"}, "language_persistent": {"dtype": "language", "shape": [1]}}
    features |= {"language_events": {"dtype": "language", "shape": [1]}}
    root = make(
        tmp_path / "s", columns={"language_persistent": cells}, features=features, codebase_version="v3.1",
    )  # fmt: skip
    assert [(r.num_frames, r.instruction) for r in open_source(root).records] == [
        (3, "reach"), (4, "grasp"), (2, "task 1"), (3, "lift"), (9, "task 2"),
    ]  # fmt: skip


def test_numbered_subtasks_are_read_too(tmp_path):
    numbers = np.array([0] * 7 + [1] * 5 + [0] * 9)
    features = {CAMERA: {"dtype": "video"}, "subtask_index": {"dtype": "int64", "shape": [1]}}
    root = make(tmp_path / "s", columns={"subtask_index": numbers}, features=features)
    pq.write_table(pa.table({"subtask_index": [0, 1], "subtask": ["reach", "lift"]}), root / "meta/subtasks.parquet")
    assert [record.instruction for record in open_source(root).records] == ["reach", "lift", "reach"]


def test_files_may_lie_in_other_folders(tmp_path):
    root = make(tmp_path / "s", video_path="media/{video_key}/{chunk_index}/{file_index}.mp4")
    assert (root / "media").is_dir() and seen(open_source(root), 1) == list(range(7, 12))


def test_features_of_one_number_are_vectors(tmp_path):
    numbers = np.arange(sum(LENGTHS), dtype=np.float32)
    features = {CAMERA: {"dtype": "video"}}
    features |= {name: {"dtype": "float32", "shape": [1], "names": None} for name in ("action", "observation.state")}
    root = make(tmp_path / "s", columns={"action": numbers, "observation.state": numbers}, features=features)
    source = open_source(root)
    assert source.actions(1).shape == source.states(1).shape == (5, 1) and source.actions(1)[0, 0] == 7
    where = Transitions(clip=np.array([1]), t=np.array([0]), window=np.array([2]))
    assert source.positions(1) is None and np.isnan(displacements(source, where)).all()


def test_one_missing_video_costs_only_its_episodes(tmp_path):
    root = make(tmp_path / "s", rows=lambda i: {f"videos/{CAMERA}/file_index": i % 2})
    source = LeRobotSource(root)
    with pytest.raises(LapaError, match=r"file-001\.mp4"):
        source.clip(1)
    assert seen(source, 2) == list(range(12, 21))
