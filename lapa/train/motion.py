"""A second thing a latent action must say, beside the picture: where the moving region went, by optical flow.

What redraws the future may mean "left" here and "up" there: on the tabletop a nonlinear reader that also knows the
place explained 0.93 of the end effector's displacement, the linear probe 0.67. Held to one linear read-out everywhere,
a latent means the same motion in every place, scene and body. Flow is measured in the videos themselves: no labels.

Source: optical flow as a constraint on latent actions, as in LAOF (arXiv 2511.16407); the read-out is ours.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lapa.data.flow import MAX_LINKS, moving_flow
from lapa.data.pairs import PairTable
from lapa.processes import averaged
from lapa.train.features import cached_links

LARGEST = 4.0
"""Motions are cut here, in units of their standard deviation: one passer-by must not decide what a code means."""


def motions(table: PairTable) -> Float[np.ndarray, "n 2"]:
    """Return how each pair's moving region moved, as shares of the picture's side (x right, y up); 0 is still.

    Measured in links of equal length and added up, like `lapa.data.flow.flows`, and kept in the cache.
    """
    store = table.store
    step = -(-_windows(table) // MAX_LINKS)
    rows = np.arange(len(store.frames))
    last = np.repeat(store.starts + store.lengths - 1, store.lengths)
    later = np.minimum(rows + np.repeat(step, store.lengths), last)
    links = cached_links(moving_flow, store, rows, later).astype(np.float32)
    first, _ = table.places(np.arange(len(table)))
    stride, moved = step[table.clip], np.zeros((len(table), 2), np.float32)
    for i in range(MAX_LINKS):
        inside = (i + 1) * stride <= table.window
        moved[inside] += links[(first + i * stride)[inside]]
    return moved


class MotionReader:
    """A linear read-out of motion from latents, solved anew at each step from running moments: nothing to train.

    Attributes:
        unit: what motions are measured in, so that they are about 1.
        moments: [1 + f, 1 + f + 2], running mean of (1, latent) x (1, latent, motion).
    """

    def __init__(self, num_features: int, unit: float, *, decay: float = 0.98, ridge: float = 1e-3):
        self.unit, self.decay, self.ridge = max(unit, 1e-6), decay, ridge
        self.moments = torch.zeros(1 + num_features, 3 + num_features)

    def error(
        self, latents: Float[Tensor, "b f"], codes: Float[Tensor, "b f"], motion: Float[Tensor, "b 2"]
    ) -> Float[Tensor, ""]:
        """Return the squared error of reading `motion` off the latents and off the codes they became, straight through.

        The read-out is the best one for the batches so far: gradients move the latents, not it.
        """
        with torch.autocast(latents.device.type, enabled=False):  # eight bits are too few for moments
            truth = self.in_units(motion)
            self._follow(latents.detach(), truth)
            straight = latents + (codes - latents).detach()
            return sum((self.read(x) - truth).square().mean() for x in (latents, straight)) / 2

    def read(self, latents: Float[Tensor, "b f"]) -> Float[Tensor, "b 2"]:
        """Read the motion off latents, in units."""
        square, wanted = self.moments[:, :-2], self.moments[:, -2:]
        reader = torch.linalg.solve(square + self.ridge * torch.eye(len(square)), wanted).to(latents)
        return reader[0] + latents @ reader[1:]

    def _follow(self, latents: Float[Tensor, "b f"], truth: Float[Tensor, "b 2"]) -> None:
        seen = torch.cat([torch.ones_like(truth[:, :1]), latents, truth], dim=1)
        now = averaged((seen[:, :-2].T @ seen / len(seen)).to(self.moments))
        self.moments = self.decay * self.moments + (1 - self.decay) * now if self.moments.any() else now

    def in_units(self, motion: Float[Tensor, "b 2"]) -> Float[Tensor, "b 2"]:
        """Return motions in units, cut at `LARGEST`."""
        return (motion / self.unit).clamp(-LARGEST, LARGEST)


def _windows(table: PairTable) -> np.ndarray:
    """Return each clip's window in frames; 1 where a clip has no pair."""
    windows = np.ones(len(table.store.lengths), np.int64)
    windows[table.clip] = table.window
    return windows
