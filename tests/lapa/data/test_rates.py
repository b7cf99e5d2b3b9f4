"""The frame rate is that of the time stamps: not a container's claim, and not slowed down by a pause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapa.data.rates import rate_of
from lapa.data.upload import UploadLimits, check_upload, make_proxy
from lapa.data.video import DEFAULT_FPS, open_video, peek_video, read_clip
from tests.lapa.data.bars import barred_frames, film, number_of, shifted


def test_the_usual_step_is_the_rate():
    assert rate_of(np.arange(30) * 1001 / 30000) == pytest.approx(30000 / 1001)
    assert rate_of(np.round(np.arange(90) / 30, 3)) == pytest.approx(30, rel=1e-3), "thirds of milliseconds are rounded"
    assert rate_of(np.array([0, 1, 2, 3, 60, 61, 62, 90, 91]) / 10) == pytest.approx(10), "pauses are no rate"
    assert rate_of(np.array([0.0, 0.1, 0.1, 0.2])) == pytest.approx(10)
    assert rate_of(np.array([1.0])) == rate_of(np.array([])) == 0.0


def test_a_browsers_recording_claims_a_rate_it_does_not_have(tmp_path: Path):
    times = [round(1000 * i / 30) + 4000 * (i >= 40) for i in range(80)]
    path = film(tmp_path / "browser.webm", "libvpx", 80, times_ms=times, container={"live": "1"}, deadline="realtime")
    assert open_video(path).fps == pytest.approx(30, rel=0.01) and peek_video(path)[1] == open_video(path).fps
    check_upload(path, UploadLimits())


def test_avi_out_of_order_reads_at_the_rate_of_its_clock(tmp_path: Path):
    path = film(tmp_path / "a.avi", g="12", bf="2")
    assert open_video(path).fps == pytest.approx(10)


def test_a_picture_that_is_held_at_the_end_slows_nothing_down(tmp_path: Path):
    pictures = [Image.fromarray(frame).quantize(64) for frame in barred_frames(20)]
    path = tmp_path / "held.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100] * 19 + [5000], loop=0)
    assert open_video(path).fps == pytest.approx(10)
    proxy = make_proxy(path, tmp_path / "proxy.mp4")
    assert {number_of(frame) for frame in read_clip(proxy.path).frames} == set(range(20))


def test_a_late_clock_is_no_length(tmp_path: Path):
    path = shifted(film(tmp_path / "a.mp4", g="12"), tmp_path / "late.mkv", 1000)
    check_upload(path, UploadLimits())
    assert open_video(path).fps == pytest.approx(10)
    assert make_proxy(path, tmp_path / "proxy.mp4").num_frames == 60


def test_a_raw_stream_has_no_clock(tmp_path: Path):
    video = open_video(film(tmp_path / "raw.h264"))
    assert 0.05 <= video.fps <= 1000 and (video.fps_known or video.fps == DEFAULT_FPS) and video.num_frames == 60
