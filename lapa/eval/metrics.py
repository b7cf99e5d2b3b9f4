"""The metrics, as pure functions of arrays. Knows no model and no data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8
from skimage.metrics import structural_similarity


def pooled_psnr(squared_error: Float[np.ndarray, "n"]) -> float:
    """Return PSNR in dB of the squared error pooled over all pairs (mean over pixels each, pictures in [0, 1]).

    Pooled, because the mean of per-pair PSNRs is decided by nearly still pairs, whose copy is nearly perfect.
    """
    return float(-10.0 * np.log10(max(float(np.mean(squared_error)), 1e-12)))


def psnr_gain(squared_error: Float[np.ndarray, "n"], baseline: Float[np.ndarray, "n"]) -> float:
    """Return how many dB the first pooled error is better than the second."""
    return pooled_psnr(squared_error) - pooled_psnr(baseline)


def ssim(guess: UInt8[np.ndarray, "n h w 3"], truth: UInt8[np.ndarray, "n h w 3"]) -> Float[np.ndarray, "n"]:
    """Return the structural similarity of each picture to its truth, 1 for equal ones.

    Source: Wang et al. 2004 (Gaussian window of 11 pixels, sigma 1.5), from scikit-image; the mean over channels.
    """
    options = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    pairs = zip(guess, truth, strict=True)
    return np.array([structural_similarity(a, b, data_range=255, **options) for a, b in pairs], np.float64)


def entropy_bits(counts: Int[np.ndarray, "..."]) -> float:
    """Return the entropy of a histogram in bits, as counted (with few rows it is too small)."""
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum())


def perplexity(tokens: Int[np.ndarray, "..."], codebook_size: int) -> float:
    """Return exp(entropy) of the codes' use, pooled over positions; `codebook_size` when all are used evenly."""
    return float(2.0 ** entropy_bits(np.bincount(tokens.reshape(-1), minlength=codebook_size)))


def codes_used(tokens: Int[np.ndarray, "..."]) -> int:
    """Return how many different codes appear at any position."""
    return len(np.unique(tokens))


def shared_information(first: Int[np.ndarray, "n"], second: Int[np.ndarray, "n"], codebook_size: int) -> float:
    """Return the mutual information of two positions as a share of their mean entropy: 0 independent, 1 the same."""
    joint = np.bincount(first * codebook_size + second, minlength=codebook_size**2).reshape(codebook_size, -1)
    apart = entropy_bits(joint.sum(0)) + entropy_bits(joint.sum(1))
    return 2.0 * (apart - entropy_bits(joint)) / apart if apart > 0 else 0.0


def one_hot(tokens: Int[np.ndarray, "n l"], codebook_size: int) -> Float[np.ndarray, "n f"]:
    """Return tokens as l blocks of k indicators, f = l k."""
    return np.eye(codebook_size)[tokens].reshape(len(tokens), -1)


def weighted_cosine(guess: Float[np.ndarray, "n m"], truth: Float[np.ndarray, "n m"]) -> float:
    """Return the mean cosine of the angle between guess and truth, each row weighing by how far it truly moved.

    Weighted, because the direction of a row that hardly moves is noise. NaN where nothing moves.
    """
    size = np.linalg.norm(guess, axis=1)
    along = (guess * truth).sum(axis=1) / np.where(size > 0, size, 1.0)
    moved = np.linalg.norm(truth, axis=1).sum()
    return float(along.sum() / moved) if moved > 0 else float("nan")


def r2(residual: Float[np.ndarray, "n m"], spread: Float[np.ndarray, "n m"]) -> float:
    """Return the share of the targets' variance that is explained, each target weighing by its variance."""
    return float(1.0 - np.square(residual).sum() / max(np.square(spread).sum(), 1e-12))


def normalised_mse(residual: Float[np.ndarray, "n m"], spread: Float[np.ndarray, "n m"]) -> float:
    """Return the error as a share of the variance, every target weighing alike; 1 for the mean as a guess."""
    return float(np.mean(np.square(residual).sum(axis=0) / np.maximum(np.square(spread).sum(axis=0), 1e-12)))


def episode_folds(groups: Int[np.ndarray, "n"], num_folds: int = 5) -> Int[np.ndarray, "n"]:
    """Deal whole groups (episodes) into at most `num_folds` folds."""
    distinct = np.unique(groups)
    return np.searchsorted(distinct, groups) % min(num_folds, len(distinct))


def cross_fit(
    features: Float[np.ndarray, "n f"],
    targets: Float[np.ndarray, "n m"],
    folds: Int[np.ndarray, "n"],
    *,
    at: Float[np.ndarray, "n f"] | None = None,
    ridge: float = 1e-3,
) -> tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n m"]]:
    """Read each row's target linearly out of its features, with a map fitted on the other folds only.

    `at` are features to read instead (of the same rows); `ridge` is relative to the features' mean square.

    Returns:
        the reading, and the mean of the other folds' targets: the guess of one who sees no features.
    """
    at = features if at is None else at
    guess, mean = np.empty(targets.shape), np.empty(targets.shape)
    for fold in np.unique(folds):
        held = folds == fold
        assert not held.all(), "a probe needs two folds"
        guess[held] = _fit_ridge(features[~held], targets[~held], ridge)(at[held])
        mean[held] = targets[~held].mean(axis=0)
    return guess, mean


def probe_r2(
    features: Float[np.ndarray, "n f"],
    targets: Float[np.ndarray, "n m"],
    groups: Int[np.ndarray, "n"],
    *,
    num_folds: int = 5,
    ridge: float = 1e-3,
) -> float | None:
    """Return the R2 of a linear read-out of `targets`, on groups (episodes) it was not fitted on.

    Folds are made of whole groups; predictions of all folds are pooled before R2. None with fewer than two groups.

    Source: linear probing of latent actions, as in LAOM (arXiv 2502.00379); differs in splitting by episode.
    """
    folds = episode_folds(groups, num_folds)
    if len(np.unique(folds)) < 2:
        return None
    guess, mean = cross_fit(features, targets, folds, ridge=ridge)
    return r2(targets - guess, targets - mean)


def bootstrap_draws(groups: Int[np.ndarray, "n"], num_draws: int, seed: int) -> Iterator[Int[np.ndarray, "_"]]:
    """Yield the rows of whole groups (episodes) drawn with replacement, since rows of one are alike."""
    rng = np.random.default_rng(seed)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    for _ in range(num_draws):
        picked = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[i] for i in picked])


def bootstrap_interval(
    statistic: Callable[[Int[np.ndarray, "_"]], float],
    groups: Int[np.ndarray, "n"],
    *,
    num_draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the interval of a statistic under resampling of whole groups (episodes).

    `statistic` is called with the rows of each draw.
    """
    draws = [statistic(rows) for rows in bootstrap_draws(groups, num_draws, seed)]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def known_rows(targets: Float[np.ndarray, "n m"]) -> Bool[np.ndarray, "n"]:
    """Mark the rows whose target was recorded in full."""
    return np.isfinite(targets).all(axis=1)


def _fit_ridge(features: np.ndarray, targets: np.ndarray, ridge: float) -> Callable[[np.ndarray], np.ndarray]:
    centre, mean = features.mean(axis=0), targets.mean(axis=0)
    centred = features - centre
    gram = centred.T @ centred
    gram += ridge * max(np.trace(gram) / len(gram), 1e-12) * np.eye(len(gram))
    weights = np.linalg.solve(gram, centred.T @ (targets - mean))
    return lambda rows: (rows - centre) @ weights + mean
