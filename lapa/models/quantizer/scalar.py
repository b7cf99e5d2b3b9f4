"""Codes that nobody learns: the latents are rounded number by number, and the codes are what rounding implies.

    FSQ   each number to one of a few levels
    LFQ   each number to its sign

There are no codes to place, to follow latents or to revive: `initialise`, `follow` and `revive` do nothing. A token's
latent has as many numbers as rounding needs, whatever `code_width` asks for.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.models.quantizer.contract import Quantizer
from lapa.types import LapaError

LEVELS = range(3, 9)
"""How many levels a number may have where a token has several."""


class FSQ(Quantizer):
    """Finite scalar quantisation: 8 codes are 8 levels of one number, 64 those of two.

    Source: FSQ (arXiv 2309.15505), from vector-quantize-pytorch. Differs: the latents come bounded (by the model's
    tanh), so that the library clamps where the paper has its tanh, and a code is its own nearest. Nothing happened
    (0) is a code, as in the paper.

    Raises:
        LapaError: for fewer than three codes.
    """

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        from vector_quantize_pytorch import FSQ as Rounding  # slow to import, and only rivals need it

        levels = levels_of(codebook_size)
        self.num_latents, self.code_width = num_tokens, len(levels)
        self.rounding = Rounding(levels, bound_hard_clamp=True)
        steps = torch.tensor(levels)
        self.register_buffer("half_levels", (steps - 1) * 1.001 / 2, persistent=False)  # as the library stretches
        self.register_buffer("half_width", (steps // 2).float(), persistent=False)

    def codebooks(self) -> Float[Tensor, "l k q"]:
        return self.rounding.implicit_codebook.expand(self.num_latents, -1, -1)

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        latents = latents.float()
        tokens = self.rounding.codes_to_indices(self.rounding.quantize(latents)).long()
        at = latents * self.half_levels / self.half_width  # rounding is to the nearest code from here
        return tokens, (at[:, :, None] - self.rounding.implicit_codebook).square().sum(-1)

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        return self.rounding.indices_to_codes(tokens)

    def tie(self, latents: Float[Tensor, "b l q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, ""]:
        return latents.new_zeros(())


class LFQ(Quantizer):
    """Lookup-free quantisation: 8 codes are the signs of three numbers.

    Its loss wants each token sure and all codes used. Nothing happened (0) lies between all codes.

    Source: LFQ (MAGVIT-v2, arXiv 2310.05737), from vector-quantize-pytorch. Differs: the entropies weigh 0.01, a tenth
    of the library's, because our reconstruction errors are small numbers (assets/docs/LOG.md).

    Raises:
        LapaError: if the number of codes is no power of two.
    """

    def __init__(self, num_tokens: int, codebook_size: int, code_width: int):
        super().__init__()
        from vector_quantize_pytorch import LFQ as Signs  # slow to import, and only rivals need it

        if codebook_size < 2 or codebook_size & (codebook_size - 1):
            raise LapaError(f"LFQ cannot have {codebook_size} codes: give a power of two, such as 8")
        self.num_latents, self.code_width = num_tokens, codebook_size.bit_length() - 1
        self.signs = Signs(dim=self.code_width, entropy_loss_weight=0.01, commitment_loss_weight=0.05)

    def codebooks(self) -> Float[Tensor, "l k q"]:
        return self.signs.codebook.expand(self.num_latents, -1, -1)

    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        latents = latents.float()
        distances = (latents[:, :, None] - self.signs.codebook).square().sum(-1)
        return ((latents > 0) * self.signs.mask).sum(-1), distances

    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        return self.signs.indices_to_codes(tokens)

    def tie(self, latents: Float[Tensor, "b l q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, ""]:
        with torch.autocast(latents.device.type, enabled=False):  # its softmax is sharp
            return self.signs(latents).entropy_aux_loss


def levels_of(codebook_size: int) -> list[int]:
    """Return the fewest numbers of levels, each in `LEVELS`, whose product is `codebook_size`, as even as they can be.

    One number with all levels where there are none, such as for 11 codes.

    Raises:
        LapaError: for fewer than three codes.
    """
    if codebook_size < 3:
        raise LapaError(f"FSQ cannot have {codebook_size} codes: give 3 or more")
    found = _factors(codebook_size, LEVELS[-1])
    return min(found, key=lambda levels: (len(levels), max(levels))) if found else [codebook_size]


def _factors(product: int, largest: int) -> list[list[int]]:
    """Return all ways to write a product of numbers in `LEVELS`, falling, none above `largest`."""
    if product == 1:
        return [[]]
    fitting = [level for level in LEVELS if level <= largest and product % level == 0]
    return [[level, *rest] for level in fitting for rest in _factors(product // level, level)]
