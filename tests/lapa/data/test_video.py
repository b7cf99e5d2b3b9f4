"""Reading and writing video: right frames from every format, one sentence for every bad file."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lapa.data.video import DEFAULT_FPS, open_video, read_clip, window_frames, write_video
from lapa.types import LapaError
from tests.lapa.data.conftest import Movie, counting_frames, numbers

FORMATS = {
    "a.mp4": {},
    "a.mov": {},
    "a.mkv": {},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "ten_bit.mp4": {"pix_fmt": "yuv420p10le", "codec": "libx265", "x265-params": "log-level=none", "crf": "8"},
    "transport.ts": {"fps": 25},
}


def save_pictures(folder: Path, num_frames: int, names: str = "frame_{}.png") -> Path:
    folder.mkdir(parents=True)
    for i, frame in enumerate(counting_frames(num_frames)):
        Image.fromarray(frame).save(folder / names.format(i))
    return folder


@pytest.mark.parametrize("name", FORMATS)
def test_frames_come_in_the_order_asked_for(movie: Movie, name: str):
    video = open_video(movie(name, **FORMATS[name]))
    wanted = [17, 3, 3, 29, 0]
    assert video.num_frames == 30 and (video.height, video.width) == (48, 64)
    assert video.fps == pytest.approx(FORMATS[name].get("fps", 10)) and video.fps_known
    assert numbers(video.frames(wanted)) == wanted
    assert numbers(video.frames(range(30))) == list(range(30))


def test_frames_outside_the_video_are_refused(movie: Movie):
    video = open_video(movie("a.mp4", 5))
    for outside in ([5], [-1], [0, 99]):
        with pytest.raises(LapaError, match=r"'a.mp4', which has frames 0 to 4"):
            video.frames(outside)
    assert video.frames([]).shape == (0, 48, 64, 3)


def test_4k_is_shrunk_while_decoding(movie: Movie):
    video = open_video(movie("uhd.mp4", 3, size=(2160, 3840), preset="ultrafast"), max_side=640)
    assert (video.height, video.width) == (360, 640)
    assert video.frames([2, 0]).shape == (2, 360, 640, 3)


def test_max_side_never_enlarges(movie: Movie):
    assert read_clip(movie("a.mp4", 3), max_side=640).frames.shape == (3, 48, 64, 3)


def test_a_pause_is_not_a_rate(movie: Movie):
    clip = read_clip(movie("vfr.mp4", times=[i + 10 * (i >= 15) for i in range(30)]))
    assert clip.fps == pytest.approx(10) and numbers(clip.frames) == list(range(30))


@pytest.mark.parametrize("turn, corner", [(90, "top"), (270, "bottom")])
def test_rotation_tag_is_applied(tmp_path: Path, turn: int, corner: str):
    frames = np.zeros((4, 40, 80, 3), np.uint8)
    frames[:, :, :10] = 255
    path = write_video(tmp_path / "phone.mp4", frames, 10)
    data = bytearray(path.read_bytes())
    sine = {90: 1 << 16, 270: -1 << 16}[turn]
    start = data.index(b"tkhd") + 44
    data[start : start + 36] = struct.pack(">9i", 0, sine, 0, -sine, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = read_clip(path).frames[0]
    assert frame.shape == (80, 40, 3)
    assert (frame[0] if corner == "top" else frame[-1]).mean() > 240 > 20 > frame[40].mean()


def test_folder_of_pictures_is_a_video_in_natural_order(tmp_path: Path):
    video = open_video(save_pictures(tmp_path / "frames", 12), max_side=32)
    assert not video.fps_known and video.fps == DEFAULT_FPS
    assert numbers(video.frames([11, 2])) == [11, 2] and (video.height, video.width) == (24, 32)
    assert open_video(tmp_path / "frames", fps=3).fps == 3


def test_pictures_of_two_sizes_are_refused(tmp_path: Path):
    folder = save_pictures(tmp_path / "frames", 3)
    Image.new("RGB", (10, 10)).save(folder / "frame_2.png")
    with pytest.raises(LapaError, match=r"frame_2.png' is 10x10 pixels but the first picture there is 64x48"):
        read_clip(folder)


def test_damaged_picture_is_named(tmp_path: Path):
    folder = save_pictures(tmp_path / "frames", 3)
    (folder / "frame_1.png").write_bytes(b"no picture")
    with pytest.raises(LapaError, match=r"'frames/frame_1.png' is damaged or no picture"):
        read_clip(folder)


def test_read_clip_keeps_the_first_frames(movie: Movie):
    clip = read_clip(movie("a.mp4"), max_frames=7, instruction="push")
    assert numbers(clip.frames) == list(range(7))
    assert (clip.source, clip.instruction, clip.fps) == ("a.mp4", "push", 10)


def test_frames_are_streamed_in_blocks_of_bounded_size(movie: Movie, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lapa.data.video.CHUNK_BYTES", 7 * 48 * 64 * 3 + 100)
    video = open_video(movie("a.mp4"))
    chunks = list(video.chunks())
    assert [len(chunk) for chunk in chunks] == [7, 7, 7, 7, 2]
    assert numbers(np.concatenate(chunks)) == list(range(30))
    assert numbers(np.concatenate(list(video.chunks(12, 21)))) == list(range(12, 21))
    assert numbers(np.concatenate(list(video.chunks(25, 99)))) == list(range(25, 30)), "what there is"
    with pytest.raises(LapaError, match="frame 40 is not in 'a.mp4'"):
        list(video.chunks(40, 50))


def test_a_stream_ends_at_the_damage(cut_off: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("lapa.data.video.CHUNK_BYTES", 4 * 48 * 64 * 3)
    video = open_video(cut_off)
    read = np.concatenate(list(video.chunks()))
    assert 10 < len(read) < 50 and numbers(read) == list(range(len(read))) and "damaged" in video.note


@pytest.mark.parametrize("kind", ["cut_off", "rotten"])
def test_damaged_file_is_used_up_to_the_damage(kind: str, request: pytest.FixtureRequest):
    path = request.getfixturevalue(kind)
    clip = read_clip(path)
    assert 10 < clip.num_frames < 50 and numbers(clip.frames) == list(range(clip.num_frames))
    video = open_video(path)
    with pytest.raises(LapaError, match=f"damaged from frame {clip.num_frames} on"):
        video.frames(range(60))
    assert video.num_frames == clip.num_frames and "damaged" in video.note
    assert numbers(video.frames([9, 2])) == [9, 2]


def test_a_clip_needs_two_frames(movie: Movie):
    with pytest.raises(LapaError, match=r"'one.mp4' has only one frame"):
        read_clip(movie("one.mp4", 1))


def test_files_that_are_no_video(tmp_path: Path, without_contents: Path, sound_only: Path, capfd):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    (tmp_path / "folder").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    expected = {
        "empty.mp4": "'empty.mp4' is empty",
        "text.mp4": "'text.mp4' is not a video",
        "folder": "the folder 'folder' holds no pictures",
        "picture.png": "'picture.png' is not a video",
        "absent.mp4": "there is no file .*absent.mp4",
        without_contents.name: "'unfinished.mp4' is cut off or damaged",
        sound_only.name: "'sound.mp4' has sound but no picture",
    }
    capfd.readouterr()
    for name, sentence in expected.items():
        with pytest.raises(LapaError, match=sentence) as caught:
            read_clip(tmp_path / name)
        assert "\n" not in str(caught.value) and ": " in str(caught.value)
    assert capfd.readouterr().err == "", "a library printed its own complaint"


def test_a_playlist_opens_no_other_file(tmp_path: Path, movie: Movie):
    other = movie("other.ts", fps=25)
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{other.name}\n#EXT-X-ENDLIST\n")
    with pytest.raises(LapaError, match="'list.mp4' is not a video"):
        open_video(playlist)


@pytest.mark.parametrize("name, tolerance", [("a.mp4", 3.0), ("a.webm", 3.0), ("a.gif", 6.0)])
def test_what_is_written_is_what_is_read(tmp_path: Path, name: str, tolerance: float):
    ramp = np.linspace(0, 255, 121, dtype=np.uint8)
    frames = np.zeros((10, 91, 121, 3), np.uint8)
    frames[..., 0], frames[..., 1] = ramp, ramp[:91, None]
    for i in range(10):
        frames[i, 20:60, 8 * i : 8 * i + 40] = (20, 40, 220)
    clip = read_clip(write_video(tmp_path / "new" / name, iter(frames), 12.5))
    assert clip.fps == pytest.approx(12.5) and clip.num_frames == 10
    assert clip.frames.shape[1:3] == ((91, 121) if name.endswith("gif") else (92, 122))
    error = np.abs(clip.frames[:, :91, :121].astype(int) - frames).mean()
    assert error < tolerance
    assert [path.name for path in (tmp_path / "new").iterdir()] == [name], "no partial file is left"


def test_nothing_is_left_of_a_video_that_failed(tmp_path: Path):
    def frames():
        yield from counting_frames(3)
        raise RuntimeError("the world ended")

    with pytest.raises(RuntimeError):
        write_video(tmp_path / "a.mp4", frames(), 10)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said(tmp_path: Path):
    with pytest.raises(LapaError, match=r"'a.xyz' cannot be written: .* \.mp4, \.webm, \.gif"):
        write_video(tmp_path / "a.xyz", counting_frames(2), 10)
    with pytest.raises(LapaError, match="no frames to write"):
        write_video(tmp_path / "a.mp4", [], 10)
    (tmp_path / "file").touch()
    with pytest.raises(LapaError, match="could not be written"):
        write_video(tmp_path / "file" / "a.mp4", counting_frames(2), 10)


def test_window_frames():
    assert [window_frames(0.6, fps) for fps in (10, 30, 3, 0.5)] == [6, 18, 2, 1]
