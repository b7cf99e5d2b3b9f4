"""The authors' `vqgan` file as our image tokenizer: the shape read off the arrays, the names and axes turned.

Source: assets/docs/released_formats.md ("The image tokenizer").
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lapa.released.pickled_tree import read_tree
from lapa.released.vqgan import GROUPS, VQGAN, VQGANConfig
from lapa.types import LapaError

GRID = 16
"""Codes along each side of a picture that the released policies read."""


def read_vqgan(path: str | Path, *, image_size: int | None = None) -> VQGAN:
    """Read the authors' image tokenizer.

    All but `image_size` shows in the arrays; None takes the pictures that become 16 x 16 codes, which is what the
    released policies read: 256 pixels for five levels, 128 for four.

    Raises:
        LapaError: as `read_tree`, or if an array is missing, unknown or of another shape, or pictures of that size
            cannot be halved so often.
    """
    tree = {name.removeprefix("params/"): value for name, value in read_tree(path).items()}
    config = _config(tree, path, image_size)
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


def _config(tree: dict[str, np.ndarray], path: str | Path, image_size: int | None) -> VQGANConfig:
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
            image_size=GRID << max(0, len(levels) - 1) if image_size is None else image_size,
        )
    except (KeyError, IndexError, ZeroDivisionError) as error:
        raise LapaError(f"'{path}' has no {error}: it is not the released image tokenizer 'vqgan'") from error
    if not config.multipliers or any(width % GROUPS or width % base for width in widths) or max(widths) > 1 << 14:
        raise LapaError(f"'{path}' has levels of {widths} channels: it is not the released image tokenizer 'vqgan'")
    step = 1 << len(levels) - 1
    if config.image_size < step or config.image_size % step:
        raise LapaError(
            f"pictures of {config.image_size} pixels do not fit '{path}', whose {len(levels)} levels halve them: "
            f"their side is a multiple of {step}"
        )
    return config
