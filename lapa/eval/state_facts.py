"""Where an independent reader finds things in dreamt pictures, against where they truly were.

Errors in metres are shown beside the reader's own, on true frames of the same moments: only their ratio is the dream's.
The reader also measures latent actions carried to another clip, without asking the quantizer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float

from lapa.eval.bootstrap import Bootstrap, unknown
from lapa.eval.dreams import Dreams, Starts, state_rows
from lapa.eval.metrics import weighted_cosine
from lapa.eval.readout import Readout, position_columns
from lapa.eval.sample import choose_others
from lapa.frames import pixels_from_uint8, resize
from lapa.models.load import AnyLAQ
from lapa.protocols import ClipSource

MOVED_M = 0.02
"""A block that is farther than this from where it began has been moved, metres."""
THINGS = ("effector", "moved_blocks", "blocks")


@dataclass(frozen=True, kw_only=True, eq=False)
class Readings:
    """Positions of m things [m 2] per dream and frame: recorded, read off true frames, read off dreamt ones.

    Attributes:
        played: displacement [n s 2] of the end effector, read off each latent action drawn on another clip's first
            frame; NaN where there is one clip only.
    """

    truth: Float[np.ndarray, "n t m 2"]
    of_truth: Float[np.ndarray, "n t m 2"]
    of_dream: Float[np.ndarray, "n t m 2"]
    played: Float[np.ndarray, "n s 2"]


class Reader:
    """Reads dreams; holds the recorded states, and a frame of another clip for each dream."""

    def __init__(self, laq: AnyLAQ, net: Readout, source: ClipSource, starts: Starts, num_steps: int, seed: int):
        states = state_rows(source, starts, num_steps)
        assert states is not None, "a reader is trained on states"
        self._laq, self._net = laq, net
        self._truth = rearrange(states[..., position_columns(source)], "n t (m xy) -> n t m xy", xy=2)
        self._others = choose_others(starts.clip, starts.clip, np.random.default_rng(seed))
        size = laq.config.image_size
        first = zip(starts.clip.tolist(), starts.t.tolist(), strict=True)
        self._first = np.stack([resize(source.frames(clip, [t])[0], size, size) for clip, t in first])

    @torch.inference_mode()
    def read(self, dreams: Dreams) -> Readings:
        """Read every frame of some dreams."""
        truth = self._truth[dreams.rows]
        return Readings(
            truth=truth,
            of_truth=self._positions(dreams.truth, truth.shape),
            of_dream=self._positions(dreams.dream, truth.shape),
            played=self._play(dreams),
        )

    def _positions(self, frames: torch.Tensor, shape: tuple[int, ...]) -> Float[np.ndarray, "n t m 2"]:
        read = self._net(frames.flatten(0, 1)).cpu().numpy()
        return read.reshape(shape).astype(np.float64)

    def _play(self, dreams: Dreams) -> Float[np.ndarray, "n s 2"]:
        """Draw each latent action on the first frame of another clip, and read how far the end effector moved."""
        if self._others is None:
            return np.full((*dreams.tokens.shape[:2], 2), np.nan)
        there = pixels_from_uint8(self._first[self._others[dreams.rows]], dreams.truth.device)
        before = self._net(there)[:, None, :2]
        drawn = [self._laq.decode(there, tokens).clamp(0, 1) for tokens in dreams.tokens.unbind(1)]
        after = torch.stack([self._net(frame) for frame in drawn], 1)[..., :2]
        return (after - before).cpu().numpy().astype(np.float64)


def readout_facts(
    readings: Readings | None, boot: Bootstrap, num_steps: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what the reader found, with intervals, and the same of each step.

    Returns:
        of the end effector, the blocks that have been moved, and all blocks: THING_error_m in dreams,
        THING_error_true_m the reader's own on true frames, THING_error_copy_m of the first frame in place of the dream,
        and THING_ratio of the first two. Over all steps, and with _last of the last. Mean distances, in metres.
        played_cosine: of the displacement read off a latent action drawn on another clip's frame with the true one in
        its own clip, weighted by how far it moved; played_cosine_direct: read off the true frames, the best that can
        be expected of this reader.
    """
    names = [f"{thing}_{kind}" for thing in THINGS for kind in ("error_m", "error_true_m", "error_copy_m", "ratio")]
    played = ("played_cosine", "played_cosine_direct")
    if readings is None:
        nothing = unknown(*names, *(f"{name}_last" for name in names), *played)
        return nothing, [unknown(*names) for _ in range(num_steps)]
    steps = [_facts_of(readings, boot, [step], "") for step in range(1, num_steps + 1)]
    facts = _facts_of(readings, boot, list(range(1, num_steps + 1)), "")
    facts |= _facts_of(readings, boot, [num_steps], "_last")
    return facts | _played_facts(readings, boot), steps


def _facts_of(readings: Readings, boot: Bootstrap, steps: list[int], end: str) -> dict[str, Any]:
    """Measure the distances at these steps."""
    truth, start = readings.truth[:, steps], readings.truth[:, :1]
    dream = _distance(readings.of_dream[:, steps], truth)
    own = _distance(readings.of_truth[:, steps], truth)
    copy = _distance(np.broadcast_to(readings.of_truth[:, :1], truth.shape), truth)
    blocks = np.arange(truth.shape[2]) > 0
    masks = {
        "effector": np.broadcast_to(~blocks, dream.shape),
        "moved_blocks": blocks & (_distance(truth, start) > MOVED_M),
        "blocks": np.broadcast_to(blocks, dream.shape),
    }
    facts: dict[str, Any] = {}
    for thing, mask in masks.items():
        mask = mask & np.isfinite(dream + own + copy)
        if not mask.any():
            facts |= unknown(*(f"{thing}_{kind}{end}" for kind in ("error_m", "error_true_m", "error_copy_m", "ratio")))
            continue

        def mean(of: np.ndarray, mask: np.ndarray = mask):
            return lambda rows: of[rows][mask[rows]].mean() if mask[rows].any() else float("nan")

        def ratio(rows: np.ndarray, mask: np.ndarray = mask) -> float:
            return mean(dream, mask)(rows) / mean(own, mask)(rows)

        facts |= boot.measure(f"{thing}_error_m{end}", mean(dream))
        facts |= boot.measure(f"{thing}_error_true_m{end}", mean(own))
        facts |= boot.measure(f"{thing}_error_copy_m{end}", mean(copy))
        facts |= boot.measure(f"{thing}_ratio{end}", ratio)
    return facts


def _played_facts(readings: Readings, boot: Bootstrap) -> dict[str, Any]:
    """Measure latent actions carried to another clip."""
    if not np.isfinite(readings.played).all():
        return unknown("played_cosine", "played_cosine_direct")
    moved = np.diff(readings.truth[:, :, 0], axis=1)
    direct = np.diff(readings.of_truth[:, :, 0], axis=1)

    def cosine(guess: np.ndarray):
        return lambda rows: weighted_cosine(guess[rows].reshape(-1, 2), moved[rows].reshape(-1, 2))

    return boot.measure("played_cosine", cosine(readings.played)) | boot.measure("played_cosine_direct", cosine(direct))


def _distance(first: Float[np.ndarray, "n t m 2"], second: Float[np.ndarray, "n _ m 2"]) -> Float[np.ndarray, "n t m"]:
    return np.linalg.norm(first - second, axis=-1)
