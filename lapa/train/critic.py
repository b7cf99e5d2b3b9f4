"""A critic of drawn futures: a small net that learns to tell them from recorded ones, patch by patch.

A squared error is least where an unsure decoder leaves a thin arm out; a critic sees that it is missing. It judges only
where something changed: the rest of a picture is carried over and gives it nothing to learn.

Source: the patch critic of Isola et al. (2017, arXiv 1611.07004), which sees the frame before as well; hinge loss of
Lim and Ye (2017, arXiv 1705.02894); spectral normalisation of Miyato et al. (2018, arXiv 1802.05957).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """What a critic makes of each patch, high for recorded; [b 1 r s] each.

    Attributes:
        recorded, drawn: of the two, for the critic to learn from.
        fooled: of the drawn ones again, for the decoder to learn from: no gradient reaches the critic.
    """

    recorded: Tensor
    drawn: Tensor
    fooled: Tensor


class PatchCritic(nn.Module):
    """Scores patches of 8 pixels by what lies within 38 pixels; pictures are float [b 3 h w] in [0, 1]."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.layers = nn.Sequential(
            *_halve(6, width),
            *_halve(width, 2 * width),
            *_halve(2 * width, 4 * width),
            spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1)),
        )

    def forward(self, frame: Float[Tensor, "b 3 h w"], future: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 1 r s"]:
        """Score the patches of a future of `frame`."""
        return self.layers(torch.cat([frame, future], dim=1) * 2 - 1)

    def judge(
        self, frame: Float[Tensor, "b 3 h w"], recorded: Float[Tensor, "b 3 h w"], drawn: Float[Tensor, "b 3 h w"]
    ) -> Verdict:
        """Judge what was recorded and what was drawn after `frame`."""
        told = self(torch.cat([frame, frame]), torch.cat([recorded, drawn.detach()])).chunk(2)
        self.requires_grad_(False)
        fooled = self(frame, drawn)
        self.requires_grad_(True)
        return Verdict(recorded=told[0], drawn=told[1], fooled=fooled)


def critic_error(verdict: Verdict, weight: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the critic's loss, where `weight` is."""
    return _mean(F.relu(1 - verdict.recorded) + F.relu(1 + verdict.drawn), weight)


def fooling_error(verdict: Verdict, weight: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    """Return the decoder's loss, where `weight` is: low where the critic takes its pictures for recorded."""
    return -_mean(verdict.fooled, weight)


def _halve(width: int, next_width: int) -> tuple[nn.Module, nn.Module]:
    return spectral_norm(nn.Conv2d(width, next_width, 4, stride=2, padding=1)), nn.LeakyReLU(0.2)


def _mean(score: Float[Tensor, "b 1 r s"], weight: Float[Tensor, "b 1 h w"]) -> Float[Tensor, ""]:
    weight = F.adaptive_max_pool2d(weight, score.shape[-2:])
    return (weight * score).sum() / weight.sum().clamp(min=1)
