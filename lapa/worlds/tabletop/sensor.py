"""What a cheap camera does to a picture: exposure, colour cast, vignette, blur, noise, JPEG.

Shot noise grows with the root of the brightness, as it does in a camera; otherwise this is no model of one: all acts on
the picture's values as they are. Made by numpy and Pillow alone.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32
from PIL import Image, ImageFilter

from lapa.types import Frame


@dataclass(frozen=True, kw_only=True)
class Sensor:
    """One camera's faults, the same for a whole episode."""

    seed: int
    """Of the noise."""
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Exposure and white balance: what red, green and blue are multiplied by."""
    vignette: float = 0.2
    """How much darker the corners are, as a share."""
    blur_px: float = 0.5
    """Standard deviation of the blur at 128 pixels a side."""
    shot_noise: float = 0.02
    """Standard deviation of the noise of full white, as a share of it; of darker light by the square root."""
    read_noise: float = 0.008
    """Standard deviation of the noise that is there without light."""
    jpeg_quality: int = 75

    def record(self, frame: Frame, number: int) -> Frame:
        """Return the picture uint8 [h w 3] as this camera records it; noise depends on the frame's `number`."""
        rng = np.random.default_rng([self.seed, number])
        size = frame.shape[0]
        blurred = Image.fromarray(frame).filter(ImageFilter.GaussianBlur(self.blur_px * size / 128))
        light = np.asarray(blurred, np.float32) / 255 * (_falloff(size, self.vignette) * np.float32(self.gains))
        deviation = np.sqrt(self.shot_noise**2 * light + self.read_noise**2)
        noisy = light + deviation * rng.standard_normal(light.shape, np.float32)
        return _compressed((noisy.clip(0, 1) * 255 + 0.5).astype(np.uint8), self.jpeg_quality)


@lru_cache(maxsize=16)
def _falloff(size: int, vignette: float) -> Float32[np.ndarray, "h w 1"]:
    side = np.linspace(-1, 1, size, dtype=np.float32)
    return (1 - vignette * (side[:, None] ** 2 + side[None] ** 2) / 2)[..., None]


def _compressed(frame: Frame, quality: int) -> Frame:
    """Write and read as JPEG with half as many colours as pixels in each direction, as video cameras do."""
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "JPEG", quality=quality, subsampling=2)
    return np.array(Image.open(file))
