"""What a policy is worth: does it expect the true tokens, and does the instruction matter to it?"""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
from jaxtyping import Float, Int
from tqdm import tqdm

from lapa.data.instructions import swap_instructions, with_instruction
from lapa.data.transitions import draw_transitions, read_transitions
from lapa.eval.laq import rows_to_judge
from lapa.eval.metrics import bootstrap_interval
from lapa.frames import to_pixels
from lapa.models.load import AnyLAQ
from lapa.models.load_policy import AnyPolicy
from lapa.protocols import ClipSource
from lapa.types import LapaError


def evaluate_policy(
    policy: AnyPolicy,
    laq: AnyLAQ,
    source: ClipSource,
    *,
    num_pairs: int = 2000,
    split: str | None = None,
    seed: int = 0,
    batch_size: int = 32,
) -> dict[str, float | int]:
    """Measure a policy on pairs drawn evenly over the episodes of `split` that have instructions.

    The truth is what the quantizer says of the pair; each token is judged given the true ones before it. The wrong
    instruction is another episode's with the same kind of scene and other words. Without a split: that of
    `default_split`, else everything.

    Returns:
        nll_right, nll_swapped: mean negative log-likelihood per token, in nats, over the same pairs.
        nll_gap: nll_swapped - nll_right; nll_gap_low, nll_gap_high: its 95 % interval over episodes.
        accuracy: share of tokens that are the likeliest one. nll_marginal: of one who knows only how often each
        token comes in training. num_pairs, num_episodes.

    Raises:
        LapaError: if the split is not there, or fewer than two of its clips have different instructions.
    """
    rng = np.random.default_rng(seed)
    rows = with_instruction(source.records, rows_to_judge(source, split))
    if not rows:
        raise LapaError(f"'{source.name}' has no clips with instructions here: a policy is judged by following them")
    where = draw_transitions(source, rows, policy.window_s, num_pairs, rng)
    swapped = swap_instructions(source.records, where.clip, rng)
    kept = np.array([text is not None for text in swapped])
    if not kept.any():
        raise LapaError(f"all clips of '{source.name}' with like scenes have one instruction: none to compare it with")
    right = [source.records[clip].instruction or "" for clip in where.clip]
    pairs = iter(tqdm(read_transitions(source, where), desc="eval", total=len(where), unit="pair", mininterval=1))
    rows, nll, nll_swapped, hits, tokens = [], [], [], [], []
    while batch := list(islice(pairs, batch_size)):
        places, frames, futures = zip(*batch, strict=True)
        true = _encode(laq, frames, futures)
        log_probs = policy.log_probs(frames, [right[i] for i in places], true)
        other = policy.log_probs(frames, [swapped[i] or right[i] for i in places], true)
        nll.append(_nll(log_probs, true))
        nll_swapped.append(_nll(other, true))
        hits.append((log_probs.argmax(-1) == true).mean(1))
        tokens.append(true)
        rows += places
    where, kept = where.at(np.array(rows)), kept[rows]
    gap = np.concatenate(nll_swapped)[kept] - np.concatenate(nll)[kept]
    low, high = bootstrap_interval(lambda drawn: float(gap[drawn].mean()), where.clip[kept], seed=seed)
    marginal = np.log(np.broadcast_to(policy.prior, (len(where), *policy.prior.shape)) + 1e-9)
    return {
        "nll_right": float(np.concatenate(nll)[kept].mean()),
        "nll_swapped": float(np.concatenate(nll_swapped)[kept].mean()),
        "nll_gap": float(gap.mean()),
        "nll_gap_low": low,
        "nll_gap_high": high,
        "accuracy": float(np.concatenate(hits)[kept].mean()),
        "nll_marginal": float(_nll(marginal, np.concatenate(tokens))[kept].mean()),
        "num_pairs": int(kept.sum()),
        "num_episodes": len(np.unique(where.clip[kept])),
    }


@torch.inference_mode()
def _encode(laq: AnyLAQ, frames, futures) -> Int[np.ndarray, "b l"]:
    size, device = laq.config.image_size, laq.device
    return laq.encode(to_pixels(frames, size, device), to_pixels(futures, size, device)).tokens.cpu().numpy()


def _nll(log_probs: Float[np.ndarray, "b l k"], tokens: Int[np.ndarray, "b l"]) -> Float[np.ndarray, "b"]:
    """Return each row's mean negative log-likelihood per token."""
    return -np.take_along_axis(log_probs, tokens[..., None], axis=-1)[..., 0].mean(axis=1)
