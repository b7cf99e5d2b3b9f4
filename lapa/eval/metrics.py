"""The metrics, as pure functions of arrays. Knows no model and no data set."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int


def pooled_psnr(squared_error: Float[np.ndarray, "n"]) -> float:
    """Return PSNR in dB of the squared error pooled over all pairs (mean over pixels each, pictures in [0, 1]).

    Pooled, because the mean of per-pair PSNRs is decided by nearly still pairs, whose copy is nearly perfect.
    """
    return float(-10.0 * np.log10(max(float(np.mean(squared_error)), 1e-12)))


def psnr_gain(squared_error: Float[np.ndarray, "n"], baseline: Float[np.ndarray, "n"]) -> float:
    """Return how many dB the first pooled error is better than the second."""
    return pooled_psnr(squared_error) - pooled_psnr(baseline)


def perplexity(tokens: Int[np.ndarray, "n l"], codebook_size: int) -> float:
    """Return exp(entropy) of the codes' use, pooled over positions; `codebook_size` when all are used evenly."""
    share = np.bincount(tokens.reshape(-1), minlength=codebook_size) / tokens.size
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def codes_used(tokens: Int[np.ndarray, "n l"]) -> int:
    """Return how many different codes appear at any position."""
    return len(np.unique(tokens))


def one_hot(tokens: Int[np.ndarray, "n l"], codebook_size: int) -> Float[np.ndarray, "n f"]:
    """Return tokens as l blocks of k indicators, f = l k."""
    return np.eye(codebook_size)[tokens].reshape(len(tokens), -1)


def probe_r2(
    features: Float[np.ndarray, "n f"],
    targets: Float[np.ndarray, "n m"],
    groups: Int[np.ndarray, "n"],
    *,
    num_folds: int = 5,
    ridge: float = 1e-3,
) -> float | None:
    """Return the R2 of a linear read-out of `targets`, on groups (episodes) it was not fitted on.

    Folds are made of whole groups; predictions of all folds are pooled before R2, and each target weighs by its
    variance. `ridge` is relative to the features' mean square. None with fewer than two groups.

    Source: linear probing of latent actions, as in LAOM (arXiv 2502.00379); differs in splitting by episode.
    """
    distinct = np.unique(groups)
    num_folds = min(num_folds, len(distinct))
    if num_folds < 2:
        return None
    fold = np.searchsorted(distinct, groups) % num_folds
    residual = np.empty(targets.shape)
    spread = np.empty(targets.shape)
    for k in range(num_folds):
        held = fold == k
        predict = _fit_ridge(features[~held], targets[~held], ridge)
        residual[held] = targets[held] - predict(features[held])
        spread[held] = targets[held] - targets[~held].mean(axis=0)
    return float(1.0 - np.square(residual).sum() / max(np.square(spread).sum(), 1e-12))


def bootstrap_interval(
    statistic: Callable[[Int[np.ndarray, "n"]], float],
    groups: Int[np.ndarray, "n"],
    *,
    num_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the interval of a statistic under resampling of whole groups (episodes), since rows of one are alike.

    `statistic` is called with the rows of each draw.
    """
    rng = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    draws = []
    for _ in range(num_draws):
        picked = rng.integers(len(members), size=len(members))
        draws.append(statistic(np.concatenate([members[i] for i in picked])))
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _fit_ridge(features: np.ndarray, targets: np.ndarray, ridge: float) -> Callable[[np.ndarray], np.ndarray]:
    centre, mean = features.mean(axis=0), targets.mean(axis=0)
    centred = features - centre
    gram = centred.T @ centred
    gram += ridge * max(np.trace(gram) / len(gram), 1e-12) * np.eye(len(gram))
    weights = np.linalg.solve(gram, centred.T @ (targets - mean))
    return lambda rows: (rows - centre) @ weights + mean
