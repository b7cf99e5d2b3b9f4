"""Augmentation of a batch of pairs: the same change to both frames, so that only motion tells them apart; and pairs in
which nothing happened."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor


def augment_pairs(
    frame: Float[Tensor, "b 3 h w"],
    future: Float[Tensor, "b 3 h w"],
    motion: Float[Tensor, "b 2"],
    rng: np.random.Generator,
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"], Float[Tensor, "b 2"]]:
    """Crop, mirror and re-light each pair, both frames alike; return how its motion (x, y) looks then as well.

    Crops keep 80 to 100 % of a side, half of the pairs are mirrored, contrast and each channel's brightness vary by
    20 %.
    """
    n = len(frame)
    scale = rng.uniform(0.8, 1.0, (n, 1)).astype(np.float32)
    shift = (1.0 - scale) * rng.uniform(-1, 1, (n, 2)).astype(np.float32)
    mirror = rng.choice(np.array([-1.0, 1.0], np.float32), (n, 1))
    theta = np.zeros((n, 2, 3), np.float32)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = (scale * mirror)[:, 0], scale[:, 0], shift
    both = torch.cat([frame, future], dim=1)
    grid = F.affine_grid(torch.from_numpy(theta), list(both.shape), align_corners=False)
    both = F.grid_sample(both, grid, padding_mode="reflection", align_corners=False)
    contrast = torch.from_numpy(rng.uniform(0.8, 1.2, (n, 1, 1, 1)).astype(np.float32))
    light = torch.from_numpy(rng.uniform(-0.1, 0.1, (n, 3, 1, 1)).astype(np.float32)).repeat(1, 2, 1, 1)
    both = ((both - 0.5) * contrast + 0.5 + light).clamp(0.0, 1.0)
    seen = motion * torch.from_numpy(np.concatenate([mirror / scale, 1 / scale], axis=1))
    return both[:, :3], both[:, 3:], seen


def nothing_happened(
    batch: dict[str, Tensor], clip: Int[np.ndarray, "b"], rng: np.random.Generator, share: float
) -> dict[str, Tensor]:
    """Make of a share of the pairs what holds no action: half show a frame twice, half are of two different clips.

    Their target is the frame and their motion 0, so that the encoder describes an action or nothing, never a scene.
    """
    draw = rng.random(len(clip))
    twice = torch.from_numpy(draw < share / 2)
    unrelated = torch.from_numpy((draw >= share / 2) & (draw < share) & (clip != np.roll(clip, 1)))
    frame, future, target, motion = (batch[name].clone() for name in ("frame", "future", "target", "motion"))
    future[unrelated] = batch["future"].roll(1, dims=0)[unrelated]
    future[twice] = frame[twice]
    target[twice | unrelated] = frame[twice | unrelated]
    motion[twice | unrelated] = 0.0
    return {"frame": frame, "future": future, "target": target, "motion": motion}
