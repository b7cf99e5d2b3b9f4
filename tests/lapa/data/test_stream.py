"""Pairs in a stream: the same as a table's, each clip decoded once, the next one while the last is worked on."""

import threading

import numpy as np
import pytest

from lapa.data.frame_store import FrameStore
from lapa.data.pairs import PairTable
from lapa.data.source import open_source
from lapa.data.stream import stream_pairs
from lapa.data.video_writer import write_video

LENGTHS = (5, 3, 9, 14, 6)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "no cache yet"))


@pytest.fixture
def source(tmp_path):
    """Clips of grey frames whose level counts up; the second is too short for a window of 4."""
    for number, length in enumerate(LENGTHS):
        frames = np.stack([np.full((32, 32, 3), 10 * number + 8 * t + 40, np.uint8) for t in range(length)])
        write_video(tmp_path / "videos" / f"{number}.mp4", frames, 10)
    return open_source(tmp_path / "videos")


@pytest.mark.parametrize("num", [1, 7, 100])
def test_the_stream_is_the_table(source, tmp_path, num):
    rows = range(len(LENGTHS))
    table = PairTable.of(FrameStore.open(source, rows, 16, tmp_path / "cache"), 0.4)
    chunks = list(stream_pairs(source, rows, 16, 0.4, num=num))
    assert len(chunks) == {1: 4, 7: 2, 100: 1}[num]
    for name in ("clip", "t"):
        assert np.concatenate([getattr(chunk, name) for chunk in chunks]).tolist() == getattr(table, name).tolist()
    frame, future = table.frames(np.arange(len(table)))
    assert np.array_equal(np.concatenate([chunk.frames[chunk.first] for chunk in chunks]), frame)
    assert np.array_equal(np.concatenate([chunk.frames[chunk.later] for chunk in chunks]), future)
    assert all((np.diff(chunk.first) >= 0).all() for chunk in chunks)


def test_a_stride_keeps_only_the_frames_it_needs(source):
    (chunk,) = stream_pairs(source, [3], 16, 0.2, stride=5)
    assert chunk.t.tolist() == [0, 5, 10] and len(chunk.frames) == 6


def test_a_video_that_cannot_be_read_is_left_out(source, caplog):
    (source.path / "2.mp4").write_text("no video")
    again = open_source(source.path)
    (chunk,) = stream_pairs(again, range(len(again.records)), 16, 0.4)
    assert sorted(set(chunk.clip.tolist())) == [0, 3, 4] and "2.mp4" in caplog.text


def test_each_clip_is_decoded_once_and_ahead_of_need(source, monkeypatch):
    decoded, several, whole = [], threading.Event(), type(source).chunks

    def chunks(self, row):
        decoded.append((row, threading.current_thread()))
        if len(decoded) == 2:
            several.set()
        return whole(self, row)

    monkeypatch.setattr(type(source), "chunks", chunks)
    stream = stream_pairs(source, [0, 2, 3, 4], 16, 0.4, num=1)
    next(stream)
    assert several.wait(10), "the second clip is decoded while the first is worked on"
    assert len(decoded) == 2, "and no more than that is held"
    list(stream)
    assert [row for row, _ in decoded] == [0, 2, 3, 4]
    assert threading.current_thread() not in {thread for _, thread in decoded}


def test_what_training_decoded_is_not_decoded_again(source, monkeypatch):
    rows = range(len(LENGTHS))
    decoded = list(stream_pairs(source, rows, 16, 0.4, num=7))
    FrameStore.open(source, rows, 16)
    monkeypatch.setattr(type(source), "chunks", lambda self, row: pytest.fail("decoded again"))
    for one, other in zip(decoded, stream_pairs(source, rows, 16, 0.4, num=7), strict=True):
        assert all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))
