"""The pixel border: uint8 [h w 3] outside, float32 [b c h w] in [0, 1] inside. Only this file converts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from lapa.types import Frame, LapaError


def resize(frame: Frame, height: int, width: int) -> Frame:
    """Resize one picture with antialiasing; the aspect is squashed, as in the released code."""
    check_frame(frame)
    if frame.shape[:2] == (height, width):
        return frame
    return np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0))


def to_pixels(frames: Sequence[Frame] | np.ndarray, size: int, device: torch.device | str = "cpu") -> Tensor:
    """Turn pictures of any size into model input.

    Returns:
        float32 [b c h w] in [0, 1] with h = w = size.
    """
    return pixels_from_uint8(np.stack([resize(frame, size, size) for frame in frames]), device)


def pixels_from_uint8(frames: UInt8[np.ndarray, "b h w 3"], device: torch.device | str = "cpu") -> Tensor:
    """Turn pictures that already have the model's size into float32 [b c h w] in [0, 1]."""
    batch = torch.from_numpy(np.ascontiguousarray(frames)).to(device)
    return rearrange(batch, "b h w c -> b c h w").contiguous().float().div_(255.0)


def to_frames(pixels: Float[Tensor, "b c h w"]) -> UInt8[np.ndarray, "b h w 3"]:
    """Turn model output into pictures; values outside [0, 1] are clipped."""
    scaled = pixels.detach().float().clamp(0.0, 1.0).mul_(255.0).round_().to(torch.uint8)
    return rearrange(scaled, "b c h w -> b h w c").cpu().numpy()


def check_frame(frame: np.ndarray) -> None:
    """Refuse what is not a colour picture.

    Raises:
        LapaError: if `frame` is not uint8 [h w 3].
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3 or 0 in frame.shape:
        raise LapaError(f"expected a colour picture, uint8 [h w 3], but got {frame.dtype} {list(frame.shape)}")
