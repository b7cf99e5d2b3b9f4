"""The authors' `params` file: a stream of parameters, found without being read.

The file is msgpack objects one after another, no header and no index. Each is a pair: the parameter's path (an array
of strings) and a binary blob that is itself msgpack, in Flax's encoding of arrays: extension type 1 around
`[shape, dtype, bytes]`, or for large arrays a map of such pieces. `scan_params` notes where each array's bytes lie
and reads none of them, so a file of 13.6 GB is opened in milliseconds and one layer can be fetched at a time.

Own code and not the msgpack library, which hands out whole values: 2.9 GB each here, held three times over.

Source: assets/docs/released_formats.md ("The params file"): tux's `StreamingCheckpointer`, Flax's `serialization.py`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path

import torch
from torch import Tensor

from lapa.released.msgpack_reader import Malformed, MsgpackReader
from lapa.types import LapaError

CHUNKED = "__msgpack_chunked_array__"
DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32, "float16": torch.float16}
ARRAY = 1
"""Flax's extension type of an array."""
MAX_PATH, MAX_NAME, MAX_AXES = 16, 200, 8

LeafPath = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """One parameter of the file, not yet read.

    Attributes:
        path: such as ("transformer", "wte", "embedding"), without `prefix`.
        shape, dtype: of the array; row-major, little-endian.
        pieces: (offset in the file, bytes) of each piece, in order; more than one if it was stored in chunks.
        prefix: what stands before the path in the file: ("params", "params") in a training state.
    """

    file: Path
    path: LeafPath
    shape: tuple[int, ...]
    dtype: torch.dtype
    pieces: tuple[tuple[int, int], ...]
    prefix: LeafPath = ()

    @property
    def name(self) -> str:
        return "/".join(self.path)

    def read(self, index: int | None = None) -> Tensor:
        """Read the array, or row `index` of its first axis (one layer of a stack) without the others."""
        shape = self.shape if index is None else self.shape[1:]
        size = math.prod(shape) * self.dtype.itemsize
        first = 0 if index is None else index * size
        buffer = bytearray(size)
        view, start = memoryview(buffer), 0
        with open(self.file, "rb") as file:
            for offset, length in self.pieces:
                low, high = max(first, start), min(first + size, start + length)
                if low < high:
                    file.seek(offset + low - start)
                    if file.readinto(view[low - first : high - first]) != high - low:
                        raise LapaError(f"'{self.file}' ends within '{self.name}': copy it again")
                start += length
        if not size:
            return torch.empty(shape, dtype=self.dtype)
        return torch.frombuffer(buffer, dtype=self.dtype).reshape(shape)


def scan_params(path: str | Path) -> list[Leaf]:
    """Find every parameter of a `params` file, in the file's own order.

    A training state is accepted too; of it, only the parameters are listed.

    Raises:
        LapaError: if it is not such a file, is cut short, or does not mean what it says.
    """
    path = Path(path)
    if not path.is_file():
        raise LapaError(f"there is no file '{path}': give the released policy's 'params'")
    found: dict[LeafPath, Leaf | None] = {}
    with open(path, "rb") as file:
        reader = MsgpackReader(file, path.stat().st_size)
        while reader.left:
            _add_record(found, reader, path)
    prefix = _prefix(found, path)
    found = {key[len(prefix) :]: leaf for key, leaf in found.items() if key[: len(prefix)] == prefix}
    if not found:
        raise LapaError(f"'{path}' is empty: download the released policy's 'params' again")
    missing = next((key for key, leaf in found.items() if leaf is None), None)
    if missing is not None:
        raise LapaError(f"'{path}' stores '{'/'.join(missing)}' as something other than an array: it is no policy")
    return [replace(leaf, path=key, prefix=prefix) for key, leaf in found.items()]


def _add_record(found: dict[LeafPath, Leaf | None], reader: MsgpackReader, path: Path) -> None:
    start, key = reader.position, None
    try:
        if reader.array() != 2:
            raise Malformed("a record is not a pair")
        key = tuple(reader.text(MAX_NAME) for _ in range(reader.array(MAX_PATH)))
        if not key or key in found:
            raise Malformed(f"the parameter '{'/'.join(key)}' comes twice" if key else "a parameter has no name")
        end = reader.binary()
        found[key] = _leaf(reader, path, key)
        if found[key] is None:
            reader.seek(end)
        if reader.position != end:
            raise Malformed(f"'{'/'.join(key)}' is longer or shorter than it says")
    except EOFError as error:
        where = f"within '{'/'.join(key)}'" if key else f"at byte {start:,}"
        raise LapaError(
            f"'{path}' is cut short {where} ({len(found)} parameters read): download or copy it again"
        ) from error
    except Malformed as error:
        if not found:
            raise LapaError(
                f"'{path}' is {_guess(path)}, not the released policy's 'params' (a stream of named arrays): {error}"
            ) from error
        raise LapaError(f"'{path}' is damaged at byte {start:,}: {error}; download or copy it again") from error


