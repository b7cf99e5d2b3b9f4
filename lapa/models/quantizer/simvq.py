"""SimVQ: the codes are one linear map of random vectors, so that all of them move when any is learnt."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.models.quantizer.contract import Mode, Quantized, Quantizer


class SimVQ(Quantizer):
    """One latent per token and one codebook for all tokens, which turns and stretches as a whole.

    No code is left behind, so none is placed on latents or revived: `initialise`, `follow` and `revive` do nothing.
    The decoder's gradient reaches the latents by the rotation trick, not straight through.

    Source: SimVQ (arXiv 2411.02038) with the rotation trick (arXiv 2410.06424), from vector-quantize-pytorch.
    """

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        from vector_quantize_pytorch import SimVQ as LinearCodes  # slow to import, and only rivals need it

        self.num_latents, self.code_width = num_tokens, code_width
        self.linear = LinearCodes(code_width, codebook_size, rotation_trick=True)

    def codebooks(self) -> Float[Tensor, "l k q"]:
        with self._exact():
            return self.linear.codebook.expand(self.num_latents, -1, -1)

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        distances = (latents.float()[:, :, None] - self.codebooks()[0]).square().sum(-1)
        return distances.argmin(-1), distances

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        return self.codebooks()[0][tokens]

    def forward(
        self, latents: Float[Tensor, "b m q"], *, mode: Mode = "codes", generator: torch.Generator | None = None
    ) -> Quantized:
        if mode == "noise":
            return super().forward(latents, mode=mode, generator=generator)
        tokens, distances = self.nearest(latents)
        with self._exact():
            value, _, loss = self.linear(latents.float())
        return Quantized(value=value, tokens=tokens, distances=distances, loss=loss)

    def _exact(self) -> torch.autocast:
        """Keep the linear map of the codes out of half precision, in which training and inference would differ."""
        return torch.autocast(self.linear.frozen_codebook.device.type, enabled=False)
