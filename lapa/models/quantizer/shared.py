"""The paper's layout, one latent per token and one codebook for all tokens, whose codes move in two ways.

NSVQ    by gradient: the paper's (Appendix A)
EMAVQ   as running means of the latents they stand for
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.models.quantizer.learned import LearnedCodes


class SharedCodes(LearnedCodes):
    """Tokens that each say the code nearest to a latent of their own."""

    num_codebooks = 1
    codebook: Tensor

    def codebooks(self) -> Float[Tensor, "l k q"]:
        return self.codebook.expand(self.num_latents, -1, -1)

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        distances = (latents.float()[:, :, None] - self.codebook.float()).square().sum(-1)
        return distances.argmin(-1), distances

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        return self.codebook[tokens]

    def wanted(self, latents: Float[Tensor, "b m q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, "b l q"]:
        return latents.float()


class NSVQ(SharedCodes):
    """One latent per token, and one codebook for all tokens, which learns by gradient."""

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        self.num_latents, self.code_width = num_tokens, code_width
        self.codebook = nn.Parameter(torch.randn(codebook_size, code_width))

    def tie(self, latents: Float[Tensor, "b l q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, ""]:
        return F.mse_loss(points, latents.detach()) + super().tie(latents, points)

    def set_codes(self, book: int, codes: Int[Tensor, "n"], vectors: Float[Tensor, "n q"]) -> None:
        self.codebook.data[codes.to(self.codebook.device)] = vectors.to(self.codebook)


class EMAVQ(SharedCodes):
    """One latent per token, and one codebook for all tokens, whose codes are running means.

    Source: VQ-VAE with EMA codes (arXiv 1711.00937, appendix A.1), what most latent action models use (Genie, Moto,
    UniVLA); the running means are those of vector-quantize-pytorch. Unused codes are revived as everyone's here, from
    a generator that is given, where the library draws from the global one.
    """

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        from vector_quantize_pytorch import VectorQuantize  # slow to import, and only rivals need it

        self.num_latents, self.code_width = num_tokens, code_width
        self.vq = VectorQuantize(
            code_width, codebook_size, rotation_trick=False, threshold_ema_dead_code=0, sync_codebook=False
        )  # the latents it is given are those of all processes

    @property
    def codebook(self) -> Float[Tensor, "k q"]:
        return self.vq.codebook

    def set_codes(self, book: int, codes: Int[Tensor, "n"], vectors: Float[Tensor, "n q"]) -> None:
        means = self.vq._codebook
        codes, mass = codes.to(means.embed.device), means.cluster_size.mean()
        means.embed[0, codes] = vectors.to(means.embed)
        means.embed_avg[0, codes], means.cluster_size[0, codes] = vectors.to(means.embed) * mass, mass

    @torch.no_grad()
    def follow(self, latents: Float[Tensor, "n m q"], decay: float) -> None:
        self.vq._codebook.decay = decay
        self.vq.update_indices(latents, self.nearest(latents)[0])
