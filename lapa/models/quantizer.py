"""NSVQ: the nearest code, with noise in place of the straight-through trick while training (paper, Appendix A).

Unused codes are revived by `revive`, which the training stage calls; `forward` never touches the codebook.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Mode = Literal["noise", "codes"]


@dataclass(frozen=True, eq=False)
class Quantized:
    """What quantisation gives.

    Attributes:
        value: [b l q], what the decoder is fed.
        tokens: int64 [b l].
        distances: [b l k], squared distance to each code.
        loss: scalar; 0 in mode "noise", else what ties codes and latents together.
    """

    value: Tensor
    tokens: Tensor
    distances: Tensor
    loss: Tensor


class NSVQ(nn.Module):
    """Noise-substitution vector quantisation over one codebook shared by all positions.

    Source: Vali & Backstrom 2022, as in the released LAPA code. Differs: `mode="codes"` feeds the decoder the codes
    themselves, straight through. In q dimensions the noise hides only part of what the code drops, so a decoder that
    has seen nothing but noise relies on detail that is gone at inference; the stage ends its runs in this mode.
    """

    def __init__(self, codebook_size: int, code_width: int):
        super().__init__()
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_width))

    def distances(self, latents: Float[Tensor, "b l q"]) -> Float[Tensor, "b l k"]:
        """Return squared distances to every code."""
        return (latents.float()[:, :, None] - self.codebook.float()).square().sum(-1)

    def forward(
        self, latents: Float[Tensor, "b l q"], *, mode: Mode = "codes", generator: torch.Generator | None = None
    ) -> Quantized:
        distances = self.distances(latents)
        tokens = distances.argmin(-1)
        codes = self.codebook[tokens]
        latents = latents.float()
        if mode == "noise":
            noise = torch.randn(latents.shape, generator=generator, device=latents.device)
            radius = (latents - codes).norm(dim=-1, keepdim=True)
            value, loss = latents + radius * F.normalize(noise, dim=-1), latents.new_zeros(())
        else:
            value = codes + (latents - latents.detach())
            loss = F.mse_loss(codes, latents.detach()) + 0.25 * F.mse_loss(latents, codes.detach())
        return Quantized(value=value, tokens=tokens, distances=distances, loss=loss)

    @torch.no_grad()
    def initialise(self, latents: Float[Tensor, "n q"], generator: torch.Generator) -> None:
        """Place the codes on spread-out latents (k-means++ seeding), so that none starts dead."""
        chosen = latents[torch.randint(len(latents), (1,), generator=generator)]
        while len(chosen) < len(self.codebook):
            gap = torch.cdist(latents, chosen).square().min(dim=1).values + 1e-9
            chosen = torch.cat([chosen, latents[torch.multinomial(gap, 1, generator=generator)]])
        self.codebook.copy_(chosen)

    @torch.no_grad()
    def revive(
        self, counts: Int[Tensor, "k"], latents: Float[Tensor, "n q"], generator: torch.Generator, share: float = 0.1
    ) -> int:
        """Move codes that took less than `share` of an even portion onto recent latents; return how many moved.

        Source: NSVQ's replacement of unused codebooks; it draws from latents, where theirs perturbs used codes.
        """
        dead = torch.nonzero(counts < share * counts.sum() / len(counts)).flatten()
        if len(dead):
            rows = torch.randint(len(latents), (len(dead),), generator=generator)
            self.codebook[dead] = latents[rows].to(self.codebook.dtype)
        return len(dead)
