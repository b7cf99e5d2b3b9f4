"""Write a `params` file as the authors' streaming saver does, byte for byte, one piece of an array at a time.

Arrays above 2^30 bytes are stored in chunks of 2^30 bytes, as Flax does; an array is written from an iterator of its
parts, so a stack of layers never has to be in memory.

Source: assets/docs/released_formats.md ("The params file"); checked byte for byte against files
that the authors' code wrote.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from io import BufferedIOBase

import torch
from torch import Tensor

from lapa.released.params_stream import ARRAY, CHUNKED, DTYPES, LeafPath

CHUNK_BYTES = 2**30
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MAX_BLOB = 2**32 - 1
"""Bytes of a msgpack blob at most: a stacked array beyond it cannot be stored in this format at all."""


def write_leaf(
    file: BufferedIOBase,
    path: LeafPath,
    shape: tuple[int, ...],
    dtype: torch.dtype,
    parts: Iterable[Tensor],
    *,
    chunk_bytes: int = CHUNK_BYTES,
) -> None:
    """Append one parameter; `parts` are its rows in order (one layer each, or the whole array).

    Raises:
        ValueError: if the array is too large for the format.
    """
    per_chunk = max(1, chunk_bytes // dtype.itemsize)
    count = math.prod(shape)
    if count * dtype.itemsize <= chunk_bytes:
        frames = [(_array_head(shape, dtype, count), count)]
        opening = b""
    else:
        sizes = [min(per_chunk, count - start) for start in range(0, count, per_chunk)]
        opening = _map(3) + _text(CHUNKED) + b"\xc3" + _text("shape") + _map(len(shape))
        opening += b"".join(_text(str(i)) + _integer(size) for i, size in enumerate(shape))
        opening += _text("chunks") + _map(len(sizes))
        frames = [(_text(str(i)) + _array_head((n,), dtype, n), n) for i, n in enumerate(sizes)]
    length = len(opening) + sum(len(head) + n * dtype.itemsize for head, n in frames)
    if length > MAX_BLOB:
        raise ValueError(f"'{'/'.join(path)}' takes {length:,} bytes, the format holds {MAX_BLOB:,} in one array")
    file.write(_array(2) + _array(len(path)) + b"".join(map(_text, path)))
    file.write(_binary_head(length) + opening)
    values = _Values(parts)
    for head, n in frames:
        file.write(head)
        for piece in values.take(n):
            file.write(_raw(piece))


class _Values:
    """A stream of numbers out of tensors of any shape."""

    def __init__(self, parts: Iterable[Tensor]):
        self._parts: Iterator[Tensor] = iter(parts)
        self._rest: Tensor | None = None

    def take(self, count: int) -> Iterator[Tensor]:
        while count:
            part = next(self._parts).contiguous().flatten() if self._rest is None else self._rest
            yield part[:count]
            self._rest = part[count:] if len(part) > count else None
            count -= min(count, len(part))


def _raw(part: Tensor) -> memoryview:
    return memoryview(part.contiguous().view(torch.uint8).numpy())


def _array_head(shape: tuple[int, ...], dtype: torch.dtype, count: int) -> bytes:
    body = _array(3) + _array(len(shape)) + b"".join(map(_integer, shape)) + _text(NAMES[dtype])
    length = count * dtype.itemsize
    body += _binary_head(length)
    return _extension_head(ARRAY, len(body) + length) + body


def _array(count: int) -> bytes:
    return bytes([0x90 | count]) if count < 16 else b"\xdc" + struct.pack(">H", count)


def _map(count: int) -> bytes:
    return bytes([0x80 | count]) if count < 16 else b"\xde" + struct.pack(">H", count)


def _text(text: str) -> bytes:
    raw = text.encode()
    return (bytes([0xA0 | len(raw)]) if len(raw) < 32 else b"\xd9" + struct.pack(">B", len(raw))) + raw


def _integer(value: int) -> bytes:
    if value < 128:
        return bytes([value])
    form = next(form for form in "BHIQ" if value < 1 << 8 * struct.calcsize(form))
    return bytes([0xCC + "BHIQ".index(form)]) + struct.pack(">" + form, value)


def _binary_head(length: int) -> bytes:
    return _sized(length, b"\xc4", b"\xc5", b"\xc6")


def _extension_head(code: int, length: int) -> bytes:
    fixed = {1: 0xD4, 2: 0xD5, 4: 0xD6, 8: 0xD7, 16: 0xD8}
    head = bytes([fixed[length]]) if length in fixed else _sized(length, b"\xc7", b"\xc8", b"\xc9")
    return head + bytes([code])


def _sized(length: int, *marks: bytes) -> bytes:
    for mark, form in zip(marks, "BHI", strict=True):
        if length < 1 << 8 * struct.calcsize(form):
            return mark + struct.pack(">" + form, length)
    raise OverflowError(length)
