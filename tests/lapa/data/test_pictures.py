"""Folders of pictures and animated pictures as videos: any depth of colour, any orientation, one scale for a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapa.data.folder import FolderSource
from lapa.data.video import open_video, read_clip
from lapa.types import LapaError
from tests.lapa.data.conftest import counting_frames, numbers


def save_all(folder: Path, pictures: list[Image.Image], suffix: str = ".png", **options: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i, picture in enumerate(pictures):
        picture.save(folder / f"{i}{suffix}", **options)
    return folder


def ramp(i: int) -> np.ndarray:
    """A depth map in mm that comes nearer by 100 mm a frame."""
    return np.tile(np.linspace(1000, 3000, 64), (48, 1)) - 100 * i


@pytest.mark.parametrize(
    "dtype, suffix", [(np.uint16, ".png"), (np.int32, ".png"), (np.uint16, ".tiff"), (np.float32, ".tiff")]
)
def test_depth_is_scaled_by_the_range_of_the_clip(tmp_path: Path, dtype: type, suffix: str):
    pictures = [Image.fromarray(ramp(i).astype(dtype)) for i in range(8)]
    video = open_video(save_all(tmp_path / "depth", pictures, suffix))
    means = video.frames(range(8)).mean(axis=(1, 2, 3))
    assert means[0] > 130 and means[7] < 125, "grey in the middle of the range"
    assert np.allclose(np.diff(means), np.diff(means).mean(), atol=3) and np.diff(means).mean() < -5, "motion stays"
    assert "more than 8 bits" in video.note and "white" in video.note


def test_what_a_depth_camera_did_not_see_is_black_and_does_not_set_the_scale(tmp_path: Path):
    pixels = ramp(0).astype(np.uint16)
    pixels[:4] = 0
    frame = read_clip(save_all(tmp_path / "depth", [Image.fromarray(pixels)] * 2)).frames[0]
    assert frame[:4].max() == 0 and frame[10, 3, 0] < 20 and frame[10, 60, 0] > 230


def test_a_deep_picture_of_one_value_is_read(tmp_path: Path):
    for value in (0, 900):
        flat = Image.fromarray(np.full((8, 8), value, np.uint16))
        assert read_clip(save_all(tmp_path / str(value), [flat] * 2)).frames.shape == (2, 8, 8, 3)


@pytest.mark.parametrize("orientation, corner", [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_pictures_are_turned_as_their_tag_says(tmp_path: Path, orientation: int, corner: tuple[int, int]):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:16, :16] = 255
    exif = Image.Exif()
    exif[0x112] = orientation
    frame = read_clip(save_all(tmp_path / "e", [Image.fromarray(pixels)] * 2, ".jpg", exif=exif)).frames[0]
    assert frame.shape[:2] == ((64, 48) if orientation in (6, 8) else (48, 64))
    assert frame[corner].min() > 200 and (frame > 128).mean() < 0.15


@pytest.mark.parametrize(
    "mode, suffix", [("CMYK", ".jpg"), ("1", ".png"), ("LA", ".png"), ("P", ".png"), ("L", ".bmp")]
)
def test_any_colour_mode_becomes_rgb(tmp_path: Path, mode: str, suffix: str):
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, 32:] = 255
    picture = Image.fromarray(pixels).convert(mode)
    frame = read_clip(save_all(tmp_path / "c", [picture] * 2, suffix)).frames[0]
    assert frame[:, :28].max() < 30 and frame[:, 36:].min() > 225


def test_what_is_transparent_lies_over_white(tmp_path: Path):
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:4, :, 3] = 255
    frame = read_clip(save_all(tmp_path / "a", [Image.fromarray(pixels)] * 2)).frames[0]
    assert frame[:4].max() == 0 and frame[4:].min() == 255


@pytest.mark.parametrize("suffix", [".webp", ".png", ".apng"])
def test_animations_are_videos(tmp_path: Path, suffix: str):
    pictures = [Image.fromarray(frame) for frame in counting_frames(9)]
    path = tmp_path / f"a{suffix}"
    options = {"format": "PNG" if suffix == ".apng" else None, "duration": [50] * 8 + [3000], "loop": 0}
    options |= {"lossless": True} if suffix == ".webp" else {}
    pictures[0].save(path, save_all=True, append_images=pictures[1:], **options)
    video = open_video(path)
    assert video.fps == pytest.approx(20) and numbers(video.frames([8, 0, 5])) == [8, 0, 5]
    assert open_video(path, max_side=32).frames([1]).shape == (1, 24, 32, 3)
    (record,) = FolderSource(tmp_path).records
    assert (record.name, record.num_frames) == (path.name, 9)


def test_a_y4m_film_is_read(tmp_path: Path):
    head = b"YUV4MPEG2 W64 H48 F25:1 Ip A1:1 C420jpeg\n"
    grey = [b"FRAME\n" + bytes([40 + 20 * i]) * (64 * 48) + bytes([128]) * (64 * 24) for i in range(6)]
    (tmp_path / "a.y4m").write_bytes(head + b"".join(grey))
    video = open_video(tmp_path / "a.y4m")
    brightness = video.frames(range(video.num_frames)).mean(axis=(1, 2, 3))
    assert video.num_frames == 6 and video.fps == 25 and np.diff(brightness).min() > 15
    assert [record.name for record in FolderSource(tmp_path).records] == ["a.y4m"]


def test_a_damaged_picture_is_named(tmp_path: Path):
    folder = save_all(tmp_path / "p", [Image.fromarray(frame) for frame in counting_frames(3)])
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    with pytest.raises(LapaError, match=r"'p/1.png' is damaged"):
        read_clip(folder)
