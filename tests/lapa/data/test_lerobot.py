"""The LeRobotDataset layout: written, read back, and refused when damaged."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lapa.data.lerobot import LeRobotSource
from lapa.data.lerobot_writer import CAMERA, DatasetSpec, Episode, has_shard, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.video_writer import write_video
from lapa.types import LapaError

LENGTHS = (5, 14, 3, 9)
SENTENCES = ("push it", "leave it", "push it", "turn it")


def episode(number):
    """Frame t of an episode is one grey, so that a frame taken from elsewhere shows."""
    length = LENGTHS[number]
    greys = 20 + 50 * number + 3 * np.arange(length)
    frames = np.broadcast_to(greys[:, None, None, None], (length, 32, 48, 3)).astype(np.uint8)
    states = np.stack([np.full(length, number), np.arange(length), np.zeros(length)], 1).astype(np.float32)
    return Episode(
        frames=frames, states=states, actions=states[:, :2] / 10, instruction=SENTENCES[number],
        extra={"family": "odd" if number % 2 else "even", "success": number != 2},
    )  # fmt: skip


@pytest.fixture
def dataset(tmp_path):
    parts, out = tmp_path / "parts", tmp_path / "grey"
    write_shard(parts, "a", [episode(0), episode(1)], fps=10)
    write_shard(parts, "b", [episode(2), episode(3)], fps=10)
    spec = DatasetSpec(
        fps=10, robot_type="none", state_names=("x", "y", "z"), action_names=("dx", "dy"), image_size=32,
        split="validation",
    )  # fmt: skip
    join_shards(out, parts, ["a", "b"], spec)
    return out


def test_every_episode_is_read_back_from_its_own_frames(dataset):
    source = open_source(dataset)
    assert isinstance(source, LeRobotSource)
    assert [record.num_frames for record in source.records] == list(LENGTHS)
    for i in range(4):
        record, wanted = source.records[i], episode(i)
        assert (record.instruction, record.split, record.fps) == (SENTENCES[i], "validation", 10.0)
        assert record.scene == wanted.extra["family"] and record.name == f"episode_{i:06d}"
        assert np.abs(source.clip(i).frames.astype(int) - wanted.frames).max() <= 3
        backwards = list(range(LENGTHS[i]))[::-2]
        assert np.abs(source.frames(i, backwards).astype(int) - wanted.frames[backwards]).max() <= 3
        assert np.array_equal(source.states(i), wanted.states)
        assert np.array_equal(source.actions(i), wanted.actions)
        assert source.actions(i).dtype == np.float32
    assert [len(clip.frames) for clip in source] == list(LENGTHS)


def test_layout_is_that_of_v3(dataset):
    info = json.loads((dataset / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["splits"] == {"validation": "0:4"}
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (4, sum(LENGTHS), 3)
    assert info["features"][CAMERA]["info"]["video.codec"] == "h264"
    table = pq.read_table(dataset / info["data_path"].format(chunk_index=0, file_index=1))
    assert set(table.column_names) == set(info["features"]) - {CAMERA}
    assert table["index"].to_pylist() == list(range(19, 31))
    assert table["frame_index"].to_pylist() == [*range(3), *range(9)]
    assert table["episode_index"].to_pylist() == [2] * 3 + [3] * 9
    assert table["task_index"].to_pylist() == [0] * 3 + [2] * 9
    assert table["timestamp"].to_numpy() == pytest.approx(table["frame_index"].to_numpy() / 10)
    rows = pq.read_table(dataset / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    assert [row["dataset_to_index"] for row in rows] == [5, 19, 22, 31]
    assert [row[f"videos/{CAMERA}/from_timestamp"] for row in rows] == pytest.approx([0, 0.5, 0, 0.3])
    assert [row["data/file_index"] for row in rows] == [0, 0, 1, 1]
    assert rows[1]["tasks"] == ["leave it"] and rows[2]["success"] is False
    assert rows[3]["stats/action/max"] == pytest.approx([0.3, 0.8])
    stats = json.loads((dataset / "meta" / "stats.json").read_text())
    assert stats["observation.state"]["mean"] == pytest.approx(
        np.concatenate([episode(i).states for i in range(4)]).mean(0)
    )
    assert np.shape(stats[CAMERA]["mean"]) == (3, 1, 1)


def test_sentences_are_the_index_that_pandas_reads(dataset):
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(dataset / "meta" / "tasks.parquet")
    assert list(frame.index) == ["push it", "leave it", "turn it"]
    assert list(frame.columns) == ["task_index"] and frame.loc["turn it", "task_index"] == 2


def test_a_shard_counts_only_once_it_is_whole(tmp_path):
    def broken():
        yield episode(0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path, "a", broken(), fps=10)
    assert not has_shard(tmp_path, "a")
    write_shard(tmp_path, "a", [episode(0)], fps=10)
    assert has_shard(tmp_path, "a")


def test_v21_is_read_too(tmp_path):
    root = tmp_path / "old"
    key = "observation.images.side"
    for i in range(2):
        wanted = episode(i)
        write_video(root / f"videos/chunk-000/{key}/episode_{i:06d}.mp4", wanted.frames, 10.0)
        data = root / f"data/chunk-000/episode_{i:06d}.parquet"
        data.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"action": wanted.actions.tolist(), "episode_index": [i] * len(wanted.frames)}), data)
    (root / "meta").mkdir()
    info = {
        "codebase_version": "v2.1", "fps": 10, "chunks_size": 1000, "splits": {"train": "0:2"},
        "features": {key: {"dtype": "video"}, "action": {"dtype": "float32"}},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
    }  # fmt: skip
    (root / "meta/info.json").write_text(json.dumps(info))
    lines = [json.dumps({"episode_index": i, "tasks": [SENTENCES[i]], "length": LENGTHS[i]}) for i in range(2)]
    (root / "meta/episodes.jsonl").write_text("\n".join(lines))
    source = LeRobotSource(root)
    assert source.records[1].instruction == "leave it" and source.states(1) is None
    assert np.abs(source.clip(1).frames.astype(int) - episode(1).frames).max() <= 3
    assert source.actions(1) == pytest.approx(episode(1).actions)


def change_info(dataset, **changes):
    path = dataset / "meta" / "info.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def drop(dataset, pattern):
    for path in dataset.glob(pattern):
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: drop(d, "meta/info.json"), "no meta/info.json"),
        (lambda d: (d / "meta/info.json").write_text("{"), "damaged"),
        (lambda d: (d / "meta/info.json").write_text("[]"), "damaged"),
        (lambda d: change_info(d, codebase_version="v9"), "v9"),
        (lambda d: change_info(d, fps=0), "fps"),
        (lambda d: change_info(d, features={"x": {"dtype": "float32"}}), "no camera"),
        (lambda d: change_info(d, video_path="../../{video_key}.mp4"), "outside"),
        (lambda d: change_info(d, data_path="data/{nonsense}.parquet"), "nonsense"),
        (lambda d: drop(d, "meta/episodes/*/*"), "no meta/episodes"),
        (lambda d: (d / "meta/episodes/chunk-000/file-000.parquet").write_bytes(b"PAR1 no"), "damaged"),
    ],
)
def test_damaged_metadata_is_named_in_one_sentence(dataset, damage, words):
    damage(dataset)
    with pytest.raises(LapaError, match=words) as error:
        LeRobotSource(dataset)
    assert "\n" not in str(error.value)


def test_missing_files_are_named_and_spare_the_other_episodes(dataset):
    drop(dataset, "videos/*/*/file-001.mp4")
    drop(dataset, "data/*/file-000.parquet")
    source = LeRobotSource(dataset)
    with pytest.raises(LapaError, match=r"file-001\.mp4"):
        source.clip(3)
    with pytest.raises(LapaError, match=r"file-000\.parquet"):
        source.actions(0)
    assert source.clip(0).num_frames == LENGTHS[0] and len(source.actions(3)) == LENGTHS[3]


def test_frames_beyond_an_episode_are_refused_although_the_file_goes_on(dataset):
    source = LeRobotSource(dataset)
    with pytest.raises(LapaError, match="0 to 4"):
        source.frames(0, [5])
    with pytest.raises(LapaError, match=CAMERA):
        LeRobotSource(dataset, camera="wrist")
