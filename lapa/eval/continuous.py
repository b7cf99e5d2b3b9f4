"""The upper bound: what a quantizer without tokens reconstructs, steers and says, under the keys of the scorecard.

What needs tokens (random ones, their use, their probe) is None there, and says so in tables as "-".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lapa.data.transitions import draw_transitions
from lapa.eval.bootstrap import Bootstrap, unknown
from lapa.eval.metrics import cross_fit, episode_folds, known_rows, pooled_psnr, psnr_gain, r2
from lapa.eval.reconstruction import squared_error
from lapa.eval.sample import Bank, batches, choose_others, labels_of, rows_to_judge
from lapa.eval.targets import DISPLACEMENT, Targets, targets_of
from lapa.models.laq import LAQ
from lapa.protocols import ClipSource

NEEDS_TOKENS = (
    "controllability_db", "perplexity", "joint_entropy_bits", "redundancy", "leak_db", "identity_change",
    "probe_r2_tokens",
)  # fmt: skip


def evaluate_continuous(
    laq: LAQ,
    source: ClipSource,
    *,
    window_s: float,
    num_pairs: int = 2000,
    split: str | None = None,
    seed: int = 0,
    batch_size: int = 32,
) -> dict[str, Any]:
    """Measure a quantizer that feeds its decoder continuous latents, on the very pairs `evaluate_laq` draws.

    Returns:
        psnr, psnr_copy, psnr_gain_db, controllability_shuffled_db (over the latents of another clip's transition) and
        probe_r2_continuous, with intervals; `NEEDS_TOKENS`, all None; num_pairs, num_episodes.

    Raises:
        LapaError: if the split is not there, or no clip is longer than the window.
    """
    rng = np.random.default_rng(seed)
    rows = rows_to_judge(source, split)
    where = draw_transitions(source, rows, window_s, num_pairs, rng)
    bank = Bank.draw(laq, source, rows, window_s, seed)
    others = choose_others(
        where.clip, bank.clip, rng, kind=_bodies(source, [*where.clip.tolist(), *bank.clip.tolist()])
    )
    read, errors, latents = [], [], []
    for batch in batches(laq, source, where, others, batch_size):
        theirs = None if batch.others is None else bank.pixels(batch.others, batch.frame.device)
        error, latent = _look(laq, batch.frame, batch.future, theirs)
        read.append(batch.rows)
        errors.append(error)
        latents.append(latent)
    where = where.at(np.concatenate(read))
    boot = Bootstrap(where.clip, seed=seed)
    true, copy, other = np.concatenate(errors, axis=1)
    shuffled = unknown("controllability_shuffled_db")
    if others is not None:
        shuffled = boot.measure("controllability_shuffled_db", lambda rows: psnr_gain(true[rows], other[rows]))
    return {
        **boot.measure("psnr", lambda rows: pooled_psnr(true[rows])),
        **boot.measure("psnr_copy", lambda rows: pooled_psnr(copy[rows])),
        **boot.measure("psnr_gain_db", lambda rows: psnr_gain(true[rows], copy[rows])),
        **shuffled,
        **_probe(np.concatenate(latents), targets_of(source, where), where.clip, seed),
        **unknown(*NEEDS_TOKENS),
        "num_pairs": len(where),
        "num_episodes": len(np.unique(where.clip)),
    }


@torch.inference_mode()
def _look(
    laq: LAQ, frame: Float[Tensor, "b 3 h w"], future: Float[Tensor, "b 3 h w"], theirs: tuple[Tensor, Tensor] | None
) -> tuple[Float[np.ndarray, "3 b"], Float[np.ndarray, "b f"]]:
    """Return the errors of the future drawn, of the frame, and of the future under another clip's latents, or NaN."""
    latents = laq.encode(frame, future).continuous
    true, copy = squared_error(laq.decode_vectors(frame, latents), future), squared_error(frame, future)
    other = np.full_like(true, np.nan)
    if theirs is not None:
        other = squared_error(laq.decode_vectors(frame, laq.encode(*theirs).continuous), future)
    return np.stack([true, copy, other]), latents.flatten(1).float().cpu().numpy()


def _probe(latents: np.ndarray, targets: Targets, episodes: np.ndarray, seed: int) -> dict[str, float | None]:
    target = targets.get(DISPLACEMENT)
    known = np.zeros(len(episodes), bool) if target is None else known_rows(target)
    folds = episode_folds(episodes[known]) if known.any() else np.zeros(0, int)
    if len(np.unique(folds)) < 2 or not np.ptp(target[known], axis=0).any():
        return unknown("probe_r2_continuous")
    truth = target[known]
    guess, mean = cross_fit(latents[known].astype(np.float64), truth, folds)
    residual, spread = truth - guess, truth - mean
    boot = Bootstrap(episodes[known], seed=seed)
    return boot.measure("probe_r2_continuous", lambda rows: r2(residual[rows], spread[rows]))


def _bodies(source: ClipSource, clips: list[int]) -> dict[int, str]:
    """Return what kind of body each clip shows, as far as the source says it."""
    clips = sorted(set(clips))
    labels = [values for name, values in labels_of(source, clips).items() if name in ("embodiment", "environment")]
    return {clip: "/".join(values[row] for values in labels) for row, clip in enumerate(clips)}
