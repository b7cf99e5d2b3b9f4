"""Our own writer of the released quantizer's format (see assets/docs/released_formats.md), with random values.

It knows nothing of `lapa/released`: what it writes is what that has to read.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

KERNELS = {
    1: [(3, 3), (4, 4)],
    2: [(3, 3), (3, 4)],
    4: [(3, 3), (3, 3)],
    16: [(3, 3), (3, 3)],
    64: [(3, 3)],
    256: [(3, 3)],
}


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """The authors' names for what their quantizer is built with; small here, as released by `RELEASED`."""

    dim: int = 32
    quant_dim: int = 8
    codebook_size: int = 8
    patch_size: int = 4
    spatial_depth: int = 2
    temporal_depth: int = 1
    dim_head: int = 8
    heads: int = 4
    code_seq_len: int = 4


SMALL = Sizes()
RELEASED = Sizes(
    dim=1024, quant_dim=32, codebook_size=8, patch_size=32, spatial_depth=8, temporal_depth=8, dim_head=64, heads=16
)


def official_shapes(sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor of the state dict."""
    dim, quant, pixels = sizes.dim, sizes.quant_dim, 3 * sizes.patch_size**2
    shapes = {
        "spatial_rel_pos_bias.net.0.0.weight": (dim, 2),
        "spatial_rel_pos_bias.net.0.0.bias": (dim,),
        "spatial_rel_pos_bias.net.1.0.weight": (dim, dim),
        "spatial_rel_pos_bias.net.1.0.bias": (dim,),
        "spatial_rel_pos_bias.net.2.weight": (sizes.heads, dim),
        "spatial_rel_pos_bias.net.2.bias": (sizes.heads,),
        "to_patch_emb_first_frame.1.weight": (pixels,),
        "to_patch_emb_first_frame.1.bias": (pixels,),
        "to_patch_emb_first_frame.2.weight": (dim, pixels),
        "to_patch_emb_first_frame.2.bias": (dim,),
        "to_patch_emb_first_frame.3.weight": (dim,),
        "to_patch_emb_first_frame.3.bias": (dim,),
        "vq.codebooks": (sizes.codebook_size, quant),
        "vq.project_in.weight": (quant, dim),
        "vq.project_in.bias": (quant,),
        "vq.project_out.weight": (dim, quant),
        "vq.project_out.bias": (dim,),
        "to_pixels_first_frame.0.weight": (pixels, dim),
        "to_pixels_first_frame.0.bias": (pixels,),
    }
    for place, kernel in enumerate(KERNELS[sizes.code_seq_len]):
        shapes[f"vq.cnn_encoder.{2 * place}.weight"] = (quant, quant, *kernel)
        shapes[f"vq.cnn_encoder.{2 * place}.bias"] = (quant,)
    for name, depth in (("enc_spatial", "spatial"), ("enc_temporal", "temporal"), ("dec_spatial", "spatial")):
        for layer in range(getattr(sizes, f"{depth}_depth")):
            shapes |= layer_shapes(sizes, f"{name}_transformer.layers.{layer}", has_cross=name == "dec_spatial")
        shapes |= norm_shapes(f"{name}_transformer.norm_out", dim)
    return shapes


def layer_shapes(sizes: Sizes, at: str, *, has_cross: bool) -> dict[str, tuple[int, ...]]:
    dim, inner = sizes.dim, int(4 * (2 / 3) * sizes.dim)
    shapes = {f"{at}.0.dsconv.weight": (dim, 1, 3, 3, 3), f"{at}.0.dsconv.bias": (dim,)}
    for block, num_null in ((1, 0), (2, 4)) if has_cross else ((1, 0),):
        shapes |= {
            f"{at}.{block}.null_kv": (sizes.heads, num_null, sizes.dim_head),
            f"{at}.{block}.q_scale": (sizes.dim_head,),
            f"{at}.{block}.k_scale": (sizes.dim_head,),
            f"{at}.{block}.to_q.weight": (sizes.heads * sizes.dim_head, dim),
            f"{at}.{block}.to_kv.weight": (2 * sizes.heads * sizes.dim_head, dim),
            f"{at}.{block}.to_out.weight": (dim, sizes.heads * sizes.dim_head),
            **norm_shapes(f"{at}.{block}.norm", dim),
            **norm_shapes(f"{at}.{block}.context_norm", dim),
        }
    return shapes | {
        f"{at}.3.0.weight": (dim,),
        f"{at}.3.0.bias": (dim,),
        f"{at}.3.1.weight": (2 * inner, dim),
        f"{at}.3.4.weight": (dim, inner),
    }


def norm_shapes(at: str, dim: int) -> dict[str, tuple[int, ...]]:
    return {f"{at}.gamma": (dim,), f"{at}.beta": (dim,)}


def official_tensors(sizes: Sizes = SMALL, seed: int = 0) -> dict[str, Tensor]:
    """Return a state dict whose values keep a network of this depth lively: no layer drowns the others."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in official_shapes(sizes).items():
        values = torch.randn(shape, generator=generator)
        if name.endswith("beta"):
            tensors[name] = torch.zeros(shape)
        elif len(shape) == 1 and name.endswith(("weight", "gamma", "scale")):
            tensors[name] = 1 + 0.1 * values
        elif name.endswith("weight"):
            tensors[name] = values * values[0].numel() ** -0.5
        else:
            tensors[name] = 0.1 * values if name.endswith("bias") else 0.5 * values
    return tensors


def save_official(path: Path, sizes: Sizes = SMALL, *, prefix: str = "", seed: int = 0) -> Path:
    """Write a file as the authors' training does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({prefix + name: tensor for name, tensor in official_tensors(sizes, seed).items()}, path)
    return path
