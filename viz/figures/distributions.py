"""Numbers about what a policy expects: how undecided it is, and how far two expectations are apart."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def entropy_bits(distributions: Float[np.ndarray, "l k"]) -> Float[np.ndarray, "l"]:
    """Return how undecided each position is: 0 is certain, log2(k) knows nothing."""
    return -(distributions * np.log2(np.maximum(distributions, 1e-12))).sum(axis=1)


def divergence_bits(first: Float[np.ndarray, "l k"], second: Float[np.ndarray, "l k"]) -> Float[np.ndarray, "l"]:
    """Return how far two policies' expectations are apart at each position (Jensen-Shannon): 0 is alike, 1 disjoint."""
    middle = (first + second) / 2
    return np.maximum(entropy_bits(middle) - (entropy_bits(first) + entropy_bits(second)) / 2, 0.0)
