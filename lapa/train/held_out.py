"""What a policy in training is worth on held-out pairs, and the weights of the evaluation at which it did best.

Each pair is scored under its own instruction and under another episode's: a policy that uses the instruction gives its
own the better score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import Tensor, nn

from lapa.data.instructions import swap_instructions
from lapa.protocols import ClipRecord

Score = Callable[[Int[np.ndarray, "r"], "list[str] | None"], tuple[np.ndarray, np.ndarray]]
"""Rows and their instructions (None: their own) -> negative log-likelihood per token, share guessed right, each [r]."""


def draw_held_out(num_pairs: int, most: int) -> tuple[Int[np.ndarray, "r"], np.random.Generator]:
    """Return which held-out pairs to look at, the same ones at every evaluation, and the generator that drew them."""
    rng = np.random.default_rng(0)
    return np.sort(rng.choice(num_pairs, min(most, num_pairs), replace=False)), rng


def score_held_out(
    score: Score,
    records: Sequence[ClipRecord],
    clip: Int[np.ndarray, "r"],
    tokens: Int[np.ndarray, "r l"],
    prior: Float32[np.ndarray, "l k"],
    rows: Int[np.ndarray, "r"],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Score the pairs `rows`, whose clips and true tokens are given, under the right and under a wrong instruction.

    `prior` is how often each code comes in training. What is compared with a wrong instruction is NaN where all
    clips have the same one.
    """
    swapped = swap_instructions(records, clip, rng)
    right, hits = score(rows, None)
    other = np.array([text is not None for text in swapped])
    wrong, _ = score(rows[other], [text for text in swapped if text is not None])
    marginal = np.log(prior + 1e-9)[np.arange(len(prior)), tokens]
    return {
        "nll_right": float(right.mean()),
        "nll_swapped": float(wrong.mean()) if len(wrong) else float("nan"),
        "nll_gap": float((wrong - right[other]).mean()) if len(wrong) else float("nan"),
        "nll_marginal": float(-marginal.mean()),
        "accuracy": float(hits.mean()),
    }


class BestWeights:
    """What was learnt at the best evaluation so far.

    Attributes:
        state: its "nll" and its weights by name; part of the state a run resumes from.
    """

    def __init__(self):
        self.state: dict[str, Tensor] = {"nll": torch.tensor(float("inf"), dtype=torch.float64)}

    def offer(self, nll: float, learnt: dict[str, nn.Parameter]) -> None:
        """Keep a copy of these weights if they are better than the best."""
        if nll < self.state["nll"]:
            kept = {name: parameter.detach().cpu().clone() for name, parameter in learnt.items()}
            self.state = {"nll": torch.tensor(nll, dtype=torch.float64), **kept}

    def restore(self, model: nn.Module) -> None:
        """Put the best weights back."""
        model.load_state_dict({name: p for name, p in self.state.items() if name != "nll"}, strict=False)
