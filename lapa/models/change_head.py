"""Where the picture will have changed soon, later, and once the instruction is carried out: maps over its patches.

Read off the frame tokens, which see the instruction, half-way up the language model, so that the layers above can use
what was found. As a second task in latent pretraining it says of every patch what a latent action says only in sum, so
words are tied to places sooner; it needs nothing but video, as LAPA does.

Source: ours; not in the paper. What it is worth stands in assets/docs/LOG.md.
"""

from __future__ import annotations

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn


class ChangeHead(nn.Module):
    """A norm and a linear layer on frame tokens, each over `merge` x `merge` of the frame's `grid` x `grid` patches."""

    def __init__(self, width: int, grid: int, merge: int, num_maps: int = 1):
        super().__init__()
        self.rows, self.merge = grid // merge, merge
        self.norm, self.to_patches = nn.LayerNorm(width), nn.Linear(width, num_maps * merge**2)

    def forward(self, hidden: Float[Tensor, "b n d"]) -> Float[Tensor, "b m p"]:
        """Return the logits of each patch's share of changed pixels; the first places of `hidden` are the frame's."""
        under = self.to_patches(self.norm(hidden[:, : self.rows**2])).float()
        sides = {"r": self.rows, "s": self.rows, "y": self.merge, "x": self.merge}
        return rearrange(under, "b (r s) (m y x) -> b m (r y s x)", **sides)


def changed_share(
    frame: Float[Tensor, "b 3 h w"], later: Float[Tensor, "b 3 h w"], grid: int, threshold: float = 0.05
) -> Float[Tensor, "b p"]:
    """Return the share of each patch's pixels that differ by more than `threshold`, in [0, 1]."""
    apart = ((later - frame).abs().mean(dim=1) > threshold).float()
    return rearrange(apart, "b (r y) (s x) -> b (r s) (y x)", r=grid, s=grid).mean(-1)
