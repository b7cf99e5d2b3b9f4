"""The three protocols: who labels, who chooses, what world answers.

LAPA, VPT, ActionVLA and SCRATCH are the same training code with another `Labeler`; whatever drives one `World`
drives them all. Only nouns cross these borders, never tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from lapa.types import Clip, Frame, FramePair, Frames, LatentAction, Prediction


@runtime_checkable
class Labeler(Protocol):
    """Says what happened between two frames (quantizer tokens, inverse-dynamics actions, true actions)."""

    def label(self, pairs: Sequence[FramePair]) -> list[LatentAction]: ...


@runtime_checkable
class Policy(Protocol):
    """Says what should happen next."""

    def predict(
        self,
        frame: Frame,
        instruction: str,
        *,
        temperature: float = 0.0,
        top_k: int = 0,
        prefix: Sequence[int] = (),
        rng: np.random.Generator | None = None,
    ) -> Prediction: ...


@runtime_checkable
class World(Protocol):
    """Says what the next frame is (a quantizer's decoder, a recorded clip, a simulator)."""

    def step(self, frame: Frame, latent_action: LatentAction) -> Frame: ...


@dataclass(frozen=True, kw_only=True)
class ClipRecord:
    """One clip of a source, before anything is decoded.

    Attributes:
        name: unique within the source (a file name, "episode_000012").
        num_frames, fps: of the video.
        instruction: or None.
        split: "train", "validation", ... or "" where the source names none.
        scene: the kind of scene, for comparing like with like ("" where unknown).
        embodiment: whose body acts; environment: how it looks there; site: at which laboratory ("" where unknown).
        success: whether the task was done, or None where nobody said.
    """

    name: str
    num_frames: int
    fps: float
    instruction: str | None = None
    split: str = ""
    scene: str = ""
    embodiment: str = ""
    environment: str = ""
    site: str = ""
    success: bool | None = None


@runtime_checkable
class ClipSource(Protocol):
    """A data set: a list of records, each of which can be opened as a `Clip`."""

    name: str
    path: Path
    records: Sequence[ClipRecord]

    def clip(self, i: int) -> Clip:
        """Decode clip `i`."""
        ...

    def chunks(self, i: int) -> Iterator[Frames]:
        """Decode clip `i` in order, a block of frames of bounded size at a time, uint8 [t h w 3]: what comes before
        any damage, for clips of any length.

        Raises:
            LapaError: as `clip`; at the latest when what can be read has been yielded.
        """
        ...

    def frames(self, i: int, indices: Sequence[int]) -> np.ndarray:
        """Decode only these frames of clip `i`: uint8 [t h w 3]."""
        ...

    def actions(self, i: int) -> np.ndarray | None:
        """True actions of clip `i`, float32 [t a], or None where none were recorded."""
        ...

    def states(self, i: int) -> np.ndarray | None:
        """Recorded states of clip `i`, float32 [t n], whatever they are; None where none were recorded."""
        ...

    def positions(self, i: int) -> np.ndarray | None:
        """Where the end effector was, float32 [t 2]: x right, y forward, metres; None where nobody said which it is."""
        ...

    def identity(self, rows: Sequence[int]) -> list[Any]:
        """What determines the frames, the rates and the instructions of the clips `rows`, as JSON: files, as
        `lapa.data.identity` describes them, and what is known of them otherwise. What is cached of them is named by it.
        """
        ...

    def __iter__(self) -> Iterator[Clip]: ...
