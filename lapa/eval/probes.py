"""Do the tokens say what moved: linear read-outs of the truth, out of them and out of what they must beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from lapa.eval.baselines import Rivals, components
from lapa.eval.bootstrap import Bootstrap, unknown
from lapa.eval.metrics import cross_fit, episode_folds, known_rows, normalised_mse, one_hot, r2
from lapa.eval.targets import ACTION, DISPLACEMENT, FLOW, Targets

TOKENS, CONTINUOUS, PCA, UNTRAINED, UNTRAINED_CONTINUOUS, PRETRAINED = (
    "tokens", "continuous", "pca", "untrained", "untrained_continuous", "pretrained",
)  # fmt: skip
PREFIX = {DISPLACEMENT: "probe_r2", ACTION: "probe_r2_action", FLOW: "probe_r2_flow"}
Features = dict[str, Float[np.ndarray, "n _"]]


def features_of(
    tokens: Int[np.ndarray, "n l"], continuous: Float[np.ndarray, "n f"], rivals: Rivals, codebook_size: int
) -> Features:
    """Return everything a probe may read, by name.

    The principal components (of pixels, of pretrained features) are as many as the tokens' indicators or the latent's
    dimensions, whichever are more.
    """
    ours = one_hot(tokens, codebook_size)
    num = max(ours.shape[1], continuous.shape[1])
    found = {
        TOKENS: ours,
        CONTINUOUS: continuous.astype(np.float64),
        PCA: components(rivals.difference, num),
        UNTRAINED: one_hot(rivals.untrained_tokens, codebook_size),
        UNTRAINED_CONTINUOUS: rivals.untrained_continuous.astype(np.float64),
    }
    if rivals.pretrained is not None:
        found[PRETRAINED] = components(rivals.pretrained, num)
    return found


def probe_facts(
    features: Features, targets: Targets, episodes: Int[np.ndarray, "n"], *, seed: int = 0
) -> dict[str, Any]:
    """Probe every target with every kind of features, on episodes that the probe was not fitted on.

    Returns:
        probes: [{target, features, dimension, r2, r2_low, r2_high, nmse, nmse_low, nmse_high}, ...]; nmse is the
        error as a share of the variance, where every dimension of the target weighs alike.
        probe_r2_FEATURES (of the displacement), probe_r2_action_FEATURES, probe_r2_flow_FEATURES, the same numbers
        flat, with probe_r2_flow for the tokens' flow; None where the target was not recorded.
        probe_error_over_pca: squared error of the tokens' probe of the motion as a share of that of the PCA's.
    """
    rows: list[dict[str, Any]] = []
    facts: dict[str, Any] = {}
    for target, prefix in PREFIX.items():
        known = known_rows(targets[target]) if target in targets else np.zeros(len(episodes), bool)
        residuals = _residuals(features, targets.get(target), known, episodes)
        boot = Bootstrap(episodes[known], seed=seed) if residuals else None
        for name, columns in features.items():
            if boot is None:
                facts |= unknown(f"{prefix}_{name}")
                continue
            residual, spread = residuals[name]
            measured = _measured(residual, spread, boot)
            rows.append({"target": target, "features": name, "dimension": columns.shape[1], **measured})
            facts |= {f"{prefix}_{name}{end}": measured[f"r2{end}"] for end in ("", "_low", "_high")}
        if target == FLOW:
            facts |= {f"probe_r2_flow{end}": facts[f"probe_r2_flow_{TOKENS}{end}"] for end in ("", "_low", "_high")}
        if residuals and target != ACTION and "probe_error_over_pca" not in facts:
            facts |= _against_pca(residuals, boot)
    return facts | ({} if "probe_error_over_pca" in facts else unknown("probe_error_over_pca")) | {"probes": rows}


def _residuals(
    features: Features, target: np.ndarray | None, known: Bool[np.ndarray, "n"], episodes: Int[np.ndarray, "n"]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what each probe misses, beside what the mean misses; empty where nothing can be probed."""
    folds = episode_folds(episodes[known]) if known.any() else np.zeros(0, int)
    if target is None or len(np.unique(folds)) < 2 or not np.ptp(target[known], axis=0).any():
        return {}
    truth, found = target[known], {}
    for name, columns in features.items():
        guess, mean = cross_fit(columns[known], truth, folds)
        found[name] = (truth - guess, truth - mean)
    return found


def _measured(residual: np.ndarray, spread: np.ndarray, boot: Bootstrap) -> dict[str, float | None]:
    return boot.measure("r2", lambda rows: r2(residual[rows], spread[rows])) | boot.measure(
        "nmse", lambda rows: normalised_mse(residual[rows], spread[rows])
    )


def _against_pca(residuals: dict[str, tuple[np.ndarray, np.ndarray]], boot: Bootstrap) -> dict[str, float | None]:
    ours, theirs = np.square(residuals[TOKENS][0]).sum(1), np.square(residuals[PCA][0]).sum(1)
    return boot.measure("probe_error_over_pca", lambda rows: ours[rows].sum() / max(theirs[rows].sum(), 1e-12))
