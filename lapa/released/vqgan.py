"""The image tokenizer of the released policy: a frame as 16 x 16 codes out of 8192, and back.

A convolutional VQGAN without attention, the same as LWM's. Pixels are float [b 3 h w] in [0, 1] as everywhere in this
program; the authors' [-1, 1] is inside.

Source: assets/docs/released_formats.md ("The image tokenizer"). Differs: the two-pass variance of PyTorch's GroupNorm,
where the authors' code takes E[x^2] - E[x]^2 (1e-4 in the latents).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from lapa.checkpoint import config_from, load_checkpoint
from lapa.types import LapaError

GROUPS, EPS = 32, 1e-6


@dataclass(frozen=True, kw_only=True)
class VQGANConfig:
    """Shape of the image tokenizer; the defaults are the released one."""

    base: int = 128
    """Channels at full resolution."""
    multipliers: tuple[int, ...] = (1, 2, 2, 4, 6)
    """Channels of each level, in units of `base`; each level but the last halves the picture."""
    num_blocks: int = 2
    """Residual blocks of a level of the encoder; the decoder has one more."""
    latent_channels: int = 64
    """Channels before and after the quantisation's 1 x 1 convolutions."""
    num_codes: int = 8192
    """Codes."""
    code_width: int = 64
    """Dimensions of a code."""
    image_size: int = 256
    """Side of the pictures it was trained on, in pixels."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(self.base * factor for factor in self.multipliers)


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice, and the input beside it."""

    def __init__(self, num_in: int, num_out: int):
        super().__init__()
        self.norm_in, self.conv_in = _norm(num_in), nn.Conv2d(num_in, num_out, 3, padding=1)
        self.norm_out, self.conv_out = _norm(num_out), nn.Conv2d(num_out, num_out, 3, padding=1)
        self.shortcut = nn.Conv2d(num_in, num_out, 1) if num_in != num_out else nn.Identity()

    def forward(self, x: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ h w"]:
        out = self.conv_in(F.silu(self.norm_in(x)))
        return self.shortcut(x) + self.conv_out(F.silu(self.norm_out(out)))


class Level(nn.Module):
    """Residual blocks, and the change of size after them, if any."""

    def __init__(self, num_in: int, num_out: int, num_blocks: int, resize: nn.Module):
        super().__init__()
        self.blocks = nn.Sequential(*(ResidualBlock(num_out if i else num_in, num_out) for i in range(num_blocks)))
        self.resize = resize

    def forward(self, x: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ _ _"]:
        return self.resize(self.blocks(x))


class Halve(nn.Module):
    """Halve the picture: one row below and one column to the right are padded, no others."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c _ _"]:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Double(nn.Module):
    """Double the picture by repetition, then convolve."""

    def __init__(self, width: int):
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c _ _"]:
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class Ends(nn.Module):
    """First convolution, levels, two middle blocks (before the levels in the decoder), last norm and convolution."""

    def __init__(self, first: nn.Conv2d, levels: list[Level], middle: int, last: nn.Conv2d, *, middle_first: bool):
        super().__init__()
        self.first, self.levels = first, nn.ModuleList(levels)
        self.middle = nn.Sequential(ResidualBlock(middle, middle), ResidualBlock(middle, middle))
        self.norm, self.last, self._middle_first = _norm(last.in_channels), last, middle_first

    def forward(self, x: Float[Tensor, "b _ h w"]) -> Float[Tensor, "b _ _ _"]:
        stages = [self.middle, *self.levels] if self._middle_first else [*self.levels, self.middle]
        x = self.first(x)
        for stage in stages:
            x = stage(x)
        return self.last(F.silu(self.norm(x)))


class VQGAN(nn.Module):
    """The image tokenizer."""

    def __init__(self, config: VQGANConfig):
        super().__init__()
        self.config = config
        widths, deepest = config.widths, config.widths[-1]
        down = [
            Level(before, width, config.num_blocks, Halve(width) if i + 1 < len(widths) else nn.Identity())
            for i, width, before in zip(range(len(widths)), widths, [widths[0], *widths[:-1]])
        ]
        up = [
            Level(before, width, config.num_blocks + 1, Double(width) if i else nn.Identity())
            for i, width, before in reversed(list(zip(range(len(widths)), widths, [*widths[1:], deepest])))
        ]
        z = config.latent_channels
        self.encoder = Ends(_conv(3, widths[0]), down, deepest, _conv(deepest, z), middle_first=False)
        self.decoder = Ends(_conv(z, deepest), up, deepest, _conv(widths[0], 3), middle_first=True)
        self.to_code = nn.Conv2d(z, config.code_width, 1)
        self.from_code = nn.Conv2d(config.code_width, z, 1)
        self.codebook = nn.Parameter(torch.empty(config.num_codes, config.code_width))

    def latents(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b q y x"]:
        """Return what is quantised."""
        return self.to_code(self.encoder(2.0 * pixels - 1.0))

    def encode(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        """Return the codes of pictures, a sixteenth of their size: the nearest ones by squared distance."""
        latents = self.latents(pixels)
        flat = rearrange(latents, "b q y x -> (b y x) q")
        distances = self.codebook.pow(2).sum(1) - 2 * flat @ self.codebook.T
        return distances.argmin(1).view(latents.shape[0], *latents.shape[2:])

    def decode(self, codes: Int[Tensor, "b y x"]) -> Float[Tensor, "b 3 h w"]:
        """Return the pictures that codes stand for, in [0, 1]."""
        vectors = rearrange(self.codebook[codes], "b y x q -> b q y x")
        return self.decoder(self.from_code(vectors)).clamp(-1.0, 1.0) / 2.0 + 0.5


def load_vqgan(path: str | Path) -> VQGAN:
    """Load an imported image tokenizer for inference, float32.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "vqgan", or does not fit its own config.
    """
    checkpoint = load_checkpoint(path, "vqgan")
    model = VQGAN(config_from(VQGANConfig, checkpoint.model, path))
    try:
        model.load_state_dict(checkpoint.tensors, strict=True)
    except RuntimeError as error:
        raise LapaError(f"the weights in '{path}' do not fit its config.json: import it again") from error
    return model.eval().requires_grad_(False)


def _conv(num_in: int, num_out: int) -> nn.Conv2d:
    return nn.Conv2d(num_in, num_out, 3, padding=1)


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(GROUPS, width, EPS)
