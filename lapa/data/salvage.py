"""Decode a file from its beginning up to the first damage, through PyAV.

Slower to jump about in than decord, but sure about where the damage begins, and it reads the few containers that decord
does not. Only containers of one file are opened: a playlist would make the decoder fetch other files and addresses.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from lapa.types import Frame

_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpegts,mpeg,mpegvideo,h264,hevc,obu,ivf,ogg,flv,asf,mjpeg,dv"


class NoPictureError(Exception):
    """The file was opened and has no video stream."""


class Pictures:
    """The pictures of a file, in order. Use it as a context; iterate it once.

    Attributes:
        fps: average frame rate as the file claims, 0.0 where it does not.
        duration_s: length as the file claims, 0.0 where it does not.
        num_claimed: number of pictures as the file claims, 0 where it does not or contradicts its own length.
        height, width: of the stored pictures, before rotation.
        num_read: pictures decoded so far.
        damaged: whether iteration ended before the file's claimed end.

    Raises:
        av.FFmpegError, OSError: if the file cannot be opened.
        NoPictureError: if it has no video stream.
    """

    def __init__(self, path: Path):
        options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
        self._container = av.open(str(path), options=options)
        if not self._container.streams.video:
            self._container.close()
            raise NoPictureError
        self._stream = self._container.streams.video[0]
        self.fps = float(self._stream.average_rate or 0)
        self.duration_s = max(0, self._container.duration or 0) / av.time_base
        frames = self._stream.frames
        self.num_claimed = frames if abs(frames - self.duration_s * self.fps) < 1.5 else 0
        self.height, self.width = self._stream.height, self._stream.width
        self.num_read, self.damaged = 0, False

    def __enter__(self) -> Pictures:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def __iter__(self) -> Iterator[av.VideoFrame]:
        try:
            for picture in self._container.decode(self._stream):
                if picture.is_corrupt:
                    self.damaged = True
                    return
                self.num_read += 1
                yield picture
        except av.FFmpegError:
            self.damaged = True


def upright(picture: av.VideoFrame, height: int, width: int) -> Frame:
    """Convert a decoded picture to uint8 [h w 3] of this size, turned as its rotation tag says."""
    turns = picture.rotation // 90 % 4
    if turns % 2:
        height, width = width, height
    return np.ascontiguousarray(np.rot90(picture.to_ndarray(format="rgb24", width=width, height=height), turns))


def upright_size(picture: av.VideoFrame) -> tuple[int, int]:
    """Height and width of a picture after `upright`."""
    return (picture.width, picture.height) if picture.rotation // 90 % 2 else (picture.height, picture.width)
