"""Write frames as a video: h264 in .mp4, VP9 in .webm, or a .gif with a palette of its own.

Key frames are close together, because reading frames out of order costs in proportion to their distance, and the file
appears under its name only once it is complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np

from lapa.types import Frame, LapaError

_ENCODERS = {
    ".mp4": ("libx264", {"crf": "18", "preset": "veryfast", "bf": "0"}, {"movflags": "+faststart"}),
    ".webm": ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6"}, {}),
    ".gif": ("gif", {}, {"loop": "0"}),
}
_BT601, _LIMITED = 6, 1
"""What the RGB to YUV conversion below uses; written into the file so that players undo exactly that."""


def write_video(path: str | Path, frames: Iterable[Frame], fps: int | float, *, gop: int = 12) -> Path:
    """Write frames as the kind of video that the path's suffix names.

    Args:
        path: .mp4, .webm or .gif; its folder is made if need be.
        frames: uint8 [h w 3] each, all of one size; may be a generator, nothing is kept. Odd sizes are padded to even
            ones by repeating the last row or column (not in a .gif).
        fps: frames per second.
        gop: frames from one key frame to the next.

    Returns:
        `path`.

    Raises:
        LapaError: if the suffix is unknown, there are no frames, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _ENCODERS:
        raise LapaError(f"'{path.name}' cannot be written: expected a name that ends in {', '.join(_ENCODERS)}")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise LapaError(f"'{path.name}' was not written: there are no frames to write")
    partial = path.with_name(f".{path.stem}.{os.getpid()}.partial{suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _encode(partial, chain([first], frames), first.shape[:2], fps, gop)
        os.replace(partial, path)
    except (OSError, av.FFmpegError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LapaError(f"'{path}' could not be written: {reason}") from None
    finally:
        with suppress(OSError):
            partial.unlink()
    return path


def _encode(path: Path, frames: Iterable[Frame], size: tuple[int, int], fps: int | float, gop: int) -> None:
    codec, options, container_options = _ENCODERS[path.suffix]
    rate = Fraction(fps).limit_denominator(1001)
    even = codec != "gif"
    height, width = (side + side % 2 for side in size) if even else size
    with av.open(str(path), "w", container_options=container_options) as container:
        stream = container.add_stream(codec, rate=rate, options=options)
        stream.height, stream.width = height, width
        stream.pix_fmt = "yuv420p" if even else "pal8"
        if even:
            stream.codec_context.gop_size = gop
            stream.codec_context.colorspace, stream.codec_context.color_range = _BT601, _LIMITED
        pictures = (_picture(frame, (height, width), size, rate, i) for i, frame in enumerate(frames))
        for picture in pictures if even else _with_palette(pictures, size, rate):
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _picture(frame: Frame, padded: tuple[int, int], size: tuple[int, int], rate: Fraction, i: int) -> av.VideoFrame:
    assert frame.shape[:2] == size, f"frame {i} is {frame.shape[:2]}, the first one {size}"
    if padded != size:
        frame = np.pad(frame, ((0, padded[0] - size[0]), (0, padded[1] - size[1]), (0, 0)), mode="edge")
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
    picture.pts, picture.time_base = i, 1 / rate
    return picture


def _with_palette(pictures: Iterable[av.VideoFrame], size: tuple[int, int], rate: Fraction) -> Iterator[av.VideoFrame]:
    """Reduce pictures to the 256 colours that suit them all (ffmpeg's palettegen and paletteuse)."""
    graph = av.filter.Graph()
    height, width = size
    source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgb24"), time_base=1 / rate)
    split, palette, use = graph.add("split"), graph.add("palettegen"), graph.add("paletteuse")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(palette, output_idx=0)
    split.link_to(use, output_idx=1)
    palette.link_to(use, input_idx=1)
    use.link_to(sink)
    graph.configure()
    for picture in pictures:
        source.push(picture)
    source.push(None)
    with suppress(av.EOFError):
        while True:
            yield sink.pull()
