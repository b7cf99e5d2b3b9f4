"""Check an uploaded video's size and length, and convert it once into a video that is fast to seek and decode.

Whatever opens the file does so in a child process with a timeout (`python -m lapa.data.upload`), so that a decoder that
crashes or hangs on it takes nothing else along. The proxy has a constant frame rate, h264, key frames close together,
its rotation applied, no sound, and holds what comes before any damage.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import av

from lapa.data.contents import contents_of
from lapa.data.picture_reader import fit_size
from lapa.data.rates import DEFAULT_FPS, plausible_fps
from lapa.data.salvage import NoPictureError, Pictures, upright, upright_size
from lapa.data.video import explain_too_short, explain_unreadable, open_video
from lapa.data.video_writer import write_video
from lapa.types import Frame, LapaError

_MAX_FPS = 60.0


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """What the gate lets through."""

    max_megabytes: int | float = 200.0
    """Size of the file."""
    max_duration_s: int | float = 600.0
    """Length of the video."""
    max_pixels: int = 4096 * 2304
    """Width times height of a frame; a little more than 4K."""


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """What `make_proxy` made: a file, its frame rate and count, and a sentence about damage in the original, or ""."""

    path: Path
    fps: float
    num_frames: int
    note: str = ""


def check_upload(path: str | Path, limits: UploadLimits, *, timeout_s: int | float = 20.0) -> None:
    """Refuse a file that is too big, too long, or no video.

    Raises:
        LapaError: with the limit and what was given.
    """
    path = Path(path)
    if not path.is_file() or path.stat().st_size == 0:
        raise LapaError(explain_unreadable(path))
    megabytes = path.stat().st_size / 1e6
    if megabytes > limits.max_megabytes:
        raise LapaError(
            f"'{path.name}' has {megabytes:.0f} MB but uploads are limited to {limits.max_megabytes:g} MB: "
            "shorten it or reduce its resolution"
        )
    facts = _run_child("probe", path, timeout_s=timeout_s)
    if facts["height"] * facts["width"] > limits.max_pixels:
        raise LapaError(
            f"'{path.name}' has frames of {facts['width']}x{facts['height']} pixels but uploads are limited to "
            f"{limits.max_pixels / 1e6:.1f} megapixels: reduce its resolution"
        )
    if facts["duration_s"] > limits.max_duration_s:
        raise LapaError(
            f"'{path.name}' lasts {facts['duration_s']:.0f} s but uploads are limited to {limits.max_duration_s:g} s: "
            "cut out the part that matters"
        )


def make_proxy(
    path: str | Path,
    out: str | Path,
    *,
    max_side: int = 640,
    max_duration_s: int | float = UploadLimits.max_duration_s,
    timeout_s: int | float = 60.0,
) -> Proxy:
    """Convert any video into an .mp4 that is quick to read in any order.

    Args:
        path: the upload.
        out: the .mp4 to make; it appears only when complete.
        max_side: frames are shrunk so that the longer side is at most this.
        max_duration_s: later frames are dropped, for files that do not say how long they are.
        timeout_s: time for the conversion.

    Raises:
        LapaError: if the file is no video, has fewer than two readable frames, takes too long or crashes the decoder.
    """
    path, out = Path(path), Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".proxy-") as folder:
        made = Path(folder) / "proxy.mp4"
        facts = _run_child("proxy", path, str(made), str(max_side), str(max_duration_s), timeout_s=timeout_s)
        os.replace(made, out)
    return Proxy(path=out, **facts)


def _run_child(verb: str, path: Path, *args: str, timeout_s: int | float) -> dict[str, Any]:
    """Run `main` in another process; its last line of output is the answer or the error, as JSON."""
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "lapa.data.upload", verb, str(path.absolute()), *args]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    try:
        done = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LapaError(
            f"'{path.name}' took longer than {timeout_s:g} s to read: choose a shorter or smaller video"
        ) from None
    answer = json.loads(done.stdout.splitlines()[-1]) if done.stdout and done.returncode in (0, 1) else {}
    if done.returncode == 0:
        return answer
    raise LapaError(
        answer.get("error") or f"'{path.name}' crashes the video decoder: convert it to an h264 .mp4 and try again"
    )


def main(arguments: list[str]) -> int:
    """Answer one request of `_run_child` on standard output; 0 done, 1 the file cannot be used."""
    verb, path = arguments[0], Path(arguments[1])
    try:
        if verb == "probe":
            answer = _probe(path)
        else:
            answer = _transcode(path, Path(arguments[2]), int(arguments[3]), float(arguments[4]))
    except LapaError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _open(path: Path) -> Pictures:
    try:
        return Pictures(path)
    except (av.FFmpegError, OSError, NoPictureError) as error:
        raise LapaError(explain_unreadable(path, error)) from None


def _probe(path: Path) -> dict[str, float]:
    with _open(path) as pictures:
        return {"height": pictures.height, "width": pictures.width, "duration_s": pictures.duration_s}


def _transcode(path: Path, out: Path, max_side: int, max_duration_s: int | float) -> dict[str, Any]:
    with _open(path) as pictures:
        measured = contents_of(path).fps
        fps = min(measured, _MAX_FPS) if plausible_fps(measured) else DEFAULT_FPS
        max_frames = max(2, int(max_duration_s * fps))
        frames = _even_frames(pictures, fps, max_side)
        first = next(frames, None)
        if first is None:
            raise LapaError(explain_unreadable(path))
        write_video(out, chain([first], islice(frames, max_frames - 1)), fps)
        too_long = next(frames, None) is not None
    note = f"only the first {max_duration_s:g} s are kept" if too_long else ""
    if pictures.damaged:
        note = f"the file is damaged from frame {pictures.num_read} on"
    if pictures.num_read < 2:
        raise LapaError(explain_too_short(path, note))
    return {"fps": fps, "num_frames": open_video(out).num_frames, "note": note}


def _even_frames(pictures: Pictures, fps: int | float, max_side: int) -> Iterator[Frame]:
    """Show each picture from its time on: repeat those that stay long, drop those that stay less than a frame."""
    held, start_s, num_shown = None, 0.0, 0
    for picture in pictures:
        position = pictures.num_read - 1
        if picture.time is not None:
            start_s = picture.time if held is None else start_s
            position = round((picture.time - start_s) * fps)
        while held is not None and num_shown < position:
            yield held
            num_shown += 1
        held = upright(picture, *fit_size(*upright_size(picture), max_side))
    if held is not None:
        yield held


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
