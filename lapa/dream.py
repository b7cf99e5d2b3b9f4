"""The world model: policy -> tokens -> decoder -> frame -> again (the closed-loop rollout of the paper's analysis).

A dream goes on from its own pictures, which have the size of the frame it began with: no step makes the next smaller.
Knows the protocols, not what stands behind them: any `Policy` drives any `World`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from lapa.frames import to_frames
from lapa.limits import fit
from lapa.models.draw import draw
from lapa.models.load import AnyLAQ
from lapa.protocols import Policy, World
from lapa.types import Frame, LatentAction, Step


class LAQWorld:
    """A `World` that answers with the quantizer's decoder."""

    def __init__(self, laq: AnyLAQ):
        self._laq = laq

    @torch.inference_mode()
    def step(self, frame: Frame, latent_action: LatentAction) -> Frame:
        """Return the frame that the decoder expects, uint8 [h w 3]: as large as `frame`, at most 1280 px.

        A quantizer whose head does not move pixels answers at its own size, [s s 3].
        """
        tokens = torch.tensor([latent_action.tokens], device=self._laq.device)
        (future,) = draw(self._laq, fit(frame), tokens)
        return to_frames(future)[0]


def dream(
    policy: Policy,
    world: World,
    frame: Frame,
    instruction: str,
    *,
    num_steps: int,
    temperature: float = 0.0,
    top_k: int = 0,
    rng: np.random.Generator | None = None,
) -> Iterator[Step]:
    """Let the policy act in the world; yield each step as it is done.

    `temperature` 0 is greedy; above it, tokens are sampled with `rng` from the `top_k` likeliest (0: from all).
    """
    for index in range(num_steps):
        prediction = policy.predict(frame, instruction, temperature=temperature, top_k=top_k, rng=rng)
        frame = world.step(frame, prediction.latent_action)
        yield Step(
            index=index,
            latent_action=prediction.latent_action,
            distributions=prediction.distributions,
            frame=frame,
        )


def play(world: World, frame: Frame, latent_actions: Iterable[LatentAction]) -> Iterator[Step]:
    """Play given latent actions in the world, each from the frame that the one before led to."""
    for index, latent_action in enumerate(latent_actions):
        frame = world.step(frame, latent_action)
        yield Step(index=index, latent_action=latent_action, distributions=None, frame=frame)
