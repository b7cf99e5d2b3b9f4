"""An oracle: a world whose every motion two tokens say exactly, and the quantizer that knows them.

So that each measurement is checked against what it must give, and against quantizers with a known fault.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lapa.models.laq import LAQ, Encoding, LAQConfig
from lapa.models.quantizer import ResidualVQ
from lapa.protocols import ClipRecord
from lapa.types import Clip

SIDE, STEP = 48, 4
"""Side of the pictures; how far the square slides in one window: left, not at all or right, and so up. Pixels."""
WINDOW_S = 0.1
"""One frame."""


CONFIG = LAQConfig(image_size=SIDE, patch=16, code_seq_len=2, codebook_size=3, code_width=2)


class SlidingSquare:
    """A `ClipSource`: a textured square that slides by `STEP` pixels per window, on each clip's own grey."""

    name, path = "sliding-square", Path("sliding-square")
    state_xy = (0, 1)

    def __init__(self, num_clips: int = 10, num_frames: int = 21, *, has_states: bool = True, seed: int = 0):
        rng = np.random.default_rng(seed)
        self._square = rng.integers(120, 256, size=(10, 10, 3)).astype(np.uint8)
        self._greys = np.linspace(10, 90, num_clips).astype(np.uint8)
        self._has_states = has_states
        self._paths = np.stack([_walk(rng, num_frames) for _ in range(num_clips)])
        self.records = [
            ClipRecord(
                name=f"clip_{i}", num_frames=num_frames, fps=10.0, scene=("kitchen", "office")[i % 2], site="abc"[i % 3]
            )
            for i in range(num_clips)
        ]

    def frames(self, i: int, indices: Sequence[int]) -> np.ndarray:
        frames = np.full((len(indices), SIDE, SIDE, 3), self._greys[i], np.uint8)
        for frame, (x, y) in zip(frames, self._paths[i][list(indices)], strict=True):
            frame[y : y + 10, x : x + 10] = self._square
        return frames

    def clip(self, i: int) -> Clip:
        return Clip(frames=self.frames(i, range(len(self._paths[i]))), fps=10.0, source=self.records[i].name)

    def chunks(self, i: int) -> Iterator[np.ndarray]:
        return iter(np.array_split(self.clip(i).frames, 3))

    def actions(self, i: int) -> np.ndarray | None:
        moved = np.diff(self._paths[i], axis=0, append=self._paths[i][-1:]).astype(np.float32)
        return moved * (1, -1) if self._has_states else None

    def states(self, i: int) -> np.ndarray | None:
        """x right, y forward (up in the picture), in metres of one per thousand pixels."""
        return (self._paths[i] * (1e-3, -1e-3)).astype(np.float32) if self._has_states else None

    def positions(self, i: int) -> np.ndarray | None:
        states = self.states(i)
        return None if states is None else states[:, :2]

    def identity(self, rows: Sequence[int]) -> list:
        return [self._paths[row].tolist() for row in rows]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))


def _walk(rng: np.random.Generator, num_frames: int) -> np.ndarray:
    """Slide by one step per frame, inside the picture."""
    places = [rng.integers(2, (SIDE - 12) // STEP, size=2) * STEP]
    while len(places) < num_frames:
        move = rng.integers(-1, 2, size=2) * STEP
        last = places[-1] + move
        if (last >= 0).all() and (last <= SIDE - 10).all():
            places.append(last)
    return np.array(places)


class Oracle(LAQ):
    """The quantizer that knows the sliding square: token 0 says left, still, right; token 1 up, still, down."""

    moves_pixels = False

    def __init__(self, config: LAQConfig = CONFIG):
        nn.Module.__init__(self)
        self.config = config
        self.position = nn.Parameter(torch.zeros(1))
        self.quantizer = ResidualVQ(config.code_seq_len, config.codebook_size, config.code_width)

    def encode(self, frame: Tensor, future: Tensor) -> Encoding:
        errors = torch.stack([(self._slid(frame, m) - future).square().mean((1, 2, 3)) for m in range(9)], 1)
        move = (errors + 1e-9 * torch.arange(9).sub(4).abs()).argmin(1)
        tokens = torch.stack([move % 3, move // 3], 1)
        continuous = (tokens - 1).float()[:, None]
        return Encoding(continuous=continuous, tokens=tokens, distances=torch.zeros(len(frame), 2, 3))

    def decode(self, frame: Tensor, tokens: Tensor) -> Tensor:
        moves = (tokens[:, 0] + 3 * tokens[:, 1]).tolist()
        return torch.stack([self._slid(picture, move) for picture, move in zip(frame, moves, strict=True)])

    @staticmethod
    def _slid(frame: Tensor, move: int) -> Tensor:
        return frame.roll(((move // 3 - 1) * STEP, (move % 3 - 1) * STEP), (-2, -1))


class Leaky(Oracle):
    """Tokens that say how bright the future is, and a decoder that paints it so: appearance leaks."""

    def encode(self, frame: Tensor, future: Tensor) -> Encoding:
        level = future.median(-1).values.median(-1).values.mean(1)
        token = (level / 0.4 * 3).long().clamp(0, 2)
        tokens = torch.stack([token, token], 1)
        return Encoding(continuous=tokens.float()[:, None], tokens=tokens, distances=torch.zeros(len(frame), 2, 3))

    def decode(self, frame: Tensor, tokens: Tensor) -> Tensor:
        ground = frame.amin((1, 2, 3), keepdim=True)
        return frame - ground + (tokens[:, 0].float() * 0.13 + 0.07)[:, None, None, None]


class Blurring(Oracle):
    """The oracle with a decoder that smears what it draws."""

    def decode(self, frame: Tensor, tokens: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(super().decode(frame, tokens), (1, 1, 1, 1), mode="replicate"), 3, stride=1)


@pytest.fixture(scope="session")
def world() -> SlidingSquare:
    return SlidingSquare()
