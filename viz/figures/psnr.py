"""How near one picture comes to another."""

from __future__ import annotations

import numpy as np

from lapa.types import Frame


def psnr(picture: Frame, truth: Frame) -> float:
    """Return the peak signal-to-noise ratio of a picture, in dB; at most 99."""
    error = float(np.mean(np.square(picture.astype(np.float32) - truth.astype(np.float32))))
    return min(99.0, 10.0 * float(np.log10(255.0**2 / max(error, 1e-6))))
