"""Codes that are vectors of their own: placed on latents at the start, moved onto them when nobody takes them."""

from __future__ import annotations

from abc import abstractmethod

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from lapa.models.quantizer.contract import Quantizer


class LearnedCodes(Quantizer):
    """A quantizer with one or several codebooks; `num_codebooks` divides the number of tokens."""

    num_codebooks: int

    @abstractmethod
    def wanted(self, latents: Float[Tensor, "b m q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, "b l q"]:
        """Return the vector that each token's code stands for: its latent, or what earlier tokens left of it."""

    @abstractmethod
    def set_codes(self, book: int, codes: Int[Tensor, "n"], vectors: Float[Tensor, "n q"]) -> None:
        """Overwrite codes of a codebook."""

    @torch.no_grad()
    def initialise(self, latents: Float[Tensor, "n m q"], generator: torch.Generator) -> None:
        """Place the codes on spread-out latents (k-means++ seeding), book by book, so that none starts dead."""
        num_codes = self.codebooks().shape[1]
        for book in range(self.num_codebooks):
            self.set_codes(book, torch.arange(num_codes), spread(self._rows(latents)[book], num_codes, generator))

    @torch.no_grad()
    def revive(
        self, counts: Int[Tensor, "l k"], latents: Float[Tensor, "n m q"], generator: torch.Generator, share: float
    ) -> int:
        """Move codes that took less than `share` of an even portion onto recent latents; return how many moved.

        Source: NSVQ's replacement of unused codebooks; it draws from latents, where theirs perturbs used codes.
        """
        moved = 0
        uses = counts.unflatten(0, (self.num_codebooks, -1)).sum(1)
        for book, (count, rows) in enumerate(zip(uses, self._rows(latents), strict=True)):
            dead = torch.nonzero(count < share * count.sum() / len(count)).flatten()
            self.set_codes(book, dead, rows[torch.randint(len(rows), (len(dead),), generator=generator)])
            moved += len(dead)
        return moved

    def _rows(self, latents: Float[Tensor, "n m q"]) -> Float[Tensor, "books rows q"]:
        """Return the vectors that each codebook quantises (see `wanted`), on the CPU, where generators draw."""
        latents = latents.to(self.codebooks().device)
        wanted = self.wanted(latents, self.place(self.nearest(latents)[0]))
        return rearrange(wanted, "n (books s) q -> books (n s) q", books=self.num_codebooks).cpu()


def spread(rows: Float[Tensor, "n q"], num: int, generator: torch.Generator) -> Float[Tensor, "num q"]:
    """Draw `num` of `rows` far from one another. Source: k-means++ seeding (Arthur & Vassilvitskii 2007)."""
    chosen = rows[torch.randint(len(rows), (1,), generator=generator)]
    while len(chosen) < num:
        gap = torch.cdist(rows, chosen).square().min(dim=1).values + 1e-9
        chosen = torch.cat([chosen, rows[torch.multinomial(gap, 1, generator=generator)]])
    return chosen
