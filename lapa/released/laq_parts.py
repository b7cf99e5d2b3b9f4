"""Parts of the released quantizer's transformers, with the names its state dict has and the slips its code has.

Letters as everywhere, and: r rows of a flattened batch, n positions of a sequence, heads of attention.

Source: the C-ViViT blocks of the released LAPA code. Attribute names follow its state dict, so that a file of the
authors loads strictly and without a table of names. `lapa/models/blocks.py` has the same parts with the slips left out.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

NUM_NULL = 2
"""Null keys and values that cross-attention has beside the action tokens."""


class Norm(nn.Module):
    """Layer norm whose offset is a buffer of zeros that the file holds."""

    def __init__(self, width: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))
        self.register_buffer("beta", torch.zeros(width))

    def forward(self, x: Float[Tensor, "b n d"]) -> Float[Tensor, "b n d"]:
        return F.layer_norm(x, x.shape[-1:], self.gamma, self.beta)


class PositionBias(nn.Module):
    """One bias per head and pair of patches, an MLP of their log-spaced offset.

    Source: continuous position bias of Swin v2. Differs from the released code only in speed: it runs the MLP for each
    of the (2g - 1)^2 offsets once, not for each of the g^4 pairs.
    """

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.net = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.1)),
                nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(0.1)),
                nn.Linear(width, num_heads),
            ]
        )

    def forward(self, grid: int) -> Float[Tensor, "heads p p2"]:
        weight = self.net[-1].weight
        steps = torch.arange(1 - grid, grid, device=weight.device)
        bias = torch.cartesian_prod(steps, steps).to(weight.dtype)
        bias = bias.sign() * bias.abs().add(1).log()
        for layer in self.net:
            bias = layer(bias)
        at = torch.arange(grid, device=weight.device)
        apart = at[:, None] - at + grid - 1
        rows = apart[:, None, :, None] * (2 * grid - 1) + apart[None, :, None, :]
        return rearrange(bias[rows.reshape(grid * grid, grid * grid)], "p p2 heads -> heads p p2")


class PositionConvolution(nn.Module):
    """Depth-wise 3x3x3 convolution over (time, row, column): two frames back, none ahead.

    The sequence is laid over `shape` = (b, t, h, w) in memory order, whatever order it is in: the released temporal
    encoder hands over (b, h, w, t), so there the convolution runs over a folded picture, and its weights know it so.
    """

    def __init__(self, width: int):
        super().__init__()
        self.dsconv = nn.Conv3d(width, width, 3, groups=width)

    def forward(self, x: Float[Tensor, "r n d"], shape: tuple[int, int, int, int]) -> Float[Tensor, "r n d"]:
        video = rearrange(x.reshape(*shape, -1), "b t h w d -> b d t h w")
        out = self.dsconv(F.pad(video, (1, 1, 1, 1, 2, 0)))
        return rearrange(out, "b d t h w -> b t h w d").reshape(x.shape)


class Attention(nn.Module):
    """Attention over normalised queries and, where there is no `context`, over the input as it came.

    Keys and values see the norm of `context` (`context_norm`, without effect in self-attention), never that of `x`.
    """

    def __init__(self, width: int, num_heads: int, head_width: int, num_null: int):
        super().__init__()
        self.num_heads, inner = num_heads, num_heads * head_width
        self.null_kv = nn.Parameter(torch.randn(num_heads, 2 * num_null, head_width))
        self.q_scale, self.k_scale = nn.Parameter(torch.ones(head_width)), nn.Parameter(torch.ones(head_width))
        self.norm, self.context_norm = Norm(width), Norm(width)
        self.to_q = nn.Linear(width, inner, bias=False)
        self.to_kv = nn.Linear(width, 2 * inner, bias=False)
        self.to_out = nn.Linear(inner, width, bias=False)

    def forward(
        self,
        x: Float[Tensor, "r n d"],
        context: Float[Tensor, "r l d"] | None = None,
        bias: Float[Tensor, "heads n n"] | None = None,
    ) -> Float[Tensor, "r n d"]:
        source = x if context is None else self.context_norm(context)
        q = rearrange(self.to_q(self.norm(x)), "r n (heads e) -> r heads n e", heads=self.num_heads)
        k, v = rearrange(self.to_kv(source), "r n (two heads e) -> two r heads n e", two=2, heads=self.num_heads)
        null_k, null_v = rearrange(self.null_kv, "heads (null two) e -> two heads null e", two=2)
        k, v = (torch.cat([null.expand(len(x), -1, -1, -1), y], dim=2) for null, y in ((null_k, k), (null_v, v)))
        q, k = F.normalize(q, dim=-1) * self.q_scale, F.normalize(k, dim=-1) * self.k_scale
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=None if bias is None else bias[None], scale=8.0)
        return self.to_out(rearrange(out, "r heads n e -> r n (heads e)"))


class Gate(nn.Module):
    """First half times the GELU of the second."""

    def forward(self, x: Float[Tensor, "r n e"]) -> Float[Tensor, "r n f"]:
        value, gate = x.chunk(2, dim=-1)
        return value * F.gelu(gate)


class Transformer(nn.Module):
    """Layers of position convolution, self-attention, cross-attention where `has_cross`, and feed-forward."""

    def __init__(self, width: int, num_heads: int, head_width: int, num_layers: int, *, has_cross: bool = False):
        super().__init__()
        inner = int(4 * (2 / 3) * width)
        self.layers = nn.ModuleList()
        for _ in range(num_layers):
            layer = {
                "0": PositionConvolution(width),
                "1": Attention(width, num_heads, head_width, 0),
                "2": Attention(width, num_heads, head_width, NUM_NULL) if has_cross else None,
                "3": nn.Sequential(
                    nn.LayerNorm(width),
                    nn.Linear(width, 2 * inner, bias=False),
                    Gate(),
                    nn.Identity(),  # where the released code drops out; holds the place of the next name
                    nn.Linear(inner, width, bias=False),
                ),
            }
            self.layers.append(nn.ModuleDict({name: part for name, part in layer.items() if part is not None}))
        self.norm_out = Norm(width)

    def forward(
        self,
        x: Float[Tensor, "r n d"],
        shape: tuple[int, int, int, int],
        *,
        context: Float[Tensor, "r l d"] | None = None,
        bias: Float[Tensor, "heads n n"] | None = None,
    ) -> Float[Tensor, "r n d"]:
        """Run the sequences `x`, which lie over `shape` = (b, t, h, w) in memory order."""
        for layer in self.layers:
            x = x + layer["0"](x, shape)
            x = x + layer["1"](x, bias=bias)
            if "2" in layer:
                x = x + layer["2"](x, context=context)
            x = x + layer["3"](x)
        return self.norm_out(x)
