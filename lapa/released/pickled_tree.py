"""A Python pickle of nested dicts of arrays, read without running what it may contain.

A pickle is a program. Its opcodes are read first, and refused if they would fill the memory; then it runs with an
allow-list: the rebuilding of numpy arrays, Flax's FrozenDict and JAX's array, each replaced by a function of ours that
checks its arguments. Any other name ends the reading.

Source: assets/docs/released_formats.md ("The image tokenizer").
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from lapa.released.params_stream import guess_kind
from lapa.types import LapaError

MAX_BYTES = 4 * 2**30
"""The released file has about 0.6 GB (146 million numbers: computed from its shape)."""
MAX_OPCODES, MAX_MEMO, MAX_ENTRIES, MAX_DEPTH = 1 << 20, 1 << 16, 1 << 14, 16
"""Far above the released file's: a few hundred arrays of some 30 opcodes each."""


class _Array:
    """What pickle fills in when it rebuilds an array: a shape, a type and bytes, nothing that runs."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran, raw = state
        self.value = _checked(raw, dtype, shape, "F" if fortran else "C")


class _DType:
    """A plain number type; only its name is used."""

    def __init__(self, name: str, *_):
        if not isinstance(name, str) or not re.fullmatch(r"[<=|]?[fiu][1248]", name):
            raise pickle.UnpicklingError(f"the array type {str(name)[:40]!r} is not a plain number")
        self.dtype = np.dtype(name)

    def __setstate__(self, state: tuple) -> None:
        if state[1] not in ("<", "|", "="):
            raise pickle.UnpicklingError("numbers stored from the highest byte down are not expected here")


def _sealed(function: Callable) -> Callable:
    """Refuse the opcode that would set attributes of a function: its default arguments are such."""

    def refuse(_state) -> None:
        raise pickle.UnpicklingError("it changes the function it was given")

    function.__setstate__ = refuse
    return function


@_sealed
def _reconstruct(*_) -> _Array:
    return _Array()


@_sealed
def _frombuffer(raw, dtype: _DType, shape: tuple, order: str) -> _Array:
    array = _Array()
    array.value = _checked(raw, dtype, shape, order)
    return array


@_sealed
def _jax_array(rebuild, _arguments, state: tuple, _facts) -> _Array:
    if rebuild is not _reconstruct:
        raise pickle.UnpicklingError("a JAX array is not made of a numpy array")
    array = _Array()
    array.__setstate__(state)
    return array


@_sealed
def _frozen_dict(tree: dict) -> dict:
    return dict(tree)


@_sealed
def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"the encoding {encoding[:20]!r} is not expected here")
    return text.encode("latin-1")


ALLOWED = {
    "ndarray": _Array,
    "dtype": _DType,
    "_reconstruct": _reconstruct,
    "_frombuffer": _frombuffer,
    "FrozenDict": _frozen_dict,
    "_reconstruct_array": _jax_array,
    "encode": _encode,
}
HOMES = {
    "ndarray": ("numpy",),
    "dtype": ("numpy",),
    "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),
    "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
    "FrozenDict": ("flax.core.frozen_dict",),
    "_reconstruct_array": ("jax._src.array",),
    "encode": ("_codecs",),
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str):
        if module not in HOMES.get(name, ()):
            raise pickle.UnpicklingError(f"it asks for '{module[:60]}.{name[:60]}', which no image tokenizer needs")
        return ALLOWED[name]

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("it refers to something outside itself")


def read_tree(path: str | Path) -> dict[str, np.ndarray]:
    """Read the pickle of a tree of arrays: their slash-joined paths and their values.

    Raises:
        LapaError: if it is no such pickle, is cut short, or asks for anything but arrays.
    """
    path = Path(path)
    if not path.is_file():
        raise LapaError(f"there is no file '{path}': give the released image tokenizer, 'vqgan'")
    if path.stat().st_size > MAX_BYTES:
        raise LapaError(f"'{path}' is larger than any image tokenizer: give the released file 'vqgan'")
    raw = path.read_bytes()
    if raw[:1] != b"\x80":
        what = guess_kind(io.BytesIO(raw)) if raw else "empty"
        raise LapaError(f"'{path}' is {what}, not the released image tokenizer 'vqgan' (a pickle of arrays)")
    try:
        _check_opcodes(raw)
        tree = _Reader(io.BytesIO(raw)).load()
    except pickle.UnpicklingError as error:
        raise LapaError(f"'{path}' was not read: {error}. It is not the released 'vqgan'; do not trust it") from error
    except EOFError as error:
        raise LapaError(f"'{path}' is cut short or damaged: download or copy it again") from error
    except Exception as error:  # a hostile pickle can make its own machine fail in any way
        raise LapaError(f"'{path}' is damaged ({type(error).__name__}): download or copy it again") from error
    return dict(_flat(tree, path))


def _check_opcodes(raw: bytes) -> None:
    """Refuse a pickle that asks for far more room than the arrays in it take; EOFError where it breaks off."""
    try:
        for number, (opcode, argument, _) in enumerate(pickletools.genops(raw)):
            if number >= MAX_OPCODES or opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and argument >= MAX_MEMO:
                raise pickle.UnpicklingError("it asks for more room than an image tokenizer takes")
    except ValueError as error:
        raise EOFError from error


def _checked(raw, dtype: _DType, shape: tuple, order: str) -> np.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(shape, tuple) or len(shape) > 4 or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array is not made of a shape, a type and bytes")
    raw = raw.raw() if isinstance(raw, pickle.PickleBuffer) else raw
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _flat(tree, path: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of a tree with their slash-joined paths."""
    waiting, num_seen = [((), tree)], 0
    while waiting:
        at, node = waiting.pop()
        num_seen += 1
        if num_seen > MAX_ENTRIES:  # a dict may hold another many times over, and that one another
            raise LapaError(f"'{path}' has more entries than an image tokenizer: it is not the released 'vqgan'")
        if isinstance(node, _Array) and hasattr(node, "value"):
            yield "/".join(at), node.value
        elif isinstance(node, dict) and len(at) < MAX_DEPTH and all(isinstance(key, str) for key in node):
            waiting += [((*at, key), value) for key, value in node.items()]
        else:
            where = "/".join(at)[:80]
            raise LapaError(f"'{path}' holds a {type(node).__name__} at '{where}', where arrays are expected")
