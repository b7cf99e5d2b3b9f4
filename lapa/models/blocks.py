"""Transformer parts of the quantizer: attention with a position bias, gated feed-forward, pre-norm layers.

Source: the C-ViViT blocks of the released LAPA code (paper, Appendix A), with its slips left out: keys and values come
from the normalised input like the queries, no convolution folds time into space, no parameter is without effect.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class RelativePositionBias(nn.Module):
    """One bias per head and pair of patches, a small MLP of their log-spaced offset.

    Source: continuous position bias of Swin v2, as the released encoder uses it; the MLP here is 32 wide.
    """

    def __init__(self, grid: int, num_heads: int, width: int = 32):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.1), nn.Linear(width, num_heads))
        steps = torch.arange(grid)
        position = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1).reshape(-1, 2)
        offset = (position[:, None] - position[None]).float()
        self.register_buffer("log_offset", offset.sign() * offset.abs().add(1).log(), persistent=False)

    def forward(self) -> Float[Tensor, "heads p p2"]:
        return rearrange(self.mlp(self.log_offset), "i j heads -> heads i j")


class Attention(nn.Module):
    """Multi-head attention of `x` to `context` (to itself if None).

    Queries and keys are L2-normalised per head, scaled by learned vectors and by 8, as in the released code.
    """

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_kv = nn.Linear(width, 2 * width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        head = width // num_heads
        self.scale_q, self.scale_k = nn.Parameter(torch.ones(head)), nn.Parameter(torch.ones(head))

    def forward(
        self,
        x: Float[Tensor, "b s d"],
        context: Float[Tensor, "b s2 d"] | None = None,
        bias: Float[Tensor, "heads s s2"] | None = None,
        is_causal: bool = False,
    ) -> Float[Tensor, "b s d"]:
        source = x if context is None else context
        q = rearrange(self.to_q(x), "b s (heads e) -> b heads s e", heads=self.num_heads)
        k, v = rearrange(self.to_kv(source), "b s (two heads e) -> two b heads s e", two=2, heads=self.num_heads)
        q = F.normalize(q, dim=-1) * self.scale_q.to(q.dtype)
        k = F.normalize(k, dim=-1) * self.scale_k.to(k.dtype)
        mask = None if bias is None else bias.to(q.dtype)[None]
        out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=is_causal, scale=8.0)
        return self.to_out(rearrange(out, "b heads s e -> b s (heads e)"))


class FeedForward(nn.Module):
    """Gated feed-forward (GEGLU), 8/3 wide so that it has the size of a plain one 4 wide."""

    def __init__(self, width: int):
        super().__init__()
        inner = width * 8 // 3
        self.expand = nn.Linear(width, 2 * inner, bias=False)
        self.contract = nn.Linear(inner, width, bias=False)

    def forward(self, x: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        value, gate = self.expand(x).chunk(2, dim=-1)
        return self.contract(value * F.gelu(gate))


class Layer(nn.Module):
    """Pre-norm transformer layer: self-attention, cross-attention where `has_cross`, feed-forward."""

    def __init__(self, width: int, num_heads: int, *, has_cross: bool = False):
        super().__init__()
        self.norm_attention, self.attention = nn.LayerNorm(width), Attention(width, num_heads)
        self.norm_cross = nn.LayerNorm(width) if has_cross else None
        self.cross = Attention(width, num_heads) if has_cross else None
        self.norm_forward, self.feed_forward = nn.LayerNorm(width), FeedForward(width)

    def forward(
        self,
        x: Float[Tensor, "b s d"],
        *,
        context: Float[Tensor, "b l d"] | None = None,
        bias: Float[Tensor, "heads s s2"] | None = None,
        is_causal: bool = False,
    ) -> Float[Tensor, "b s d"]:
        x = x + self.attention(self.norm_attention(x), bias=bias, is_causal=is_causal)
        if self.cross is not None:
            x = x + self.cross(self.norm_cross(x), context=context)
        return x + self.feed_forward(self.norm_forward(x))


class Transformer(nn.Module):
    """A stack of layers and a final norm."""

    def __init__(self, width: int, num_heads: int, num_layers: int, *, has_cross: bool = False):
        super().__init__()
        self.layers = nn.ModuleList(Layer(width, num_heads, has_cross=has_cross) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, x: Float[Tensor, "b s d"], **kwargs) -> Float[Tensor, "b s d"]:
        for layer in self.layers:
            x = layer(x, **kwargs)
        return self.norm(x)
