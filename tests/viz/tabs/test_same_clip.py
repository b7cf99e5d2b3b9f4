"""A clip is the same clip however it comes: by its path, from a folder given with --clips, as an upload."""

from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from app import take_upload
from lapa.data.source import open_source
from lapa.data.upload import UploadLimits
from lapa.explorer import Explorer
from tests.lapa.conftest import save_tiny_laq
from viz.tabs.shelf import Shelf

PAUSE = [0, 1, 2, 3, 4, 5, 30, 31, 32, 33]
KINDS = [
    ("small.mp4", "libx264", (96, 128), {}),
    ("wide.mp4", "libx264", (360, 640), {"bf": "3", "g": "4"}),
    ("hevc.mp4", "libx265", (240, 426), {"x265-params": "log-level=none"}),
    ("b_frames.avi", "mpeg4", (200, 360), {"bf": "2"}),
    ("recording.webm", "libvpx", (240, 400), {"deadline": "realtime", "cpu-used": "8"}),
    ("huge.mov", "mjpeg", (810, 1440), {}),
    ("grey.gif", "gif", (210, 340), {}),
]


def at_random(num_frames: int, height: int, width: int) -> np.ndarray:
    """Noisy patches that move at random on a noisy ground, uint8 [t h w 3]."""
    rng = np.random.default_rng(num_frames * height + width)
    ground = rng.integers(0, 255, (height, width, 3), np.uint8)
    frames = np.stack([ground] * num_frames)
    side = height // 4
    for frame in frames:
        for colour in rng.integers(0, 255, (4, 3), np.uint8):
            y, x = rng.integers(0, height - side), rng.integers(0, width - side)
            frame[y : y + side, x : x + side] = colour
    return frames


def film(path: Path, codec: str, size: tuple[int, int], options: dict[str, str]) -> Path:
    """Encode ten frames with a pause in the middle where the container has times."""
    has_pause = path.suffix in {".mp4", ".webm"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=10, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = {"gif": "gray", "mjpeg": "yuvj420p"}.get(codec, "yuv420p")
        for t, frame in enumerate(at_random(len(PAUSE), *size)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = PAUSE[t] if has_pause else t, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def explorer(tmp_path_factory) -> Explorer:
    return Explorer.open(laq=save_tiny_laq(tmp_path_factory.mktemp("own") / "laq"), device="cpu")


def three_ways(explorer: Explorer, path: Path, uploads: Path) -> list:
    """Return the clip at `path` as opened by its path, from its folder, and as an upload."""
    take = partial(take_upload, uploads, UploadLimits())
    shelf = Shelf({"mine": open_source(path.parent)}, open_upload=take, open_clip=explorer.open_clip)
    uploaded, _ = shelf.add_upload(path, path.name)
    return [explorer.open_clip(path), shelf.clip(f"mine/{path.name}"), shelf.clip(uploaded)]


def assert_same(explorer: Explorer, clips: list) -> None:
    by_path, *others = clips
    tokens = [action.tokens for _, action in explorer.encode_clip(by_path, window=1)]
    assert len(tokens) == by_path.num_frames - 1 and len(set(tokens)) > 1
    for clip in others:
        np.testing.assert_array_equal(clip.frames, by_path.frames)
        assert clip.fps == by_path.fps
        assert [action.tokens for _, action in explorer.encode_clip(clip, window=1)] == tokens


@pytest.mark.parametrize(("name", "codec", "size", "options"), KINDS, ids=[name for name, *_ in KINDS])
def test_tokens_of_a_video(explorer, tmp_path, name, codec, size, options):
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV was built without {codec}")
    (tmp_path / "clips").mkdir()
    path = film(tmp_path / "clips" / name, codec, size, options)
    clips = three_ways(explorer, path, tmp_path / "uploads")
    height, width = size
    expected = (10, *size, 3) if width <= 1280 else (10, height * 1280 // width, 1280, 3)
    assert clips[0].frames.shape == expected
    assert_same(explorer, clips)
    (kept,) = (tmp_path / "uploads").iterdir()
    assert kept.read_bytes() == path.read_bytes()


def test_tokens_of_an_animation(explorer, tmp_path):
    (tmp_path / "clips").mkdir()
    path = tmp_path / "clips" / "animation.webp"
    first, *rest = (Image.fromarray(frame) for frame in at_random(6, 180, 400))
    first.save(path, save_all=True, append_images=rest, duration=100, lossless=True)
    assert_same(explorer, three_ways(explorer, path, tmp_path / "uploads"))


def test_a_frame_by_its_number_is_that_of_the_clip(explorer, tmp_path):
    path = film(tmp_path / "huge.mov", "mjpeg", (810, 1440), {})
    np.testing.assert_array_equal(explorer.open_frame(path, 7), explorer.open_clip(path).frames[7])
