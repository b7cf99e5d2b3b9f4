"""Decode a video file from its beginning up to the first damage, through PyAV: what ffmpeg shows, in order.

Only containers of one file are opened: a playlist would make the decoder fetch other files and addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from lapa.types import Frame

_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpegts,mpeg,mpegvideo,h264,hevc,obu,ivf,ogg,flv,asf,mjpeg,dv,"
    "yuv4mpegpipe"
)
_DEFAULT_BONUS = 5_000_000
"""Pixels by which ffmpeg prefers a stream that is marked as the default one."""


class NoPictureError(Exception):
    """The file was opened and has no video stream."""


def open_container(path: Path) -> av.container.InputContainer:
    """Open a video file, and nothing that it may name.

    Raises:
        av.FFmpegError, OSError: if it cannot be opened.
    """
    name = f"file:{path}"  # a colon in a name would else be taken for a protocol
    return av.open(name, options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})


def choose_stream(container: av.container.InputContainer) -> av.VideoStream:
    """Return the video stream that ffmpeg would show: the largest, a default one first, never a cover picture.

    Raises:
        NoPictureError: if there is none.
    """
    films = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not films:
        raise NoPictureError

    def score(stream: av.VideoStream) -> int:
        return stream.width * stream.height + _DEFAULT_BONUS * bool(stream.disposition & Disposition.default)

    return max(films, key=score)


class Pictures:
    """The pictures of a file, in order. Use it as a context; iterate it once.

    Attributes:
        fps: average frame rate as the file claims, 0.0 where it does not.
        duration_s: length as the file claims, 0.0 where it does not.
        height, width: of the stored pictures, before rotation.
        num_read: pictures decoded so far.
        num_lost: pictures before the first whole one, which are left out.
        damaged: whether iteration ended before the file's claimed end.

    Raises:
        av.FFmpegError, OSError: if the file cannot be opened.
        NoPictureError: if it has no video stream.
    """

    def __init__(self, path: Path):
        self._container = open_container(path)
        try:
            self._stream = choose_stream(self._container)
        except NoPictureError:
            self._container.close()
            raise
        self.fps = float(self._stream.average_rate or 0)
        self.duration_s = _duration_s(self._container)
        self.height, self.width = self._stream.height, self._stream.width
        self.num_read, self.num_lost, self.damaged = 0, 0, False

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        try:
            for picture in self._container.decode(self._stream):
                if picture.is_corrupt and self.num_read:
                    self.damaged = True
                    return
                if picture.is_corrupt:
                    self.num_lost += 1
                    continue
                self.num_read += 1
                yield picture
        except av.FFmpegError:
            self.damaged = True

    @property
    def note(self) -> str:
        """A sentence about the damage met so far, or ""."""
        if self.damaged:
            return f"the file is damaged from frame {self.num_read} on"
        return f"the first {self.num_lost} pictures of the file are damaged and left out" if self.num_lost else ""


def _duration_s(container: av.container.InputContainer) -> float:
    """Return the length as the container claims; Matroska counts it from 0, however late its clock starts."""
    start = max(0, container.start_time or 0) if "matroska" in container.format.name else 0
    return max(0, (container.duration or 0) - start) / av.time_base


def upright(picture: av.VideoFrame, height: int, width: int) -> Frame:
    """Convert a decoded picture to uint8 [h w 3] of this size, turned as its rotation tag says."""
    turns = picture.rotation // 90 % 4
    if turns % 2:
        height, width = width, height
    return np.ascontiguousarray(np.rot90(picture.to_ndarray(format="rgb24", width=width, height=height), turns))


def upright_size(picture: av.VideoFrame) -> tuple[int, int]:
    """Height and width of a picture after `upright`."""
    return (picture.width, picture.height) if picture.rotation // 90 % 2 else (picture.height, picture.width)
