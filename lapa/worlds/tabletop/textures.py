"""Textures made of noise: wood, cloth, stone, and a mottled plain. They repeat without a seam.

All of it is ours: numpy and a seed. A texture is a colour varied in brightness and, slightly, in hue.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lapa.types import Frame

SIZE_PX = 256


def paint(kind: str, rgb: tuple[float, float, float], seed: int, size: int = SIZE_PX) -> Frame:
    """Return a tile uint8 [h w 3] of `kind`, whose mean colour is about `rgb`."""
    rng = np.random.default_rng(seed)
    shade, warmth = KINDS[kind](rng, size)
    colors = np.array(rgb) * (1 + (shade - shade.mean())[..., None]) + 0.05 * warmth[..., None] * np.array(
        [1.0, 0.1, -1.0]
    )
    return (colors.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def cloud(rng: np.random.Generator, size: int, across: int, along: int) -> Float[np.ndarray, "h w"]:
    """Return periodic smooth noise with mean 0 and deviation 1.

    Args:
        across, along: how many blobs fit into the tile's height and width.
    """
    y, x = np.fft.fftfreq(size)[:, None] * size, np.fft.rfftfreq(size)[None] * size
    weight = np.exp(-0.5 * ((y / across) ** 2 + (x / along) ** 2))
    weight[0, 0] = 0.0
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) * weight, s=(size, size))
    return noise / noise.std()


def _wood(rng: np.random.Generator, size: int):
    """Boards with grain along x: rings cut lengthwise, fine fibres, a joint between boards."""
    num_boards, num_rings = int(rng.integers(3, 7)), int(rng.integers(5, 13))
    y = np.arange(size)[:, None] / size
    board = np.floor(y * num_boards)
    tone = rng.normal(size=num_boards)[board.astype(int)]
    warp = 0.05 * cloud(rng, size, 3, 2)
    rings = np.sin(2 * math.pi * (num_rings * (y + warp)) + 5 * tone)
    joint = (np.abs(y * num_boards - board) < 0.7 * num_boards / size) * 1.0
    shade = 0.10 * rings + 0.06 * cloud(rng, size, 80, 4) + 0.07 * tone - 0.35 * joint
    return shade + np.zeros((size, size)), 0.4 * rings + 0.3 * tone


def _cloth(rng: np.random.Generator, size: int):
    """A weave, with stripes or checks of another brightness on it, and folds."""
    y, x = np.arange(size)[:, None], np.arange(size)[None]
    weave = np.where((x // 2 + y // 2) % 2, 1.0, -1.0)
    num_stripes, checked = int(rng.integers(4, 9)), float(rng.random() < 0.5)
    stripes = np.sign(np.sin(2 * math.pi * num_stripes * y / size) - 0.3)
    columns = np.sign(np.sin(2 * math.pi * num_stripes * x / size) - 0.3)
    shade = rng.uniform(0.04, 0.14) * (stripes + checked * columns) + 0.04 * weave
    return shade + 0.05 * cloud(rng, size, 4, 4), 0.3 * cloud(rng, size, 2, 2)


def _stone(rng: np.random.Generator, size: int):
    """Veins and speckles, as of a worktop."""
    veins = -np.abs(cloud(rng, size, 5, 5))
    speckles = np.abs(cloud(rng, size, 70, 70)) ** 3
    return 0.10 * (veins + 0.8) + 0.03 * cloud(rng, size, 25, 25) - 0.02 * (speckles - 1.6), 0.3 * cloud(
        rng, size, 4, 4
    )


def _mottled(rng: np.random.Generator, size: int):
    """Paint or cardboard: nearly plain."""
    return 0.035 * cloud(rng, size, 5, 5) + 0.02 * cloud(rng, size, 40, 40), 0.25 * cloud(rng, size, 3, 3)


KINDS = {"wood": _wood, "cloth": _cloth, "stone": _stone, "mottled": _mottled}
"""How to make brightness and warmth, each [h w] about 0, of a kind of texture."""
