"""What the bytes of a packet say that its flags do not: whether decoding can begin there, and whether it is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import av

_H264_IDR = 5
_START_CODE = re.compile(b"\x00\x00\x01")


def begins_afresh(packet: av.Packet, codec: str, extradata: bytes | None) -> bool:
    """Tell whether nothing after this key frame refers to pictures before it.

    An h264 key frame that is no IDR picture may be the begin of a gradual refresh, after which pictures come right only
    some time later. Those of the other codecs are what they say.
    """
    if codec != "h264":
        return True
    return _H264_IDR in {head & 0x1F for head in _unit_heads(bytes(packet), extradata or b"")}


def is_shown(packet: av.Packet, codec: str) -> bool:
    """Tell whether a packet is a picture to be seen; VP8 also stores some that only others refer to."""
    return codec != "vp8" or bool(memoryview(packet)[0] >> 4 & 1)


def _unit_heads(data: bytes, extradata: bytes) -> Iterator[int]:
    """Yield the first byte of every NAL unit of a packet; units are preceded by their length, or by start codes."""
    if extradata[:1] != b"\x01":
        yield from (data[found.end()] for found in _START_CODE.finditer(data) if found.end() < len(data))
        return
    num_bytes, at = (extradata[4] & 3) + 1, 0
    while at + num_bytes < len(data):
        yield data[at + num_bytes]
        at += num_bytes + int.from_bytes(data[at : at + num_bytes], "big")
