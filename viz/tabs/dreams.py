"""A dream in the making: a start, an instruction, the steps so far. Kept on the server under an unguessable id."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lapa.types import Frame, LapaError, LatentAction, LatentIndex, Step
from viz.tabs.selection import Selection
from viz.tabs.shelf import BoundedCache
from viz.tabs.workbench import Workbench

MAX_STEPS = 64
DREAMS_KEPT = 40
MIN_ROWS = 3
"""Transitions a sequence needs in the index before its mean movement is believed."""
DIRECTIONS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, 1.0), "down": (0.0, -1.0)}


@dataclass
class Dream:
    """What was dreamed from one start; `recorded` are the true frames one window apart, as far as the clip goes."""

    selection: Selection
    start: Frame
    recorded: list[Frame]
    steps: list[Step] = field(default_factory=list)

    @property
    def latest(self) -> Frame:
        return self.steps[-1].frame if self.steps else self.start

    def add(self, step: Step) -> None:
        """Append a step, counted on from the ones before it.

        Raises:
            LapaError: if the dream is full.
        """
        if len(self.steps) >= MAX_STEPS:
            raise LapaError(f"a dream ends after {MAX_STEPS} steps: press Dream to start another")
        self.steps.append(
            Step(
                index=len(self.steps),
                latent_action=step.latent_action,
                distributions=step.distributions,
                frame=step.frame,
            )
        )


class Dreams:
    """The dreams of all visitors, the most recent ones kept."""

    def __init__(self, bench: Workbench):
        self._bench = bench
        self._kept = BoundedCache(DREAMS_KEPT)

    def begin(self, selection: Selection) -> str:
        """Start a dream at the selection and return its id."""
        clip, window = self._bench.clip(selection), self._bench.window(selection)
        times = range(selection.t + window, clip.num_frames, window)
        recorded = [clip.frames[t] for t in times[:MAX_STEPS]]
        dream_id = secrets.token_urlsafe(9)
        self._kept.put(dream_id, Dream(selection, self._bench.frame(selection), recorded))
        return dream_id

    def get(self, dream_id: str) -> Dream:
        """Return a dream.

        Raises:
            LapaError: if it is not kept any more.
        """
        dream = self._kept.get(str(dream_id))
        if dream is None:
            raise LapaError("this dream is not kept any more: press Dream to start another")
        return dream


def steering(index: LatentIndex | None) -> dict[str, LatentAction]:
    """Return, per direction, the latent action after which the labelled body moved most that way and least sideways.

    Empty where the index knows no movements.
    """
    if index is None:
        return {}
    known = np.isfinite(index.displacement).all(axis=1)
    codes, where, counts = np.unique(index.codes[known], return_inverse=True, return_counts=True)
    if not (counts >= MIN_ROWS).any():
        return {}
    sums = np.zeros((len(codes), 2))
    np.add.at(sums, where, index.displacement[known])
    means, codes = (sums / counts[:, None])[counts >= MIN_ROWS], codes[counts >= MIN_ROWS]
    return {name: _best(index, codes, means, np.array(way)) for name, way in DIRECTIONS.items()}


def _best(index: LatentIndex, codes: Sequence[int], means: np.ndarray, way: np.ndarray) -> LatentAction:
    sideways = means @ np.array([-way[1], way[0]])
    code = int(codes[int(np.argmax(means @ way - np.abs(sideways)))])
    return LatentAction.from_code(code, code_seq_len=index.code_seq_len, codebook_size=index.codebook_size)
