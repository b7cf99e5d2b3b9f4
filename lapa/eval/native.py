"""Does it draw the future at the clip's own size? What people see, where `reconstruction.py` says what the model sees.

Measured on fewer pairs than all else, for large pictures take long.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Int

from lapa.data.transitions import Transitions, read_transitions
from lapa.eval.bootstrap import Bootstrap, Facts
from lapa.eval.metrics import pooled_psnr, psnr_gain
from lapa.frames import pixels_from_uint8, resize, to_frames
from lapa.limits import fit
from lapa.models.draw import draw, moves_pixels
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource
from lapa.types import Frame

NUM_PAIRS = 300
"""Pairs, spread evenly over all that are judged."""


@torch.inference_mode()
def native_facts(
    laq: AnyLAQ, source: ClipSource, where: Transitions, tokens: Int[np.ndarray, "n l"], *, seed: int = 0
) -> Facts:
    """Draw up to 300 futures under `tokens` at the clip's own size, at most 1280 px on the longer side.

    Returns:
        psnr_native, and psnr_native_copy of the frame in place of the future, in dB, psnr_native_gain_db: the
        difference; with intervals over episodes. What a head draws that cannot move pixels is stretched.
    """
    some = np.unique(np.linspace(0, len(where) - 1, min(NUM_PAIRS, len(where))).astype(np.int64))
    read, drawn, copied = [], [], []
    for row, frame, future in read_transitions(source, where.at(some)):
        frame, truth = fit(frame), pixels_from_uint8(np.stack([fit(future)]), laq.device)
        chosen = torch.from_numpy(tokens[some[row]][None]).to(laq.device)
        read.append(some[row])
        drawn.append(_error(_future(laq, frame, chosen), truth))
        copied.append(_error(pixels_from_uint8(np.stack([frame]), laq.device), truth))
    true, copy, boot = np.array(drawn), np.array(copied), Bootstrap(where.clip[read], seed=seed)
    return (
        boot.measure("psnr_native", lambda rows: pooled_psnr(true[rows]))
        | boot.measure("psnr_native_copy", lambda rows: pooled_psnr(copy[rows]))
        | boot.measure("psnr_native_gain_db", lambda rows: psnr_gain(true[rows], copy[rows]))
    )


def _future(laq: AnyLAQ, frame: Frame, tokens: torch.Tensor) -> torch.Tensor:
    """Return one future at the frame's size, [1 3 h w]."""
    (future,) = draw(laq, frame, tokens)
    if moves_pixels(laq) or tuple(future.shape[-2:]) == frame.shape[:2]:
        return future
    stretched = resize(to_frames(future)[0], *frame.shape[:2])
    return pixels_from_uint8(np.stack([stretched]), laq.device)


def _error(guess: torch.Tensor, truth: torch.Tensor) -> float:
    return float((guess.clamp(0, 1) - truth).square().mean())
