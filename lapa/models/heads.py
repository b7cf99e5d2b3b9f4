"""Pixel heads of the decoder: from patch tokens to the future frame.

`WarpHead` says how the pixels of the current frame move and what must be painted that no pixel can give, a `Change`;
`apply` brings it to a frame of any size. `LinearHead` is the paper's one linear layer per patch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lapa.models.enlarge import change_enlarged


@dataclass(frozen=True, eq=False)
class Change:
    """What happens to a frame: flow [b 2 h w] (see `warp`), mask [b 1 h w] and paint [b 3 h w], both in [0, 1]."""

    flow: Tensor
    mask: Tensor
    paint: Tensor

    def resized(self, height: int, width: int) -> Change:
        """Return the same change at another resolution, bilinearly; itself at its own."""
        size = self.flow.shape[-2:]
        if size == (height, width):
            return self
        maps = torch.cat([self.flow, self.mask, self.paint], dim=1)
        is_smaller = height < size[0] or width < size[1]
        resized = F.interpolate(maps, (height, width), mode="bilinear", align_corners=False, antialias=is_smaller)
        return Change(*resized.split((2, 1, 3), dim=1))


def apply(change: Change, frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Return the future of a frame of any size: (1 - mask) * warp(frame, flow) + mask * paint.

    Flow is measured in pictures, not pixels, so that it fits every size; what only moves stays as sharp as `frame`.
    """
    height, width = change.flow.shape[-2:]
    is_larger = frame.shape[-2] > height and frame.shape[-1] > width
    if is_larger and frame.device.type == "cpu" and not torch.is_grad_enabled():
        return change_enlarged(change.flow, change.mask, change.paint, frame)
    change = change.resized(*frame.shape[-2:])
    return (1 - change.mask) * warp(frame, change.flow) + change.mask * change.paint


class LinearHead(nn.Module):
    """One linear layer per patch, added to the current frame.

    Source: paper, Appendix A (`to_pixels` of the released code); the residual on the current frame is ours.
    """

    def __init__(self, width: int, patch: int):
        super().__init__()
        self.patch = patch
        self.to_pixels = nn.Linear(width, 3 * patch * patch)
        nn.init.zeros_(self.to_pixels.weight)
        nn.init.zeros_(self.to_pixels.bias)

    def forward(self, tokens: Float[Tensor, "b p d"], frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        rows = frame.shape[-2] // self.patch
        change = rearrange(
            self.to_pixels(tokens), "b (r s) (c y x) -> b c (r y) (s x)", r=rows, c=3, y=self.patch, x=self.patch
        )
        return frame + change.float()


class WarpHead(nn.Module):
    """Convolutions with skips from the current frame; out come a flow, a mask and paint.

    Attributes:
        patch: the side of the patches it draws, in pixels.

    Source: ours, in the line of flow-based video prediction; measured against `LinearHead` in assets/docs/LOG.md.
    """

    patch = 16

    def __init__(self, width: int, patch: int):
        super().__init__()
        assert patch == self.patch, "the head doubles its size four times"
        self.skip_2 = nn.Conv2d(12, 16, 3, padding=1)
        self.skip_4 = nn.Conv2d(16, 32, 4, stride=2, padding=1)
        self.skip_8 = nn.Conv2d(32, 48, 4, stride=2, padding=1)
        self.from_tokens = nn.Conv2d(width, 96, 1)
        self.up_8 = _block(96 + 48, 80)
        self.up_4 = _block(80 + 32, 48)
        self.up_2 = nn.Sequential(nn.Conv2d(48 + 16, 32, 3, padding=1), nn.SiLU())
        self.to_flow = nn.Conv2d(32, 2, 3, padding=1)
        self.to_paint = nn.Conv2d(32, 16, 3, padding=1)
        nn.init.zeros_(self.to_flow.weight)
        nn.init.zeros_(self.to_flow.bias)

    def see(self, frame: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the convolutions make of the current frame, at a half, a quarter and an eighth of its size."""
        at_2 = F.silu(self.skip_2(F.pixel_unshuffle(frame, 2).contiguous(memory_format=torch.channels_last)))
        at_4 = F.silu(self.skip_4(at_2))
        return at_2, at_4, F.silu(self.skip_8(at_4))

    def forward(self, tokens: Float[Tensor, "b p d"], frame: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
        return apply(self.change(tokens, frame), frame)

    def change(self, tokens: Float[Tensor, "b p d"], frame: Float[Tensor, "b 3 h w"]) -> Change:
        """Say what happens to a frame, at its size."""
        at_2, at_4, at_8 = self.see(frame)
        grid = rearrange(tokens, "b (r s) d -> b d r s", r=frame.shape[-2] // 16)
        x = self.up_8(torch.cat([_double(self.from_tokens(grid)), at_8], dim=1))
        x = self.up_4(torch.cat([_double(x), at_4], dim=1))
        x = self.up_2(torch.cat([_double(x), at_2], dim=1))
        flow = F.interpolate(self.to_flow(x).float(), scale_factor=2, mode="bilinear", align_corners=False)
        painted = F.pixel_shuffle(self.to_paint(x).float(), 2)
        return Change(flow, torch.sigmoid(painted[:, :1] - 4.0), torch.sigmoid(painted[:, 1:]))


def warp(frame: Float[Tensor, "b 3 h w"], flow: Float[Tensor, "b 2 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Fetch each pixel from where `flow` points; flow (x, y) is in tenths of the picture's half side.

    Bicubic: a dream fetches again and again, and bilinear fetching blurs a little more each time (assets/docs/LOG.md).
    """
    height, width = frame.shape[-2:]
    y = torch.linspace(-1 + 1 / height, 1 - 1 / height, height, device=frame.device)
    x = torch.linspace(-1 + 1 / width, 1 - 1 / width, width, device=frame.device)
    identity = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    target = identity + 0.1 * rearrange(flow, "b two h w -> b h w two")
    return F.grid_sample(frame.float(), target, mode="bicubic", padding_mode="border", align_corners=False)


def _block(num_in: int, num_out: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(num_in, num_out, 3, padding=1), nn.GroupNorm(8, num_out), nn.SiLU())


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
