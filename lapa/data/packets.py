"""An index of a video file: when each picture is shown and from where it can be decoded, from its packets alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from jaxtyping import Bool, Int64

from lapa.data.key_frames import begins_afresh, is_shown
from lapa.data.salvage import choose_stream, open_container

_MAX_REORDERED = 32
"""No codec shows a picture more places away from where it is stored; more means that the clock was set back."""
_IN_ORDER = ("gif", "apng", "theora", "rawvideo")
"""Codecs of which each picture is painted over the last, or whose containers cannot be entered in the middle."""
_EXACT = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
"""Containers whose packets are whole pictures with exact time stamps."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PacketIndex:
    """The packets of a video stream; times are in ticks of its clock.

    Attributes:
        shown: time stamps of the pictures that are shown, in order.
        stored: time stamps of all pictures, in the order in which they are stored.
        keys: rows of `stored` with a key frame, ascending; the first is 0.
        seek: times that lead the container to each of `keys`.
        fresh: whether decoding comes right from each of `keys` on at once.
        is_plain: whether the container is exact, and nothing is hidden or shown before the key frame it follows.
    """

    shown: Int64[np.ndarray, "n"]
    stored: Int64[np.ndarray, "m"]
    keys: Int64[np.ndarray, "k"]
    seek: Int64[np.ndarray, "k"]
    fresh: Bool[np.ndarray, "k"]
    is_plain: bool

    def key_for(self, i: int) -> int:
        """Return which of `keys` to decode from in order to see frame `i`."""
        key = max(0, int(np.flatnonzero(self.stored[self.keys] <= self.shown[i])[-1:].sum()))
        return key if self.fresh[key] else max(0, key - 1)

    def first_of(self, key: int) -> int:
        """Return the number of the first frame that is shown when decoding begins at `keys[key]`."""
        return int(np.searchsorted(self.shown, self.stored[self.keys[key]])) if key else 0


@dataclass(frozen=True, kw_only=True)
class _Packet:
    pts: int | None
    dts: int | None
    is_key: bool
    is_fresh: bool
    is_shown: bool


def read_index(path: Path) -> PacketIndex | None:
    """Read the packets of a file; None where they do not say, or not in a way to be trusted, what is shown.

    Raises:
        av.FFmpegError, OSError, NoPictureError: if the file cannot be opened.
    """
    with open_container(path) as container:
        stream = choose_stream(container)
        if stream.codec_context.name in _IN_ORDER:
            return None
        try:
            packets = _read_packets(container, stream)
        except av.FFmpegError:
            return None
        return _index_of(packets, container.format.name in _EXACT) if packets else None


def _read_packets(container: av.container.InputContainer, stream: av.VideoStream) -> list[_Packet]:
    """Read all packets; none if one of them is damaged."""
    codec, extradata = stream.codec.canonical_name, stream.codec_context.extradata
    packets = []
    for packet in container.demux(stream):
        if packet.is_corrupt:
            return []
        if packet.size:
            packets.append(
                _Packet(
                    pts=packet.pts,
                    dts=packet.dts,
                    is_key=packet.is_keyframe,
                    is_fresh=packet.is_keyframe and begins_afresh(packet, codec, extradata),
                    is_shown=not packet.is_discard and is_shown(packet, codec),
                )
            )
    return packets


def _index_of(packets: list[_Packet], is_exact: bool) -> PacketIndex | None:
    if not packets[0].is_key or any(packet.pts is None for packet in packets):
        return None
    stored = np.array([packet.pts for packet in packets], np.int64)
    order = np.argsort(stored, kind="stable")
    if (np.diff(stored[order]) == 0).any() or np.abs(order - np.arange(len(order))).max() > _MAX_REORDERED:
        return None
    keys = np.flatnonzero([packet.is_key for packet in packets])
    shown = np.array([packet.is_shown for packet in packets])
    if not shown.any():
        return None
    closed = np.minimum.accumulate(stored[::-1])[::-1][keys] == stored[keys]
    return PacketIndex(
        shown=np.sort(stored[shown]),
        stored=stored,
        keys=keys,
        seek=np.array([min(packets[k].pts, _or(packets[k].dts, packets[k].pts)) for k in keys], np.int64),
        fresh=np.array([packets[k].is_fresh for k in keys]),
        is_plain=is_exact and bool(shown.all() and closed.all()),
    )


def _or(value: int | None, other: int) -> int:
    return other if value is None else value
