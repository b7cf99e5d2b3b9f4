"""The frames of one episode in a video file of several: found by time, not by counting at the rate of info.json."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import Float, Int

from lapa.data.video import CHUNK_BYTES, Video, explain_unreadable, open_video
from lapa.types import Frames, LapaError


@dataclass(frozen=True, kw_only=True)
class Span:
    """Where an episode lies in its video file, seconds; `end` is None where only the file's end says it."""

    start: float = 0.0
    end: float | None = None


class TimedVideo:
    """A video file and the time of each of its frames.

    Raises:
        LapaError: if it is missing or damaged.
    """

    def __init__(self, path: Path):
        self._video: Video = open_video(path)
        self._times = frame_times(path)

    def numbers(self, span: Span, length: int, fps: float) -> Int[np.ndarray, "t"]:
        """Return which frames of the file are those of an episode; fewer than `length` where the file has fewer."""
        return numbers_of(self._times[: self._video.num_frames], span, length, fps)

    def frames(self, numbers: Sequence[int]) -> Frames:
        """Decode frames of the file."""
        return self._video.frames(numbers)

    def chunks(self, numbers: Int[np.ndarray, "t"]) -> Iterator[Frames]:
        """Decode frames of the file, in ascending order, some at a time; see `Video.chunks`."""
        if (np.diff(numbers) == 1).all():
            yield from self._video.chunks(int(numbers[0]), int(numbers[-1]) + 1)
            return
        step = max(1, CHUNK_BYTES // (3 * self._video.height * self._video.width))
        for start in range(0, len(numbers), step):
            yield self._video.frames(numbers[start : start + step].tolist())


def frame_times(path: Path) -> Float[np.ndarray, "t"]:
    """Return when each frame is shown, in seconds, from the packets: nothing is decoded."""
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            packets = [p for p in container.demux(stream) if p.pts is not None and not p.is_discard]
            return np.sort([float(packet.pts * packet.time_base) for packet in packets])
    except (av.FFmpegError, OSError, IndexError) as error:
        raise LapaError(explain_unreadable(path, error)) from None


def numbers_of(times: Float[np.ndarray, "n"], span: Span, length: int, fps: float) -> Int[np.ndarray, "t"]:
    """Find the frames of an episode of `length` at `fps` among the times of its file's.

    One after another where the video has the rate of the episode, or nearly (then info.json is what errs); the nearest
    in time where it has a higher one. Never beyond the span's end.
    """
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0 / fps
    first = int(np.searchsorted(times, span.start - step / 2))
    last = len(times) if span.end is None else int(np.searchsorted(times, span.end - step / 2))
    if round(1.0 / (fps * step)) <= 1:
        return np.arange(first, min(first + length, last))
    asked = span.start + np.arange(length) / fps
    numbers = np.searchsorted(times, asked - step / 2)
    return numbers[numbers < last]
