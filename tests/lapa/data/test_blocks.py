"""Clips are read some frames at a time, as far as they go; what was left out is named."""

import logging

import numpy as np
import pytest

from lapa.data.blocks import read_blocks
from lapa.data.flow import flows
from lapa.data.frame_store import FrameStore
from lapa.data.left_out import Remembered, recorded
from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.stream import HELD, stream_pairs
from lapa.data.transitions import Transitions, read_clips, read_transitions
from lapa.data.video import CHUNK_BYTES, Video
from lapa.data.video_writer import write_video
from lapa.types import LapaError
from tests.lapa.data.conftest import numbers


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source(movie, cut_off):
    """A clip of 60 frames of which the second half is missing, one of 12 frames, and no video."""
    movie("whole.mp4", 12)
    (cut_off.parent / "zero.mp4").write_text("no video")
    return open_source(cut_off.parent)


def test_a_whole_clip_is_read_to_its_end(source):
    assert numbers(np.concatenate(list(read_blocks(source, 1)))) == list(range(12))
    assert numbers(np.concatenate(list(read_blocks(source, 1, [2, 5, 11])))) == [2, 5, 11]


def test_a_clip_that_breaks_off_is_used_as_far_as_it_goes_and_said_so(source, caplog):
    said: list[str] = []
    read = numbers(np.concatenate(list(read_blocks(source, 0, note=said.append))))
    assert 10 < len(read) < 50 and read == list(range(len(read))) and source.records[0].num_frames == len(read)
    named = [record.getMessage() for record in caplog.get_records("setup") if "cut_off.mp4" in record.getMessage()]
    assert len(named) == 1 and f"damaged from frame {len(read)} on" in named[0], "once, when the records are read"
    sparse = numbers(np.concatenate(list(read_blocks(source, 0, range(0, 60, 3), note=said.append))))
    assert sparse == [t for t in range(0, 60, 3) if t < len(read)]


def test_what_is_no_video_is_named(source):
    said: list[str] = []
    assert list(read_blocks(source, 2, [0, 1], note=said.append)) == [] and "zero.mp4" in said[0]


def test_no_more_than_a_block_is_asked_for_at_once(tmp_path, monkeypatch):
    write_video(tmp_path / "v" / "large.mp4", (np.full((720, 1280, 3), 2 * t, np.uint8) for t in range(60)), 30)
    source = open_source(tmp_path / "v")
    asked, whole = [], Video.frames
    monkeypatch.setattr(Video, "frames", lambda self, t: asked.append(len(t)) or whole(self, t))
    store = FrameStore.open(source, [0], 16)
    assert [round(float(frame.mean()) / 2) for frame in store.frames] == pytest.approx(list(range(60)), abs=1)
    assert max(asked) * 720 * 1280 * 3 <= CHUNK_BYTES and sum(asked) == 60
    asked.clear()
    where = Transitions(clip=np.zeros(55, int), t=np.arange(55), window=np.full(55, 5))
    assert len(list(read_transitions(source, where))) == 55 and max(asked) <= 16
    asked.clear()
    flows(source, where)
    assert max(asked) * 720 * 1280 * 3 <= CHUNK_BYTES


@pytest.mark.parametrize("stride", [1, 3, 100])
def test_a_long_clip_is_streamed_in_parts(tmp_path, stride):
    num = 2 * HELD + 50
    levels = [np.full((16, 16, 3), t % 200, np.uint8) for t in range(num)]
    write_video(tmp_path / "v" / "long.mp4", iter(levels), 10)
    chunks = list(stream_pairs(open_source(tmp_path / "v"), [0], 16, 0.4, stride=stride, num=1))
    assert len(chunks) >= (3 if stride < 100 else 1) and max(len(chunk.frames) for chunk in chunks) <= HELD + stride + 4
    assert np.concatenate([chunk.t for chunk in chunks]).tolist() == list(range(0, num - 4, stride))
    for which, ahead in (("first", 0), ("later", 4)):
        shown = np.concatenate([chunk.frames[getattr(chunk, which)].mean((1, 2, 3)) for chunk in chunks])
        wanted = (np.arange(0, num - 4, stride) + ahead) % 200
        inner = (wanted > 5) & (wanted < 195)  # where the level jumps back, the encoder smears
        assert np.abs(shown - wanted)[inner].max() < 5


def test_the_store_keeps_what_there_is(source):
    for _ in range(2):
        store = FrameStore.open(source, [0, 1, 2], 16)
        assert 10 < store.lengths[0] < 50 and store.lengths[1:].tolist() == [12, 0]


def test_transitions_that_cannot_be_read_are_left_out(source):
    length = len(np.concatenate(list(read_blocks(source, 0, note=lambda what: None))))
    t = np.array([0, length - 4, length - 3, 50, 3])
    where = Transitions(clip=np.array([0, 0, 0, 0, 1]), t=t, window=np.full(5, 3))
    assert [row for row, _, _ in read_transitions(source, where, 16)] == [0, 1, 4]
    with pytest.raises(LapaError, match="none of the clips"):
        list(read_clips(source, where.at(np.array([2, 3]))))
    assert np.isfinite(flows(source, where)).all(axis=1).tolist() == [True, True, False, False, True]


def test_an_episode_one_frame_short_of_its_metadata_is_used(tmp_path, caplog):
    frames = np.stack([np.full((32, 32, 3), 20 * t, np.uint8) for t in range(8)])
    columns = {"states": np.zeros((8, 2), np.float32), "actions": np.zeros((8, 2), np.float32), "instruction": "go"}
    write_shard(tmp_path / "parts", "a", [Episode(frames=frames, extra={}, **columns)], fps=10)
    spec = DatasetSpec(fps=10, robot_type="none", state_names=("x", "y"), action_names=("x", "y"), image_size=32)
    join_shards(tmp_path / "set", tmp_path / "parts", ["a"], spec)
    (video,) = (tmp_path / "set").rglob("*.mp4")
    write_video(video, frames[:7], 10)
    for _ in range(2):  # decoded, then from the cache
        caplog.clear()
        assert FrameStore.open(open_source(tmp_path / "set"), [0], 16).lengths.tolist() == [7]
        assert "frames 7 to 7 of episode_000000" in caplog.text


def test_what_was_left_out_is_remembered_once_in_order(source):
    def read(row):
        raise LapaError("table damaged")

    with Remembered() as left_out:
        for _ in range(2):
            list(read_blocks(source, 2, [0]))
            assert recorded(read, source, 1) is None
    assert ["zero.mp4" in left_out.messages[0], "table damaged" in left_out.messages[1]] == [True, True]
    assert len(left_out.messages) == 2
    assert not logging.getLogger("lapa.left_out").handlers
