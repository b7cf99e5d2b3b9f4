"""What a quantizer's decoder is worth as a world: does it stay sharp and right when it feeds on its own pictures?

Pictures are compared with the true ones here; where states were recorded, an independent reader that saw only true
frames says where it finds the end effector and the blocks (`readout.py`, `state_facts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lapa.eval.bootstrap import Bootstrap
from lapa.eval.dreams import Dreams, choose_starts, dream_all
from lapa.eval.metrics import pooled_psnr, psnr_gain, ssim
from lapa.eval.readout import Readout, ReadoutConfig, draw_frames, position_columns, train_readout
from lapa.eval.reconstruction import squared_error
from lapa.eval.sample import check_tokens, rows_to_judge, stack
from lapa.eval.state_facts import Reader, readout_facts
from lapa.eval.targets import why_flow
from lapa.frames import to_frames
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource
from lapa.types import LapaError

CHANGED = 0.05
"""Pixels that differ by more than this from the first frame are where something moved."""
MAX_READER_CLIPS = 400
"""Clips that the reader learns from, at most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pictures:
    """One row per dream, one column per step: squared errors, similarities, gradient energies."""

    error: Float[np.ndarray, "n s"]
    copy: Float[np.ndarray, "n s"]
    ssim: Float[np.ndarray, "n s"]
    ssim_copy: Float[np.ndarray, "n s"]
    energy: Float[np.ndarray, "n s"]
    energy_true: Float[np.ndarray, "n s"]
    moving: Float[np.ndarray, "n s"]
    moving_true: Float[np.ndarray, "n s"]


def evaluate_world(
    laq: AnyLAQ,
    source: ClipSource,
    *,
    window_s: float,
    num_steps: int = 8,
    num_dreams: int = 200,
    split: str | None = None,
    seed: int = 0,
    batch_size: int = 16,
    readout: ReadoutConfig | None = None,
    readout_source: ClipSource | None = None,
) -> dict[str, Any]:
    """Dream on held-out clips with their own tokens, `num_steps` steps on the decoder's own pictures.

    The reader learns from `readout_source`, or from the clips of `source` that are not judged, or, where all are to be
    judged, from every other clip, which then is not.

    Returns:
        over all steps, and with _last of the last step alone: psnr, psnr_copy, psnr_gain_db (over the first frame),
        ssim, ssim_copy, sharpness (gradient energy as a share of the truth's), sharpness_moving (where the true picture
        differs from the first frame). Then what readout_facts returns, None where no states were recorded.
        steps: the same of each step; num_steps, num_dreams, num_episodes, num_too_short. With intervals over episodes.

    Raises:
        LapaError: if the split is not there, no clip is long enough, the reader's data are of another world, or the
            quantizer has no tokens.
    """
    check_tokens(laq)
    rows, teachers, teacher_rows = _split_reader(source, rows_to_judge(source, split), readout_source)
    starts = choose_starts(source, rows, window_s, num_steps, num_dreams)
    reader = None
    if teacher_rows:
        net = _train_reader(laq, teachers, teacher_rows, readout or ReadoutConfig(), seed)
        reader = Reader(laq, net, source, starts, num_steps, seed)
    pictures, readings, seen = [], [], []
    for dreams in dream_all(laq, source, starts, num_steps, batch_size):
        pictures.append(_compare(dreams))
        seen.append(starts.clip[dreams.rows])
        if reader is not None:
            readings.append(reader.read(dreams))
    if not seen:
        raise LapaError(f"no clip of '{source.name}' can be read as far as a dream of {num_steps} steps goes")
    clip = np.concatenate(seen)
    boot = Bootstrap(clip, seed=seed)
    facts, steps = _picture_facts(stack(pictures), boot, num_steps)
    read, read_steps = readout_facts(stack(readings) if readings else None, boot, num_steps)
    return {
        **facts,
        **read,
        "steps": [one | other for one, other in zip(steps, read_steps, strict=True)],
        "num_steps": num_steps,
        "num_dreams": len(clip),
        "num_episodes": len(np.unique(clip)),
        "num_too_short": starts.num_too_short,
        "num_reader_episodes": len(teacher_rows),
        "note": "" if teacher_rows else why_flow(source),
    }


