"""An independent reader of pictures: a small network that says where things are, trained on true frames only.

It judges dreams: what it reads off a dreamt frame against what it reads off the true one. Half of its frames are
smeared, so that it still reads what is soft but there. Keypoints, not dense layers, because positions in the picture
are what it must learn. Knows nothing of the quantizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from tqdm import tqdm

from lapa.data.state_xy import place_columns
from lapa.frames import pixels_from_uint8, to_frames, to_pixels
from lapa.protocols import ClipSource


@dataclass(frozen=True, kw_only=True)
class ReadoutConfig:
    """How the reader is made; on two CPU cores it takes about a minute."""

    num_steps: int = 1200
    """Training steps."""
    num_frames: int = 6000
    """True frames it is trained on, drawn evenly over the episodes."""
    side: int = 96
    """Side of the pictures it sees, pixels."""
    batch_size: int = 32
    """Pictures per step."""
    lr: float = 6e-3
    """Peak of the learning rate."""


class Readout(nn.Module):
    """Convolutions, the mean places of 32 feature maps, and a map from those to positions.

    Source: the spatial softmax of Levine et al. 2016 (arXiv 1504.00702).
    """

    def __init__(self, num_values: int, side: int, width: int = 24, num_points: int = 32):
        super().__init__()
        self.side = side
        self.see = nn.Sequential(
            nn.Conv2d(3, width, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(4, width),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.GroupNorm(4, 2 * width),
            nn.SiLU(),
            nn.Conv2d(2 * width, num_points, 3, padding=1),
        )
        self.sharpness = nn.Parameter(torch.tensor(2.0))
        self.linear = nn.Linear(2 * num_points, num_values)
        self.bent = nn.Sequential(nn.Linear(2 * num_points, 128), nn.SiLU(), nn.Linear(128, num_values))
        self.register_buffer("mean", torch.zeros(num_values))
        self.register_buffer("scale", torch.ones(num_values))

    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        """Return positions, in the states' unit, off pictures of any size in [0, 1]."""
        return self.standardised(shrink(pixels, self.side)) * self.scale + self.mean

    def standardised(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
        """Return positions less their mean over their deviation, of pictures of the reader's own size."""
        maps = self.see(pixels - 0.5)
        share = (maps.flatten(2) * self.sharpness.exp()).softmax(-1).view_as(maps)
        down, right = (torch.linspace(-1, 1, size, device=maps.device) for size in maps.shape[-2:])
        points = torch.cat([(share.sum(3) * down).sum(2), (share.sum(2) * right).sum(2)], dim=1)
        return self.linear(points) + self.bent(points)


def train_readout(
    frames: UInt8[np.ndarray, "n h w 3"],
    states: Float[np.ndarray, "n m"],
    config: ReadoutConfig,
    *,
    device: torch.device,
    seed: int = 0,
) -> Readout:
    """Train a reader of `states` on true frames; NaN where something was not recorded."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Readout(states.shape[1], config.side).to(device)
    recorded = np.ma.masked_invalid(states)
    reader.mean.copy_(torch.from_numpy(np.ma.filled(recorded.mean(axis=0), 0.0)))
    reader.scale.copy_(torch.from_numpy(np.maximum(np.ma.filled(recorded.std(axis=0), 1.0), 1e-3)))
    reader = reader.to(memory_format=torch.channels_last)
    goals = (torch.from_numpy(states).float().to(device) - reader.mean) / reader.scale
    optimizer = torch.optim.AdamW(reader.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.lr, total_steps=config.num_steps)
    for _ in tqdm(range(config.num_steps), desc="readout", unit="step", mininterval=1):
        rows = rng.integers(len(frames), size=config.batch_size)
        read = reader.standardised(worn(pixels_from_uint8(frames[rows], device), rng))
        optimizer.zero_grad()
        known = goals[rows].isfinite()
        F.smooth_l1_loss(read[known], goals[rows][known]).backward()
        optimizer.step()
        schedule.step()
    return reader.eval().requires_grad_(False)


def worn(pixels: Float[Tensor, "b 3 s s"], rng: np.random.Generator) -> Float[Tensor, "b 3 s s"]:
    """Smear the first half of a batch: a reader that has only seen sharp pictures is lost on a slightly soft one.

    It shall judge whether things are in the right place; how sharp they are is measured apart.
    """
    half, side = pixels[: len(pixels) // 2], pixels.shape[-1]
    small = F.interpolate(half, size=round(side / rng.uniform(1.2, 4.0)), mode="bilinear", antialias=True)
    soft = F.interpolate(small, size=side, mode="bilinear") * float(rng.uniform(0.9, 1.1))
    noise = torch.from_numpy(rng.normal(0.0, 0.02, tuple(soft.shape)).astype(np.float32)).to(soft.device)
    return torch.cat([(soft + noise).clamp(0, 1), pixels[len(half) :]])


def draw_frames(
    source: ClipSource, rows: Sequence[int], columns: Sequence[int], config: ReadoutConfig, image_size: int, seed: int
) -> tuple[UInt8[np.ndarray, "n h w 3"], Float[np.ndarray, "n m"]]:
    """Draw frames evenly over the clips `rows`, with `columns` of their states.

    Frames go the way of dreamt ones: through the quantizer's `image_size` to the reader's side.
    """
    rng = np.random.default_rng(seed)
    frames, states = [], []
    for row in tqdm(rows, desc="frames", unit="clip", mininterval=1):
        length = source.records[row].num_frames
        num = min(length, -(-config.num_frames // len(rows)))
        times = np.sort(rng.choice(length, size=num, replace=False)).tolist()
        frames.append(to_frames(shrink(to_pixels(source.frames(row, times), image_size), config.side)))
        states.append(source.states(row)[times][:, columns])
    return np.concatenate(frames), np.concatenate(states).astype(np.float64)


def shrink(pixels: Float[Tensor, "b 3 h w"], side: int) -> Float[Tensor, "b 3 s s"]:
    """Bring pictures to the reader's size."""
    if pixels.shape[-2:] == (side, side):
        return pixels
    return F.interpolate(pixels, size=(side, side), mode="bilinear", antialias=True)


def position_columns(source: ClipSource) -> list[int]:
    """Return the columns of the states that are x and y of something, the end effector's first, others by their names.

    None where the end effector is not known: then the states may be anything.
    """
    own = list(getattr(source, "state_xy", None) or [])
    others = place_columns(getattr(source, "state_names", ())) if own else []
    return [*own, *(i for i in others if i not in own)]
