"""Films whose frames carry their number as dark and bright bars, so that each can be told after any compression."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from lapa.types import Frame, Frames

_BITS, _BAR, _HEIGHT = 8, 12, 48


def barred_frames(num_frames: int) -> Frames:
    """uint8 [t 48 96 3]: a background that moves, and the number in binary over it."""
    y, x = np.mgrid[:_HEIGHT, : _BITS * _BAR]
    frames = []
    for number in range(num_frames):
        frame = np.stack([120 + 60 * np.sin((x + 3 * number) / 9), 120 + 50 * np.sin((y - 2 * number) / 7), x], -1)
        bits = number >> np.arange(_BITS) & 1
        frame[12:36] = np.repeat(np.where(bits, 235, 16), _BAR)[None, :, None]
        frames.append(frame.astype(np.uint8))
    return np.stack(frames)


def number_of(frame: Frame) -> int:
    """Read the number back."""
    bars = frame[18:30, : _BITS * _BAR].mean((0, 2)).reshape(_BITS, _BAR)[:, 3:-3].mean(1)
    return int(((bars > 125) << np.arange(_BITS)).sum())


def film(
    path: Path,
    codec: str = "libx264",
    num_frames: int = 60,
    *,
    pix_fmt: str = "yuv420p",
    times_ms: Sequence[int] | None = None,
    container: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """Write a film of 10 frames per second, or with these times, by PyAV."""
    with av.open(str(path), "w", container_options=container or {}) as file:
        stream = file.add_stream(codec, rate=1000 if times_ms else 10, options=options)
        stream.height, stream.width, stream.pix_fmt = _HEIGHT, _BITS * _BAR, pix_fmt
        for i, frame in enumerate(barred_frames(num_frames)):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts = times_ms[i] if times_ms else i
            picture.time_base = Fraction(1, 1000 if times_ms else 10)
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))
    return path


def shifted(path: Path, out: Path, seconds: int | float, **container: str) -> Path:
    """Write the same packets with another clock, as cutting without encoding does; returns `out`."""
    with av.open(str(path)) as source, av.open(str(out), "w", container_options=container) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None:
                continue
            shift = round(seconds / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
            target.mux(packet)
    return out


def decoded(path: Path) -> list[int]:
    """Numbers of all pictures in order, by a plain decoder that knows nothing of ours."""
    with av.open(str(path)) as file:
        return [number_of(picture.to_ndarray(format="rgb24")) for picture in file.decode(video=0)]
