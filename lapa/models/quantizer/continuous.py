"""No quantiser at all: the decoder is fed the latents themselves, the upper bound of what tokens could say."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.models.quantizer.contract import Mode, Quantized, Quantizer
from lapa.types import LapaError


class Continuous(Quantizer):
    """As many latents as there would be tokens, and none of these; nothing is learned here, or tied to anything."""

    has_tokens = False

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        self.num_latents, self.codebook_size, self.code_width = num_tokens, codebook_size, code_width

    def codebooks(self) -> Float[Tensor, "l k q"]:
        return torch.zeros(0, self.codebook_size, self.code_width)

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        num_rows, size = len(latents), self.codebook_size
        return latents.new_zeros(num_rows, 0, dtype=torch.int64), latents.new_zeros(num_rows, 0, size).float()

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Refuse: there are no tokens.

        Raises:
            LapaError: always.
        """
        raise LapaError("this quantizer is continuous, it has no tokens to decode: choose one that quantises")

    def forward(
        self, latents: Float[Tensor, "b m q"], *, mode: Mode = "codes", generator: torch.Generator | None = None
    ) -> Quantized:
        latents = latents.float()
        tokens, distances = self.nearest(latents)
        return Quantized(value=latents, tokens=tokens, distances=distances, loss=latents.new_zeros(()))