def _split_reader(
    source: ClipSource, judged: list[int], teachers: ClipSource | None
) -> tuple[list[int], ClipSource, list[int]]:
    """Return the clips to judge, and whose clips the reader learns from; none where no states were recorded."""
    if not judged or source.positions(judged[0]) is None:
        return judged, source, []
    apart = teachers is not None and teachers.path.resolve() != source.path.resolve()
    if teachers is not None and apart:
        learned = list(range(len(teachers.records)))
    else:
        teachers, learned = source, sorted(set(range(len(source.records))) - set(judged))
    if not learned:
        judged, learned = judged[::2], judged[1::2]
    if len(position_columns(teachers)) != len(position_columns(source)):
        raise LapaError(
            f"'{teachers.name}' records the places of {len(position_columns(teachers)) // 2} things and "
            f"'{source.name}' of {len(position_columns(source)) // 2}: let the reader learn from data of the same world"
        )
    learned = [row for row in learned if teachers.records[row].num_frames > 0]
    every = -(-len(learned) // MAX_READER_CLIPS) if learned else 1
    return judged, teachers, [row for row in learned[::every] if teachers.positions(row) is not None]


def _train_reader(laq: AnyLAQ, teachers: ClipSource, rows: Sequence[int], config: ReadoutConfig, seed: int) -> Readout:
    columns = position_columns(teachers)
    frames, states = draw_frames(teachers, rows, columns, config, laq.config.image_size, seed)
    return train_readout(frames, states, config, device=next(laq.parameters()).device, seed=seed)


@torch.inference_mode()
def _compare(dreams: Dreams) -> _Pictures:
    """Compare dreamt and true pictures, step by step."""
    columns = []
    start = dreams.truth[:, 0]
    for step in range(1, dreams.truth.shape[1]):
        truth, dream = dreams.truth[:, step], dreams.dream[:, step]
        seen = to_frames(truth)
        sharp, sharp_true = _gradient_energy(dream), _gradient_energy(truth)
        moved = (truth - start).abs().mean(dim=1) > CHANGED
        columns.append(
            (
                squared_error(dream, truth),
                squared_error(start, truth),
                ssim(to_frames(dream), seen),
                ssim(to_frames(start), seen),
                *(x.mean(dim=(1, 2)).cpu().numpy() for x in (sharp, sharp_true, sharp * moved, sharp_true * moved)),
            )
        )
    error, copy, alike, alike_copy, *energies = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    energy, energy_true, moving, moving_true = energies
    return _Pictures(
        error=error,
        copy=copy,
        ssim=alike,
        ssim_copy=alike_copy,
        energy=energy,
        energy_true=energy_true,
        moving=moving,
        moving_true=moving_true,
    )


def _gradient_energy(pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b h w"]:
    """Return the squared differences to the right and lower neighbours, summed over channels; 0 at the far edges."""
    energy = torch.zeros_like(pixels)
    energy[..., :, :-1] += (pixels[..., :, 1:] - pixels[..., :, :-1]).square()
    energy[..., :-1, :] += (pixels[..., 1:, :] - pixels[..., :-1, :]).square()
    return energy.sum(dim=1)


def _picture_facts(p: _Pictures, boot: Bootstrap, num_steps: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the facts over all steps and of the last, and those of each step."""
    steps = [{"step": step + 1, **_facts_of(p, boot, [step])} for step in range(num_steps)]
    last = {_ending(key, "_last"): value for key, value in steps[-1].items() if key != "step"}
    return _facts_of(p, boot, list(range(num_steps))) | last, steps


def _facts_of(p: _Pictures, boot: Bootstrap, steps: list[int]) -> dict[str, float | None]:
    def cut(column: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return column[np.ix_(rows, steps)].reshape(-1)

    def ratio(over: np.ndarray, under: np.ndarray):
        return lambda rows: cut(over, rows).sum() / max(cut(under, rows).sum(), 1e-12)

    return (
        boot.measure("psnr", lambda rows: pooled_psnr(cut(p.error, rows)))
        | boot.measure("psnr_copy", lambda rows: pooled_psnr(cut(p.copy, rows)))
        | boot.measure("psnr_gain_db", lambda rows: psnr_gain(cut(p.error, rows), cut(p.copy, rows)))
        | boot.measure("ssim", lambda rows: cut(p.ssim, rows).mean())
        | boot.measure("ssim_copy", lambda rows: cut(p.ssim_copy, rows).mean())
        | boot.measure("sharpness", ratio(p.energy, p.energy_true))
        | boot.measure("sharpness_moving", ratio(p.moving, p.moving_true))
    )


def _ending(key: str, end: str) -> str:
    """Put `end` behind a name but before the ends of its interval."""
    for bound in ("_low", "_high"):
        if key.endswith(bound):
            return key.removesuffix(bound) + end + bound
    return key + end
