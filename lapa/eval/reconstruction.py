"""Does it draw the future, and only because of the tokens?

Five futures of each frame are drawn: under the true tokens, under random ones, under another clip's, under those of
"nothing happened" (the frame beside itself), and under those of an unrelated future, which must not be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from lapa.eval.bootstrap import Bootstrap, Facts, unknown
from lapa.eval.metrics import pooled_psnr, psnr_gain, ssim
from lapa.eval.sample import Bank, Batch
from lapa.frames import to_frames
from lapa.models.load import AnyLAQ


@dataclass(frozen=True, kw_only=True, eq=False)
class Errors:
    """One row per pair; errors are mean squared, of pictures in [0, 1]. What needs another clip is None without one.

    Attributes:
        true, random, shuffled: of the future drawn under its tokens, random tokens, another clip's tokens.
        copy: of the frame in place of the future. change: mean absolute change from frame to future.
        ssim, ssim_copy: similarity to the future of the future drawn, and of the frame.
        identity: of the frame drawn under its tokens beside itself, `identity_tokens`.
        leak: to an unrelated future, drawn under the tokens of frame and that future; leak_random: under random ones.
    """

    true: Float[np.ndarray, "n"]
    random: Float[np.ndarray, "n"]
    shuffled: Float[np.ndarray, "n"] | None
    copy: Float[np.ndarray, "n"]
    change: Float[np.ndarray, "n"]
    ssim: Float[np.ndarray, "n"]
    ssim_copy: Float[np.ndarray, "n"]
    identity: Float[np.ndarray, "n"]
    identity_tokens: Int[np.ndarray, "n l"]
    leak: Float[np.ndarray, "n"] | None
    leak_random: Float[np.ndarray, "n"] | None


@torch.inference_mode()
def reconstruct(laq: AnyLAQ, batch: Batch, tokens: Int[Tensor, "b l"], bank: Bank, rng: np.random.Generator) -> Errors:
    """Draw the futures of a batch and compare them."""
    frame, future, device = batch.frame, batch.future, batch.frame.device
    chosen = rng.integers(laq.config.codebook_size, size=tuple(tokens.shape))
    drawn, random = laq.decode(frame, tokens), laq.decode(frame, torch.from_numpy(chosen).to(device))
    still = laq.encode(frame, frame).tokens
    shuffled = leak = leak_random = None
    if batch.others is not None:
        theirs = torch.from_numpy(bank.tokens[batch.others]).to(device)
        unrelated = bank.pixels(batch.others, device)[1]
        shuffled = squared_error(laq.decode(frame, theirs), future)
        leak = squared_error(laq.decode(frame, laq.encode(frame, unrelated).tokens), unrelated)
        leak_random = squared_error(random, unrelated)
    truth = to_frames(future)
    return Errors(
        true=squared_error(drawn, future),
        random=squared_error(random, future),
        shuffled=shuffled,
        copy=squared_error(frame, future),
        change=(frame - future).abs().mean(dim=(1, 2, 3)).cpu().numpy(),
        ssim=ssim(to_frames(drawn), truth),
        ssim_copy=ssim(to_frames(frame), truth),
        identity=squared_error(laq.decode(frame, still), frame),
        identity_tokens=still.cpu().numpy(),
        leak=leak,
        leak_random=leak_random,
    )


def squared_error(guess: Float[Tensor, "b c h w"], truth: Float[Tensor, "b c h w"]) -> Float[np.ndarray, "b"]:
    """Return the mean squared error of each picture; a guess outside [0, 1] is clipped, as it would be shown."""
    return (guess.clamp(0, 1) - truth).square().mean(dim=(1, 2, 3)).cpu().numpy()


def reconstruction_facts(errors: Errors, boot: Bootstrap) -> Facts:
    """Return PSNR, SSIM, their gains over copying the frame, and controllability, with intervals.

    Source: controllability is Genie's delta-t PSNR (arXiv 2402.15391) at t = 1, over the paper's window; shuffled
    tokens are fairer than random ones, since a decoder may never have seen a random sequence.
    """
    moving = errors.change >= np.median(errors.change)

    def gain(of: str, over: str):
        return lambda rows: psnr_gain(getattr(errors, of)[rows], getattr(errors, over)[rows])

    def gain_moving(rows: np.ndarray) -> float:
        rows = rows[moving[rows]]
        return psnr_gain(errors.true[rows], errors.copy[rows]) if len(rows) else float("nan")

    facts = (
        boot.measure("psnr", lambda rows: pooled_psnr(errors.true[rows]))
        | boot.measure("psnr_copy", lambda rows: pooled_psnr(errors.copy[rows]))
        | boot.measure("psnr_gain_db", gain("true", "copy"))
        | boot.measure("psnr_gain_db_moving", gain_moving)
        | boot.measure("ssim", lambda rows: errors.ssim[rows].mean())
        | boot.measure("ssim_copy", lambda rows: errors.ssim_copy[rows].mean())
        | boot.measure("ssim_gain", lambda rows: (errors.ssim[rows] - errors.ssim_copy[rows]).mean())
        | boot.measure("controllability_db", gain("true", "random"))
    )
    if errors.shuffled is None:
        return facts | unknown("controllability_shuffled_db")
    return facts | boot.measure("controllability_shuffled_db", gain("true", "shuffled"))


def identity_facts(errors: Errors, boot: Bootstrap) -> dict[str, Any]:
    """Return what a frame beside itself is called, and how much is drawn although nothing happened.

    Returns:
        identity_label: the commonest tokens of (x, x), and identity_share: in how many frames it is these.
        identity_psnr: of decode(x, encode(x, x)) to x; identity_change: its squared error as a share of that of a
        true change (0: nothing is drawn; 1: as much as when something happens). With intervals.
    """
    sequences, counts = np.unique(errors.identity_tokens, axis=0, return_counts=True)
    common = sequences[counts.argmax()]
    same = (errors.identity_tokens == common).all(axis=1)

    def change(rows: np.ndarray) -> float:
        return float(errors.identity[rows].mean() / max(errors.copy[rows].mean(), 1e-12))

    return {
        "identity_label": "-".join(map(str, common.tolist())),
        **boot.measure("identity_share", lambda rows: same[rows].mean()),
        **boot.measure("identity_psnr", lambda rows: pooled_psnr(errors.identity[rows])),
        **boot.measure("identity_change", change),
    }


def leak_facts(errors: Errors, boot: Bootstrap) -> Facts:
    """Return how many dB nearer tokens of (x, u) come to the unrelated future u than random ones do; 0 is best."""
    near, far = errors.leak, errors.leak_random
    if near is None or far is None:
        return unknown("leak_db")
    return boot.measure("leak_db", lambda rows: psnr_gain(near[rows], far[rows]))
