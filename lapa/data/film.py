"""An opened video file that is decoded from one of its key frames on.

Seeking by time lands where the container likes. So the packet it lands on is looked up in the index, and those before
the key frame that was meant are passed over; where it lands too late, decoding begins further ahead.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import av
import numpy as np

from lapa.data.packets import PacketIndex
from lapa.data.salvage import Pictures, choose_stream, open_container


class MismatchError(Exception):
    """Other pictures came out of a file than its packets promised."""


class Film:
    """A file and the index of its packets, None if it can only be decoded from the beginning."""

    def __init__(self, path: Path, index: PacketIndex | None):
        self._path, self._index = path, index
        self._container: av.container.InputContainer | None = None

    def pictures_from(self, key: int) -> Iterator[av.VideoFrame]:
        """Decode from a key frame of the index on, shown pictures only.

        Raises:
            MismatchError: if one is damaged or is not the one that the index has there.
        """
        if self._index is None:
            with Pictures(self._path) as pictures:
                yield from pictures
            return
        position = self._index.first_of(key)
        first = self._index.shown[position]
        for packet in self._packets_from(key):
            for picture in packet.decode():
                if picture.pts is not None and picture.pts < first:
                    continue
                if picture.is_corrupt or picture.pts != self._index.shown[position]:
                    raise MismatchError(f"picture {picture.pts} at frame {position}")
                position += 1
                yield picture

    def _packets_from(self, key: int) -> Iterator[av.Packet]:
        """Read packets from a key frame on."""
        if self._container is None or key == 0:
            self._container = open_container(self._path)
        stream = choose_stream(self._container)
        wanted = self._index.keys[key]
        for earlier in range(key, 0, -1):
            self._container.seek(int(self._index.seek[earlier]), stream=stream)
            packets = self._container.demux(stream)
            landed = next(packets)
            row = self._row_of(landed)
            if row is not None and row <= wanted:
                yield from (packet for n, packet in enumerate(chain([landed], packets), row) if n >= wanted)
                return
        if key:
            self._container = open_container(self._path)
        packets = self._container.demux(choose_stream(self._container))
        yield from (packet for n, packet in enumerate(packets) if n >= wanted)

    def _row_of(self, packet: av.Packet) -> int | None:
        rows = np.flatnonzero(self._index.stored == packet.pts) if packet.size else ()
        return int(rows[0]) if len(rows) else None
