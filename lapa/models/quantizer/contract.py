"""What every quantizer promises: continuous latents in, tokens out, and points that the decoder is fed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.processes import num_processes, share

Mode = Literal["noise", "codes"]


@dataclass(frozen=True, eq=False)
class Quantized:
    """What quantisation gives.

    Attributes:
        value: [b l q], what the decoder is fed.
        tokens: int64 [b l].
        distances: [b l k], squared distance of what each token had to say to each of its codes.
        loss: scalar; 0 in mode "noise", else what ties codes and latents together.
    """

    value: Tensor
    tokens: Tensor
    distances: Tensor
    loss: Tensor


class Quantizer(nn.Module, ABC):
    """The contract; latents are [b m q] in [-1, 1], m of them for l tokens.

    Attributes:
        num_latents: m. code_width: q, which a layout may choose itself.
        has_tokens: whether anything is quantised; without, l is 0 in tokens and distances.

    `forward` never touches the codes: the training stage calls `initialise` once, `follow` after a step and `revive`
    now and then. These do nothing here: a layout whose codes are learned overrides them (`LearnedCodes`).

    `mode="noise"` replaces the error of quantisation by noise of its size, which needs no straight-through gradient
    (NSVQ, Vali & Backstrom 2022, as in the released LAPA code). `mode="codes"` feeds the decoder the codes themselves,
    straight through: in q dimensions noise hides only part of what the code drops, so a decoder that has seen nothing
    but noise relies on detail that is gone at inference.
    """

    num_latents: int
    code_width: int
    has_tokens = True

    @abstractmethod
    def codebooks(self) -> Float[Tensor, "l k q"]:
        """Return the code vectors each token chooses from, implied ones where none are learned."""

    @abstractmethod
    def nearest(self, latents: Float[Tensor, "b m q"]) -> tuple[Int[Tensor, "b l"], Float[Tensor, "b l k"]]:
        """Return the tokens of latents, and the squared distances they were chosen by."""

    @abstractmethod
    def place(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b l q"]:
        """Return the points that tokens stand for, one per token: what the decoder is fed."""

    def tie(self, latents: Float[Tensor, "b l q"], points: Float[Tensor, "b l q"]) -> Float[Tensor, ""]:
        """Return the loss that keeps latents near their codes (VQ-VAE's commitment)."""
        return 0.05 * F.mse_loss(latents, points.detach())

    def follow(self, latents: Float[Tensor, "n m q"], decay: float) -> None:
        """Move the codes towards the latents they stand for; nothing to do where gradients move them."""

    def initialise(self, latents: Float[Tensor, "n m q"], generator: torch.Generator) -> None:
        """Place the codes on latents."""

    def revive(
        self, counts: Int[Tensor, "l k"], latents: Float[Tensor, "n m q"], generator: torch.Generator, share: float
    ) -> int:
        """Move codes that took less than `share` of an even portion onto recent latents; return how many moved."""
        return 0

    def latent_of(self, tokens: Int[Tensor, "b l"]) -> Float[Tensor, "b m q"]:
        """Return where tokens stand among the latents."""
        return self.place(tokens)[:, -self.num_latents :]

    def forward(
        self, latents: Float[Tensor, "b m q"], *, mode: Mode = "codes", generator: torch.Generator | None = None
    ) -> Quantized:
        tokens, distances = self.nearest(latents)
        points, latents = self.place(tokens), latents.float()
        if mode == "noise":
            drawn = torch.randn(num_processes() * len(points), *points.shape[1:], generator=generator)
            noise = share(drawn).to(points.device)
            radius = (latents - points).norm(dim=-1, keepdim=True)
            value, loss = latents + radius * F.normalize(noise, dim=-1), latents.new_zeros(())
        else:
            value = points + (latents - latents.detach())
            loss = self.tie(latents.expand_as(points), points)
        return Quantized(value=value, tokens=tokens, distances=distances, loss=loss)
