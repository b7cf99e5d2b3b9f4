"""Check an uploaded video's size and length, decode it once out of harm's way, and keep a copy of it.

Whatever opens the file first does so in a child process with a timeout (`python -m lapa.data.upload`), so that a
decoder that crashes or hangs on it takes nothing else along. What the child has decoded the app decodes in the same
way, from the same bytes: an upload has the frames, and so the latent actions, that the file has by its path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from PIL import Image

from lapa.data.picture_reader import is_animated
from lapa.data.salvage import NoPictureError, Pictures
from lapa.data.video import explain_unreadable, open_video
from lapa.types import LapaError


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
    """What stands for an upload: a copy of it, its frame rate, how many frames are read, a sentence on damage or ""."""

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
    path: str | Path, out: str | Path, *, max_frames: int | None = None, timeout_s: int | float = 60.0
) -> Proxy:
    """Copy a video that a child process could decode. The copy is the same file, so it has the same latent actions.

    Args:
        path: the upload.
        out: the copy, with the suffix of `path`; it appears only when complete.
        max_frames: only the first so many are going to be read.
        timeout_s: time for decoding these.

    Raises:
        LapaError: if the file is no video, has fewer than two readable frames, takes too long or crashes the decoder.
    """
    path, out = Path(path), Path(out)
    facts = _run_child("decode", path, str(max_frames or 0), timeout_s=timeout_s)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".proxy-") as folder:
        os.replace(shutil.copyfile(path, Path(folder) / out.name), out)
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
        answer = _probe(path) if verb == "probe" else _decode(path, int(arguments[2]))
    except LapaError as error:
        sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _probe(path: Path) -> dict[str, float]:
    """Say what the header says: duration 0.0 if nothing."""
    if is_animated(path):
        with Image.open(path) as picture:
            return {"height": picture.height, "width": picture.width, "duration_s": 0.0}
    try:
        with Pictures(path) as pictures:
            return {"height": pictures.height, "width": pictures.width, "duration_s": pictures.duration_s}
    except (av.FFmpegError, OSError, NoPictureError) as error:
        raise LapaError(explain_unreadable(path, error)) from None


def _decode(path: Path, max_frames: int) -> dict[str, Any]:
    """Decode the first frames (0: all), exactly as the app does, and keep none."""
    video = open_video(path)
    for _ in video.chunks(0, max_frames or None):
        pass
    note = video.note
    if 0 < max_frames < video.num_frames:
        note = f"only the first {max_frames} of {video.num_frames} frames are kept"
    return {"fps": video.fps, "num_frames": min(video.num_frames, max_frames or video.num_frames), "note": note}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
