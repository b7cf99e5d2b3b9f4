"""Frame n is the n-th picture that is shown, in order and by number, whatever the container and the codec."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from lapa.data.contents import contents_of
from lapa.data.film import Film
from lapa.data.video import open_video, peek_video, read_clip
from tests.lapa.data.bars import barred_frames, decoded, film, number_of, shifted

HEVC = {"codec": "libx265", "x265-params": "log-level=none:keyint=10"}
OPEN = {"g": "10", "bf": "3", "x264-params": "open-gop=1"}
MPEG4 = {"codec": "mpeg4", "bf": "2", "g": "12", "qmin": "2", "qmax": "2"}
MPEG2 = {**MPEG4, "codec": "mpeg2video"}
LAGGING = {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "20", "b": "200k", "cpu-used": "8"}

FILMS = {
    "hevc_open.mp4": HEVC,
    "hevc_open.mkv": HEVC,
    "h264_open.mp4": OPEN,
    "h264_open.ts": OPEN,
    "h264.ts": {"g": "10"},
    "h264.avi": {"g": "12", "bf": "2"},
    "raw.h264": OPEN,
    "pyramid.mp4": {"g": "30", "bf": "8", "x264-params": "b-pyramid=normal"},
    "fragments.mp4": {"g": "10", "container": {"movflags": "frag_keyframe+empty_moov"}},
    "no_cues.mkv": {"g": "10", "container": {"live": "1"}},
    "mpeg4.avi": MPEG4,
    "mpeg4.mkv": MPEG4,
    "mpeg2.mkv": MPEG2,
    "hidden.webm": {"codec": "libvpx", **LAGGING},
    "vp9.webm": {"codec": "libvpx-vp9", **LAGGING},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


def by_number(path: Path) -> list[int]:
    """Ask for the frames one by one, in no order."""
    video = open_video(path)
    order = np.random.default_rng(0).permutation(video.num_frames).tolist()
    read = {i: number_of(video.frames([i])[0]) for i in order}
    return [read[i] for i in range(video.num_frames)]


def in_order(path: Path) -> list[int]:
    return [number_of(frame) for frame in read_clip(path).frames]


def assert_shows(path: Path, wanted: list[int]):
    assert in_order(path) == wanted and by_number(path) == wanted
    video = open_video(path)
    assert peek_video(path) == (video.num_frames, video.fps) == (len(wanted), video.fps)


@pytest.mark.parametrize("name", FILMS)
def test_every_container_and_codec(tmp_path: Path, name: str):
    path = film(tmp_path / name, **FILMS[name])
    assert decoded(path) == list(range(60)), "the film itself is as it should be"
    assert_shows(path, list(range(60)))


def test_a_gradual_refresh_is_complete_before_it_is_shown(tmp_path: Path):
    path = film(tmp_path / "refresh.mp4", **{"bf": "0", "x264-params": "intra-refresh=1:keyint=15"})
    whole = read_clip(path).frames
    assert len(contents_of(path).index.keys) > 2
    assert all(np.array_equal(open_video(path).frames([i])[0], whole[i]) for i in range(14, 60, 3))


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mov"])
def test_what_an_edit_list_hides_is_not_shown(tmp_path: Path, name: str):
    whole = film(tmp_path / "whole.mp4", g="12", bf="2")
    path = shifted(whole, tmp_path / name, -1.6, avoid_negative_ts="disabled")
    shown = in_order(path)
    assert shown == list(range(shown[0], 60)) and shown[0] in (15, 16, 17)
    assert_shows(path, decoded(path))


def test_negative_times_that_no_list_hides_are_shown(tmp_path: Path):
    whole = film(tmp_path / "whole.mp4", g="12", bf="2")
    path = shifted(whole, tmp_path / "all.mp4", -1.3, avoid_negative_ts="disabled", use_editlist="0")
    assert_shows(path, list(range(60)))


def test_a_clock_that_is_set_back(tmp_path: Path):
    part = film(tmp_path / "part.ts", **OPEN).read_bytes()
    (tmp_path / "twice.ts").write_bytes(part + part)
    assert_shows(tmp_path / "twice.ts", [*range(60), *range(60)])


@pytest.mark.parametrize("options", [OPEN, HEVC], ids=["h264", "hevc"])
def test_a_stream_that_was_entered_in_the_middle(tmp_path: Path, options: dict):
    part = film(tmp_path / "part.ts", **options).read_bytes()
    (tmp_path / "tail.ts").write_bytes(part[len(part) // 188 // 3 * 188 :])
    shown = in_order(tmp_path / "tail.ts")
    assert len(shown) > 20 and shown == list(range(shown[0], 60)), "from the first whole picture on"
    assert by_number(tmp_path / "tail.ts") == shown


def test_one_of_two_streams_is_taken_everywhere(tmp_path: Path):
    with av.open(str(tmp_path / "two.mkv"), "w") as file:
        small, large = (file.add_stream("libx264", rate=10, options={"g": "10"}) for _ in range(2))
        for stream, factor in ((small, 1), (large, 2)):
            stream.height, stream.width, stream.pix_fmt = 48 * factor, 96 * factor, "yuv420p"
        for i, frame in enumerate(barred_frames(40)):
            for stream, shown in ((small, np.full_like(frame, 90)), (large, frame.repeat(2, 0).repeat(2, 1))):
                if stream is large or i < 25:
                    file.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        for stream in (small, large):
            file.mux(stream.encode(None))
    video = open_video(tmp_path / "two.mkv")
    assert (video.height, video.width) == (96, 192) and peek_video(tmp_path / "two.mkv")[0] == 40
    assert [number_of(frame[::2, ::2]) for frame in video.frames([30, 7])] == [30, 7]
    assert read_clip(tmp_path / "two.mkv").num_frames == 40


def test_what_is_known_of_a_file_is_forgotten_when_it_changes(tmp_path: Path):
    path = film(tmp_path / "a.mp4", num_frames=20)
    assert peek_video(path)[0] == 20
    film(path, num_frames=12)
    assert_shows(path, list(range(12)))


def test_few_pictures_are_decoded_for_one_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = film(tmp_path / "a.mp4", num_frames=120, g="10")
    video, read = open_video(path), []
    packets_from = Film._packets_from

    def counted(self: Film, key: int) -> Iterator[av.Packet]:
        for packet in packets_from(self, key):
            read.append(packet)
            yield packet

    monkeypatch.setattr(Film, "_packets_from", counted)
    assert number_of(video.frames([95])[0]) == 95 and 0 < len(read) < 20


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the program ffmpeg")
@pytest.mark.parametrize("name", ["h264_open.ts", "mpeg4.avi", "hidden.webm"])
def test_it_is_what_ffmpeg_shows(tmp_path: Path, name: str):
    path = film(tmp_path / name, **FILMS[name])
    command = ["ffmpeg", "-v", "error", "-i", path, "-vsync", "0", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.uint8)
    assert [number_of(frame) for frame in raw.reshape(-1, 48, 96, 3)] == in_order(path) == by_number(path)


def test_a_plain_film_is_what_decord_reads(tmp_path: Path):
    decord = pytest.importorskip("decord")
    path = film(tmp_path / "a.mp4", g="12", bf="2")
    theirs = decord.VideoReader(str(path), num_threads=1)
    assert len(theirs) == 60
    assert np.array_equal(theirs.get_batch(range(0, 60, 7)).asnumpy(), open_video(path).frames(range(0, 60, 7)))
