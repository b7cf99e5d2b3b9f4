"""Videos made on the spot: good ones in many formats and one of every kind of bad one."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from lapa.types import Frames


def counting_frames(num_frames: int, height: int = 48, width: int = 64) -> Frames:
    """Frames whose brightness tells their number (6 grey levels apart), with noise that compresses badly."""
    brightness = (20 + 6 * np.arange(num_frames) % 216).astype(np.uint8)
    noise = np.random.default_rng(0).integers(0, 6, (num_frames, height, width, 3), np.uint8)
    return noise + (brightness - 3)[:, None, None, None]


def numbers(frames: Frames) -> list[int]:
    """Read the numbers back from pictures of `counting_frames`."""
    return [round((float(frame.mean()) - 20) / 6) for frame in frames]


Movie = Callable[..., Path]


@pytest.fixture
def movie(tmp_path: Path) -> Movie:
    """Return a function that encodes `counting_frames` into a file of any codec and returns its path."""

    def make(
        name: str,
        num_frames: int = 30,
        *,
        codec: str = "libx264",
        size: tuple[int, int] = (48, 64),
        fps: int = 10,
        pix_fmt: str = "yuv420p",
        times: list[int] | None = None,
        **options: str,
    ) -> Path:
        path = tmp_path / name
        container_options = {"movflags": options.pop("movflags")} if "movflags" in options else {}
        with av.open(str(path), "w", container_options=container_options) as container:
            stream = container.add_stream(codec, rate=fps, options=options)
            stream.height, stream.width = size
            stream.pix_fmt = pix_fmt
            for i, frame in enumerate(counting_frames(num_frames, *size)):
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = (times[i] if times else i), Fraction(1, fps)
                container.mux(stream.encode(picture))
            container.mux(stream.encode(None))
        return path

    return make


@pytest.fixture
def cut_off(movie: Movie) -> Path:
    """A file whose table of contents is whole and whose second half is missing."""
    path = movie("cut_off.mp4", 60, movflags="+faststart", crf="10")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def without_contents(movie: Movie) -> Path:
    """A recording that was never finished: its table of contents, at the end, is missing."""
    path = movie("unfinished.mp4", 60, crf="10")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.fixture
def rotten(movie: Movie) -> Path:
    """A file with a stretch of zeros in the middle of its pictures."""
    path = movie("rotten.mp4", 60, crf="10", g="5")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 10] = bytes(len(data) // 10)
    path.write_bytes(data)
    return path


@pytest.fixture
def sound_only(tmp_path: Path) -> Path:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate = 16000
        container.mux(stream.encode(samples))
        container.mux(stream.encode(None))
    return path
