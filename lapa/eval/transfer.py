"""Does a latent action mean the same elsewhere: taken from clip A, drawn on a frame of clip B, read again.

    z = encode(A), y = decode(frame of B, z), z' = encode(frame of B, y)

z' is compared with z, token by token; and the motion that a probe reads off z' with the motion in A. The probe is
linear and fitted on the true pairs of other episodes. It is the quantizer that reads its own drawing; `eval world`
lets an independent reader measure it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.eval.bootstrap import Bootstrap, Facts, unknown
from lapa.eval.metrics import cross_fit, episode_folds, known_rows, weighted_cosine
from lapa.eval.sample import Bank
from lapa.models.load import AnyLAQ


@dataclass(frozen=True, kw_only=True, eq=False)
class Again:
    """What was read off the drawing in the other clip, and what that clip's own tokens are (for chance)."""

    tokens: Int[np.ndarray, "n l"]
    continuous: Float[np.ndarray, "n f"]
    there: Int[np.ndarray, "n l"]


@torch.inference_mode()
def transfer(laq: AnyLAQ, tokens: Int[Tensor, "b l"], others: Int[np.ndarray, "b"], bank: Bank) -> Again:
    """Draw latent actions on frames of other clips (rows of the bank) and encode what was drawn."""
    frame, _ = bank.pixels(others, tokens.device)
    again = laq.encode(frame, laq.decode(frame, tokens).clamp(0, 1))
    return Again(
        tokens=again.tokens.cpu().numpy(),
        continuous=again.continuous.flatten(1).float().cpu().numpy(),
        there=bank.tokens[others],
    )


def read_motion(
    continuous: Float[np.ndarray, "n f"],
    again: Float[np.ndarray, "n f"],
    motion: Float[np.ndarray, "n 2"],
    episodes: Int[np.ndarray, "n"],
) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, "n 2"]]:
    """Read the motion off the latents and off those encoded again, by probes fitted on other episodes.

    NaN where the true motion is not known or there are too few episodes.
    """
    known = known_rows(motion)
    here, there = np.full((2, *motion.shape), np.nan)
    folds = episode_folds(episodes[known]) if known.any() else np.zeros(0, int)
    if len(np.unique(folds)) > 1:
        first, second = continuous[known].astype(np.float64), again[known].astype(np.float64)
        here[known] = cross_fit(first, motion[known], folds)[0]
        there[known] = cross_fit(first, motion[known], folds, at=second)[0]
    return here, there


def transfer_facts(
    tokens: Int[np.ndarray, "n l"],
    continuous: Float[np.ndarray, "n f"],
    again: Again | None,
    motion: Float[np.ndarray, "n 2"],
    episodes: Int[np.ndarray, "n"],
    boot: Bootstrap,
    *,
    suffix: str = "",
) -> Facts:
    """Return how well latent actions survive the way over another clip, with intervals; keys end in `suffix`.

    Returns:
        cycle_tokens: share of tokens read again; cycle_sequences: of whole latent actions; cycle_tokens_chance: share
        that the other clip's own tokens have in common.
        cycle_cosine: of the motion read off the drawing with the true motion in A, weighted by how far it moved;
        cycle_cosine_direct: the same without the detour, the best that can be expected.
    """
    names = ("cycle_tokens", "cycle_sequences", "cycle_tokens_chance", "cycle_cosine", "cycle_cosine_direct")
    if again is None:
        return unknown(*(name + suffix for name in names))
    same, chance = again.tokens == tokens, again.there == tokens
    here, there = read_motion(continuous, again.continuous, motion, episodes)
    known = known_rows(there)

    def cosine(guess: np.ndarray):
        def of(rows: np.ndarray) -> float:
            rows = rows[known[rows]]
            return weighted_cosine(guess[rows], motion[rows]) if len(rows) else float("nan")

        return of

    statistics = (
        lambda rows: same[rows].mean(),
        lambda rows: same[rows].all(axis=1).mean(),
        lambda rows: chance[rows].mean(),
        cosine(there),
        cosine(here),
    )
    measured = [boot.measure(name + suffix, of) for name, of in zip(names, statistics, strict=True)]
    return {key: value for facts in measured for key, value in facts.items()}
