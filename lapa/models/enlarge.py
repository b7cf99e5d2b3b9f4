"""A small change brought to a large picture on a CPU, by OpenCV: several times as fast as torch's bicubic sampling.

OpenCV's kernels are the same (bicubic with a = -0.75, bilinear between pixel centres, borders repeated), so that what
comes out differs by rounding only.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor


def change_enlarged(
    flow: Float[Tensor, "b 2 y x"],
    mask: Float[Tensor, "b 1 y x"],
    paint: Float[Tensor, "b 3 y x"],
    frame: Float[Tensor, "b 3 h w"],
) -> Float[Tensor, "b 3 h w"]:
    """Return (1 - mask) * warp(frame, flow) + mask * paint with the maps enlarged to the frame's size.

    As `lapa.models.heads.apply`, but on the CPU and without gradients.
    """
    maps = [part.float().permute(0, 2, 3, 1).numpy() for part in (flow, mask, paint, frame)]
    futures = np.stack([_one(*parts) for parts in zip(*maps, strict=True)])
    return torch.from_numpy(futures).permute(0, 3, 1, 2)


def _one(flow: np.ndarray, mask: np.ndarray, paint: np.ndarray, frame: np.ndarray) -> Float32[np.ndarray, "h w 3"]:
    height, width = frame.shape[:2]
    flow, mask, paint = (cv2.resize(np.ascontiguousarray(part), (width, height)) for part in (flow, mask, paint))
    x = np.arange(width, dtype=np.float32) + np.float32(0.05 * width) * flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.05 * height) * flow[..., 1]
    moved = cv2.remap(np.ascontiguousarray(frame), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    paint -= moved
    paint *= mask[..., None]
    moved += paint
    return moved
