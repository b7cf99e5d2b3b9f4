"""The gate for strangers' videos: limits, copies, and a child process that may die."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PIL import Image

from lapa.data import upload
from lapa.data.upload import UploadLimits, check_upload, make_proxy
from lapa.data.video import read_clip
from lapa.types import LapaError
from tests.lapa.data.conftest import Movie, counting_frames, numbers


def test_an_ordinary_video_passes(movie: Movie):
    check_upload(movie("a.mp4"), UploadLimits())


@pytest.mark.parametrize(
    "limits, sentence",
    [
        (UploadLimits(max_megabytes=0.001), "uploads are limited to 0.001 MB"),
        (UploadLimits(max_duration_s=2), "lasts 3 s but uploads are limited to 2 s"),
        (UploadLimits(max_pixels=1000), "64x48 pixels but uploads are limited to 0.0 megapixels"),
    ],
)
def test_limits(movie: Movie, limits: UploadLimits, sentence: str):
    with pytest.raises(LapaError, match=f"'a.mp4' .*{sentence}"):
        check_upload(movie("a.mp4"), limits)


def test_what_is_no_video_is_refused(tmp_path: Path, sound_only: Path):
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    for path, sentence in [
        (tmp_path / "text.mp4", "'text.mp4' is not a video"),
        (sound_only, "has sound but no picture"),
        (tmp_path / "absent.mp4", "there is no file"),
    ]:
        with pytest.raises(LapaError, match=sentence):
            check_upload(path, UploadLimits())
    with pytest.raises(LapaError, match="'text.mp4' is not a video"):
        make_proxy(tmp_path / "text.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_the_copy_is_the_file_itself(tmp_path: Path, movie: Movie):
    path = movie("big.mp4", 26, size=(400, 800), fps=30, preset="ultrafast")
    proxy = make_proxy(path, tmp_path / "out" / "proxy.mp4")
    assert proxy.path.read_bytes() == path.read_bytes()
    assert (proxy.fps, proxy.num_frames, proxy.note) == (30, 26, "")
    assert sorted(path.name for path in proxy.path.parent.iterdir()) == ["proxy.mp4"]


def test_frames_are_neither_repeated_nor_dropped(tmp_path: Path, movie: Movie):
    path = movie("vfr.mp4", 16, times=[*range(8), *range(16, 24)])
    proxy = make_proxy(path, tmp_path / "proxy.mp4")
    assert (proxy.fps, proxy.num_frames) == (10, 16)
    assert numbers(read_clip(proxy.path).frames) == list(range(16))


def test_an_upload_longer_than_what_is_kept_says_so(tmp_path: Path, movie: Movie):
    proxy = make_proxy(movie("a.mp4", 40), tmp_path / "proxy.mp4", max_frames=20)
    assert proxy.num_frames == 20 and proxy.note == "only the first 20 of 40 frames are kept"


def test_an_animation_is_taken(tmp_path: Path):
    first, *rest = (Image.fromarray(frame) for frame in counting_frames(5))
    first.save(tmp_path / "a.webp", save_all=True, append_images=rest, duration=100, lossless=True)
    check_upload(tmp_path / "a.webp", UploadLimits())
    proxy = make_proxy(tmp_path / "a.webp", tmp_path / "proxy.webp")
    assert (proxy.fps, proxy.num_frames) == (10, 5) and numbers(read_clip(proxy.path).frames) == list(range(5))
    with pytest.raises(LapaError, match="64x48 pixels but uploads are limited"):
        check_upload(tmp_path / "a.webp", UploadLimits(max_pixels=1000))


def test_a_damaged_upload_is_used_up_to_the_damage(tmp_path: Path, cut_off: Path):
    proxy = make_proxy(cut_off, tmp_path / "proxy.mp4")
    assert 10 < proxy.num_frames < 50 and f"damaged from frame {proxy.num_frames} on" in proxy.note
    assert numbers(read_clip(proxy.path).frames)[:9] == list(range(9))


def test_one_frame_is_not_enough(tmp_path: Path, movie: Movie):
    with pytest.raises(LapaError, match=r"'one.mp4' has only one frame"):
        make_proxy(movie("one.mp4", 1), tmp_path / "proxy.mp4")


def test_a_hanging_decoder_is_stopped(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(LapaError, match=r"'pipe.mp4' took longer than 2 s"):
        make_proxy(tmp_path / "pipe.mp4", tmp_path / "proxy.mp4", timeout_s=2)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.mp4"]


def test_a_crashing_decoder_takes_nothing_along(tmp_path: Path, movie: Movie, monkeypatch: pytest.MonkeyPatch):
    dying = tmp_path / "dying_python"
    dying.write_text(f"#!/bin/sh\nkill -{signal.SIGSEGV.value} $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(upload.sys, "executable", str(dying))
    with pytest.raises(LapaError, match=r"'a.mp4' crashes the video decoder"):
        make_proxy(movie("a.mp4", 3), tmp_path / "proxy.mp4")
