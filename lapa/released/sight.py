"""What a released policy sees of a frame: squashed to 256 x 256 as its training pictures were.

First the longer side becomes 256 pixels, then both do, each time by plain bilinear interpolation (four neighbours, no
antialiasing) with rounding to whole levels in between.

Source: assets/docs/released_formats.md ("Pictures"; albumentations on OpenCV). Differs: exact weights where OpenCV's
are in steps of 1/2048, so single pixels may differ by one level.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

from lapa.frames import check_frame
from lapa.types import Frame


def squash(frame: Frame, size: int = 256) -> Frame:
    """Return the frame as the policy's training would have seen it, uint8 [size size 3]."""
    check_frame(frame)
    height, width = frame.shape[:2]
    scale = size / max(height, width)
    if scale != 1.0:
        frame = _bilinear(frame, round(height * scale), round(width * scale))
    return _bilinear(frame, size, size)


def center_crop(frame: Frame, share: float = 0.9) -> Frame:
    """Return the middle of a squashed frame, its full width and `share` of its height, stretched to its size.

    What the authors' robot policies look at (their `image_aug`): the width is not cropped there either.
    """
    size = len(frame)
    rows = int(size * share)
    top = (size - rows) // 2
    return _bilinear(frame[top : top + rows], size, size)


def _bilinear(frame: Frame, height: int, width: int) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    pixels = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].double()
    out = F.interpolate(pixels, (max(height, 1), max(width, 1)), mode="bilinear", align_corners=False)
    return out.round().clamp(0, 255).to(torch.uint8)[0].permute(1, 2, 0).contiguous().numpy()
