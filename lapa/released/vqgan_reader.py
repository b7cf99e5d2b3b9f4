"""The authors' `vqgan` file: a Python pickle of nested dicts of arrays, read without running what it may contain.

A pickle is a program. `read_tree` runs it with an allow-list: the rebuilding of numpy arrays, Flax's FrozenDict and
JAX's array, each replaced by a function of ours that checks its arguments. Any other name ends the reading.

Source: formats part B.
"""

from __future__ import annotations

import io
import pickle
import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lapa.released.params_stream import guess_kind
from lapa.released.vqgan import GROUPS, VQGAN, VQGANConfig
from lapa.types import LapaError

MAX_BYTES = 4 * 2**30
"""The released file has about 0.6 GB (146 million numbers: computed from its shape)."""


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


def _reconstruct(*_) -> _Array:
    return _Array()


def _frombuffer(raw, dtype: _DType, shape: tuple, order: str) -> _Array:
    array = _Array()
    array.value = _checked(raw, dtype, shape, order)
    return array


def _jax_array(rebuild, _arguments, state: tuple, _facts) -> _Array:
    if rebuild is not _reconstruct:
        raise pickle.UnpicklingError("a JAX array is not made of a numpy array")
    array = _Array()
    array.__setstate__(state)
    return array


def _frozen_dict(tree: dict) -> dict:
    return dict(tree)


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
        tree = _Reader(io.BytesIO(raw)).load()
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise LapaError(f"'{path}' is cut short: download or copy it again") from error
        raise LapaError(f"'{path}' was not read: {error}. It is not the released 'vqgan'; do not trust it") from error
    except EOFError as error:
        raise LapaError(f"'{path}' is cut short: download or copy it again") from error
    except Exception as error:  # a hostile pickle can make its own machine fail in any way
        raise LapaError(f"'{path}' is damaged ({type(error).__name__}): download or copy it again") from error
    found: dict[str, np.ndarray] = {}
    _flatten(tree, "", found, path)
    return found


def read_vqgan(path: str | Path) -> VQGAN:
    """Read the authors' image tokenizer.

    Raises:
        LapaError: as `read_tree`, or if an array is missing, unknown or of another shape.
    """
    tree = {name.removeprefix("params/"): value for name, value in read_tree(path).items()}
    config = _config(tree, path)
    with torch.device("meta"):
        model = VQGAN(config)
    tensors = {}
    for name, wanted in model.state_dict().items():
        theirs = name_of(name, config)
        if theirs not in tree:
            raise LapaError(f"'{path}' has no '{theirs}': it is not the released image tokenizer 'vqgan'")
        tensors[name] = _turned(tree.pop(theirs))
        if tensors[name].shape != wanted.shape:
            shape = list(tensors[name].shape)
            raise LapaError(f"'{theirs}' in '{path}' has shape {shape}, in PyTorch's order, not {list(wanted.shape)}")
    if tree:
        raise LapaError(f"'{path}' has the array '{sorted(tree)[0]}', which is no part of the image tokenizer")
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.eval().requires_grad_(False)


def name_of(name: str, config: VQGANConfig) -> str:
    """Return the authors' path of a weight of ours."""
    if name == "codebook":
        return "quantize/embeddings"
    side, *parts = name.split(".")
    leaf = parts.pop()
    if side in ("to_code", "from_code"):
        return f"{'quant_conv' if side == 'to_code' else 'post_quant_conv'}/{_kernel(leaf, 'conv')}"
    path = [side]
    if parts[0] == "levels":
        path.append(f"{'Downsampling' if side == 'encoder' else 'Upsampling'}Block_{parts[1]}")
        if parts[2] == "resize":
            path += ["Downsample_0" if side == "encoder" else "Upsample_0", "Conv_0"]
        else:
            path += [f"ResnetBlock_{parts[3]}"]
    elif parts[0] == "middle":
        path += ["MidBlock_0", f"ResnetBlock_{parts[1]}"]
    last = parts[-1]
    ends = {"first": "Conv_0", "last": "Conv_1", "norm": "GroupNorm_0"}
    block = {
        "norm_in": "GroupNorm_0",
        "conv_in": "Conv_0",
        "norm_out": "GroupNorm_1",
        "conv_out": "Conv_1",
        "shortcut": "Conv_2",
    }
    if last in ends or last in block:
        path.append((ends | block)[last])
    return "/".join([*path, _kernel(leaf, "norm" if "norm" in last else "conv")])


def _kernel(leaf: str, kind: str) -> str:
    if leaf == "bias":
        return "bias"
    return "scale" if kind == "norm" else "kernel"


def _turned(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(np.array(array, np.float32, order="C"))
    return tensor.permute(3, 2, 0, 1).contiguous() if tensor.ndim == 4 else tensor


def _config(tree: dict[str, np.ndarray], path: str | Path) -> VQGANConfig:
    """Read the shape off the arrays."""
    try:
        base = tree["encoder/Conv_0/kernel"].shape[-1]
        levels = {int(found[1]) for name in tree if (found := re.match(r"encoder/DownsamplingBlock_(\d{1,2})/", name))}
        blocks = {int(f[1]) for name in tree if (f := re.match(r"encoder/DownsamplingBlock_0/ResnetBlock_(\d)/", name))}
        widths = [tree[f"encoder/DownsamplingBlock_{i}/ResnetBlock_0/Conv_0/kernel"].shape[-1] for i in sorted(levels)]
        config = VQGANConfig(
            base=base,
            multipliers=tuple(width // base for width in widths),
            num_blocks=len(blocks),
            latent_channels=tree["encoder/Conv_1/kernel"].shape[-1],
            num_codes=tree["quantize/embeddings"].shape[0],
            code_width=tree["quantize/embeddings"].shape[-1],
        )
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise LapaError(f"'{path}' has no {error}: it is not the released image tokenizer 'vqgan'") from error
    if not config.multipliers or any(width % GROUPS or width % base for width in widths) or max(widths) > 1 << 14:
        raise LapaError(f"'{path}' has levels of {widths} channels: it is not the released image tokenizer 'vqgan'")
    return config


def _checked(raw, dtype: _DType, shape: tuple, order: str) -> np.ndarray:
    if not isinstance(dtype, _DType) or not isinstance(shape, tuple) or len(shape) > 4 or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array is not made of a shape, a type and bytes")
    raw = raw.raw() if isinstance(raw, pickle.PickleBuffer) else raw
    return np.frombuffer(raw, dtype.dtype).reshape(shape, order=order)


def _flatten(tree, prefix: str, found: dict[str, np.ndarray], path: Path, depth: int = 0) -> None:
    if isinstance(tree, _Array) and hasattr(tree, "value"):
        found[prefix] = tree.value
    elif isinstance(tree, dict) and depth < 16 and all(isinstance(key, str) for key in tree):
        for key, value in tree.items():
            _flatten(value, f"{prefix}/{key}" if prefix else key, found, path, depth + 1)
    else:
        raise LapaError(f"'{path}' holds a {type(tree).__name__} at '{prefix}', where arrays are expected")
