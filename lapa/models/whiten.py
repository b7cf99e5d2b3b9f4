"""Whitening of frozen features, fitted once on training frames.

Most of the variance of a frozen encoder's features comes from a patch's position and from the background; a block's
colour and shape lie in directions of a hundredth of that size. Subtracting each patch's mean and scaling all directions
to unit variance brings them up to the rest.

Source: PCA whitening with shrinkage; what it is worth stands in assets/docs/LOG.md.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Whiten(nn.Module):
    """Subtracts each patch's mean and evens out the variance of all directions; the identity until it is fitted."""

    def __init__(self, num_patches: int, width: int, shrink: float = 1e-3):
        super().__init__()
        self.shrink = shrink
        self.register_buffer("mean", torch.zeros(num_patches, width))
        self.register_buffer("axes", torch.eye(width))

    @torch.no_grad()
    def fit(self, features: Float[Tensor, "n p e"]) -> None:
        """Measure mean and covariance; directions below `shrink` of the largest variance are not blown up further."""
        self.mean.copy_(features.mean(dim=0))
        rest = (features - self.mean.to(features)).flatten(0, 1)
        variance, directions = torch.linalg.eigh(rest.T @ rest / len(rest))
        variance = variance.clamp(min=0) + self.shrink * variance.max() + 1e-12
        self.axes.copy_(directions * variance.rsqrt())

    def forward(self, features: Float[Tensor, "b p e"]) -> Float[Tensor, "b p e"]:
        return (features - self.mean) @ self.axes