def _leaf(reader: MsgpackReader, file: Path, key: LeafPath) -> Leaf | None:
    """Read a blob's frame, leaving the reader at its end; None for what is not an array (a step count)."""
    kind = reader.kind()
    if kind == "ext":
        if (part := _array(reader)) is None:
            return None
        shape, dtype, piece = part
        return Leaf(file=file, path=key, shape=shape, dtype=dtype, pieces=(piece,))
    if kind != "map":
        return None
    return _chunked(reader, file, key)


def _array(reader: MsgpackReader) -> tuple[tuple[int, ...], torch.dtype, tuple[int, int]] | None:
    code, end = reader.extension()
    if code != ARRAY:
        reader.seek(end)
        return None
    if reader.array() != 3:
        raise Malformed("an array is not stored as shape, type and bytes")
    shape = tuple(reader.integer() for _ in range(reader.array(MAX_AXES)))
    name = reader.text(MAX_NAME)
    if name not in DTYPES:
        reader.seek(end)
        return None
    stop = reader.binary()
    offset, length = reader.position, stop - reader.position
    if min(shape, default=1) < 0 or math.prod(shape) * DTYPES[name].itemsize != length or stop != end:
        raise Malformed(f"an array of shape {list(shape)} and type {name} does not take {length:,} bytes")
    reader.seek(stop)
    return shape, DTYPES[name], (offset, length)


def _chunked(reader: MsgpackReader, file: Path, key: LeafPath) -> Leaf:
    shape, pieces, dtypes, marked = None, {}, set(), False
    for _ in range(reader.map(8)):
        name = reader.text(MAX_NAME)
        if name == CHUNKED:
            marked = reader.boolean()
        elif name == "shape":
            sizes = {reader.number(): reader.integer() for _ in range(reader.map(MAX_AXES))}
            shape = _in_order(sizes, "axes")
        elif name == "chunks":
            for _ in range(reader.map(1 << 20)):
                number, part = reader.number(), _array(reader)
                if part is None or len(part[0]) != 1 or number in pieces:
                    raise Malformed(f"chunk {number} of '{'/'.join(key)}' is not a row of numbers")
                dtypes.add(part[1])
                pieces[number] = part[2]
        else:
            raise Malformed(f"'{name[:40]}' is not part of an array in chunks")
    if not marked or shape is None or len(dtypes) != 1:
        raise Malformed(f"'{'/'.join(key)}' is not an array in chunks")
    ordered, dtype = _in_order(pieces, "chunks"), dtypes.pop()
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != sum(length for _, length in ordered):
        raise Malformed(f"the chunks of '{'/'.join(key)}' do not add up to its shape {list(shape)}")
    return Leaf(file=file, path=key, shape=shape, dtype=dtype, pieces=ordered)


def _in_order(numbered: dict[int, object], what: str) -> tuple:
    if sorted(numbered) != list(range(len(numbered))):
        raise Malformed(f"{what} are missing: there are only numbers {sorted(numbered)[:8]}")
    return tuple(numbered[i] for i in range(len(numbered)))


def _prefix(keys: Iterable[LeafPath], path: Path) -> LeafPath:
    """Return how often "params" stands before the parameters: never in `params`, twice in a training state."""
    counts = {len(key) - len(_bare(key)) for key in keys} - {0}
    if len(counts) > 1:
        raise LapaError(f"'{path}' stores parameters under both {' and '.join('params/' * n for n in sorted(counts))}")
    return ("params",) * max(counts, default=0)


def _bare(key: LeafPath) -> LeafPath:
    while key and key[0] == "params":
        key = key[1:]
    return key


def _guess(path: Path) -> str:
    with open(path, "rb") as file:
        return guess_kind(file)


def guess_kind(file: BufferedIOBase) -> str:
    """Say what a file seems to be, from its first bytes."""
    head = file.read(16)
    if head.startswith(b"PK\x03\x04"):
        return "a zip archive (such as a PyTorch checkpoint)"
    if head.startswith(b"\x80") and head[1:2] in b"\x02\x03\x04\x05":
        return "a Python pickle (such as 'vqgan')"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 30:
        return "a safetensors file"
    if head.lstrip()[:1] in (b"{", b"<") or head.isascii() and head[:1].isalpha():
        return "a text (perhaps a web page, or a git-lfs pointer)"
    return "some other file"
