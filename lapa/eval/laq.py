"""What a quantizer is worth: does it reconstruct, do its tokens steer, are its codes used, do they say what moved?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from tqdm import tqdm

from lapa.data.source import select_split
from lapa.data.transitions import displacements, draw_transitions, read_transitions
from lapa.eval.metrics import (
    bootstrap_interval,
    codes_used,
    one_hot,
    perplexity,
    pooled_psnr,
    probe_r2,
    psnr_gain,
)
from lapa.frames import to_pixels
from lapa.models.laq import LAQ
from lapa.protocols import ClipSource


@dataclass(frozen=True, kw_only=True, eq=False)
class _Table:
    """One row per pair: mean squared errors in [0, 1], and what the quantizer said."""

    error: Float[np.ndarray, "n"]
    error_copy: Float[np.ndarray, "n"]
    error_random: Float[np.ndarray, "n"]
    change: Float[np.ndarray, "n"]
    tokens: Int[np.ndarray, "n l"]
    continuous: Float[np.ndarray, "n l q"]


def evaluate_laq(
    laq: LAQ,
    source: ClipSource,
    *,
    window_s: float,
    num_pairs: int = 2000,
    split: str | None = None,
    seed: int = 0,
    batch_size: int = 32,
) -> dict[str, float | int | None]:
    """Measure a quantizer on pairs drawn evenly over the episodes of `split`.

    Without a split: "validation" where the source has it, else everything.

    Returns:
        psnr, psnr_copy, psnr_gain_db (of the error pooled over pairs; with a 95 % interval over episodes, and of the
        moving half alone), controllability_db (true against uniformly random tokens), codes_used, codebook_size,
        perplexity, probe_r2_tokens and probe_r2_continuous (None where no states were recorded), num_pairs,
        num_episodes.

    Raises:
        LapaError: if the split is not there, or no clip is longer than the window.

    Source: controllability is Genie's delta-t PSNR (arXiv 2402.15391) at t = 1, over the paper's window.
    """
    rng = np.random.default_rng(seed)
    where = draw_transitions(source, rows_to_judge(source, split), window_s, num_pairs, rng)
    pairs = tqdm(read_transitions(source, where), desc="eval", total=len(where), unit="pair", mininterval=1)
    table = _measure(laq, pairs, rng, batch_size)
    moving = table.change >= np.median(table.change)

    def gain(rows: np.ndarray) -> float:
        return psnr_gain(table.error[rows], table.error_copy[rows])

    low, high = bootstrap_interval(gain, where.clip, seed=seed)
    size = laq.config.codebook_size
    return {
        "psnr": pooled_psnr(table.error),
        "psnr_copy": pooled_psnr(table.error_copy),
        "psnr_gain_db": gain(np.arange(len(where))),
        "psnr_gain_db_low": low,
        "psnr_gain_db_high": high,
        "psnr_gain_db_moving": gain(np.flatnonzero(moving)),
        "controllability_db": psnr_gain(table.error, table.error_random),
        "codes_used": codes_used(table.tokens),
        "codebook_size": size,
        "perplexity": perplexity(table.tokens, size),
        **_probes(table, displacements(source, where), where.clip, size),
        "num_pairs": len(where),
        "num_episodes": len(np.unique(where.clip)),
    }


def rows_to_judge(source: ClipSource, split: str | None) -> list[int]:
    """Return the clips of a split; without one, those of "validation" where the source has it, else all.

    Raises:
        LapaError: if the source names splits, but not this one.
    """
    if split is None and any(record.split == "validation" for record in source.records):
        split = "validation"
    return select_split(source, split)


@torch.inference_mode()
def _measure(laq: LAQ, pairs: Iterable, rng: np.random.Generator, batch_size: int) -> _Table:
    """Run the quantizer over the pairs, batch by batch."""
    columns: list[tuple[np.ndarray, ...]] = []
    for frame, future in _batches(laq, pairs, batch_size):
        encoding = laq.encode(frame, future)
        random = torch.from_numpy(rng.integers(laq.config.codebook_size, size=tuple(encoding.tokens.shape)))
        errors = (
            _squared_error(laq.decode(frame, encoding.tokens), future),
            _squared_error(frame, future),
            _squared_error(laq.decode(frame, random.to(frame.device)), future),
        )
        change = (frame - future).abs().mean(dim=(1, 2, 3))
        columns.append(tuple(x.cpu().numpy() for x in (*errors, change, encoding.tokens, encoding.continuous)))
    error, error_copy, error_random, change, tokens, continuous = map(np.concatenate, zip(*columns, strict=True))
    return _Table(
        error=error,
        error_copy=error_copy,
        error_random=error_random,
        change=change,
        tokens=tokens,
        continuous=continuous,
    )


def _batches(laq: LAQ, pairs: Iterable, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    size, device = laq.config.image_size, laq.codebook.device
    frames, futures = [], []
    for _, frame, future in pairs:
        frames.append(frame)
        futures.append(future)
        if len(frames) == batch_size:
            yield to_pixels(frames, size, device), to_pixels(futures, size, device)
            frames, futures = [], []
    if frames:
        yield to_pixels(frames, size, device), to_pixels(futures, size, device)


def _squared_error(guess: Float[Tensor, "b c h w"], truth: Float[Tensor, "b c h w"]) -> Float[Tensor, "b"]:
    """Return the mean squared error of each picture; a guess outside [0, 1] is clipped, as it would be shown."""
    return (guess.clamp(0, 1) - truth).square().mean(dim=(1, 2, 3))


def _probes(
    table: _Table, moved: Float[np.ndarray, "n 2"], episodes: Int[np.ndarray, "n"], codebook_size: int
) -> dict[str, float | None]:
    """Read the true displacement linearly out of the tokens, and out of the latents before quantisation."""
    known = np.isfinite(moved).all(axis=1)
    if not known.any():
        return {"probe_r2_tokens": None, "probe_r2_continuous": None}
    targets, groups = moved[known].astype(np.float64), episodes[known]
    latents = table.continuous[known].reshape(known.sum(), -1).astype(np.float64)
    return {
        "probe_r2_tokens": probe_r2(one_hot(table.tokens[known], codebook_size), targets, groups),
        "probe_r2_continuous": probe_r2(latents, targets, groups),
    }
