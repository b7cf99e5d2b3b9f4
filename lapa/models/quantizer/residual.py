"""The layout that is shipped: a codebook for each token, which says what those before it left over."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from lapa.models.quantizer.learned import LearnedCodes


class ResidualVQ(LearnedCodes):
    """One latent for all tokens: each token's code is added to the sum of those before it.

    Tokens that each quantise a latent of their own, as in the paper, end up repeating each other (assets/docs/LOG.md);
    here a repetition would be wasted. The decoder is fed the running sums, so it sees coarse and fine. Codes are the
    running means of what they stand for: at the learning rate that the first token's need, the last's would jump about.

    Source: residual vector quantisation with EMA codes (SoundStream, arXiv 2107.03312).
    """

    num_latents = 1

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        self.num_codebooks, self.code_width = num_tokens, code_width
        self.register_buffer("codebook", torch.randn(num_tokens, codebook_size, code_width))
        self.register_buffer("mass", torch.ones(num_tokens, codebook_size))

    def codebooks(self) -> Float[Tensor, "l k q"]:
        return self.codebook

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        left, tokens, distances = latents.float()[:, 0], [], []
        for codes in self.codebook.float():
            distances.append((left[:, None] - codes).square().sum(-1))
            tokens.append(distances[-1].argmin(-1))
            left = left - codes[tokens[-1]]
        return torch.stack(tokens, 1), torch.stack(distances, 1)

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        codes = self.codebook[torch.arange(len(self.codebook), device=tokens.device), tokens]
        return codes.cumsum(dim=1)

    def wanted(self, latents: Float[Tensor, "b m q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, "b l q"]:
        before = torch.cat([torch.zeros_like(points[:, :1]), points[:, :-1]], dim=1)
        return latents.float() - before

    def set_codes(self, book: int, codes: Int[Tensor, "n"], vectors: Float[Tensor, "n q"]) -> None:
        codes = codes.to(self.codebook.device)
        self.codebook[book, codes] = vectors.to(self.codebook)
        self.mass[book, codes] = self.mass[book].mean()

    @torch.no_grad()
    def follow(self, latents: Float[Tensor, "n m q"], decay: float) -> None:
        tokens, _ = self.nearest(latents)
        wanted, taken = self.wanted(latents, self.place(tokens)), F.one_hot(tokens, self.codebook.shape[1]).float()
        sums = torch.einsum("nlk,nlq->lkq", taken, wanted)
        mass = decay * self.mass + (1 - decay) * taken.sum(0)
        codes = decay * self.mass[..., None] * self.codebook + (1 - decay) * sums
        means = codes / mass.clamp(min=1e-6)[..., None]
        self.codebook.copy_(torch.where(mass[..., None] > 1e-6, means, self.codebook))  # what nobody took stays
        self.mass.copy_(mass)
