"""The protocols: who labels, who chooses, who acts, what world answers.

LAPA, VPT, ActionVLA and SCRATCH are the same training code with another `Labeler`; whatever drives one `World`
drives them all. A `Policy` with a `World` dreams; an `Actor` in an `Environment` acts. Only nouns cross these borders,
never tensors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Int

from lapa.types import Clip, Frame, Frames, LatentAction, Prediction


@runtime_checkable
class Pairs(Protocol):
    """Pairs of frames of a data set.

    Attributes:
        frames: uint8 [m h w 3]; first, later: int [n], between which two of them each pair is.
        clip: int [n], row of the source's records; t: int [n], number of the current frame in it.
    """

    @property
    def frames(self) -> Frames: ...
    @property
    def first(self) -> Int[np.ndarray, "n"]: ...
    @property
    def later(self) -> Int[np.ndarray, "n"]: ...
    @property
    def clip(self) -> Int[np.ndarray, "n"]: ...
    @property
    def t(self) -> Int[np.ndarray, "n"]: ...


@runtime_checkable
class Labeler(Protocol):
    """Says what happened between two frames (quantizer tokens, true actions, inverse-dynamics actions).

    Attributes:
        kind: what its labels are, "tokens" or "actions".
        num_choices: how many values each of a label's l places chooses from.
    """

    kind: str
    num_choices: tuple[int, ...]

    def label(self, pairs: Pairs) -> Int[np.ndarray, "n l"]:
        """Return one label a pair: integers, each less than its place's number of choices; -1 where unknown."""
        ...


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


@runtime_checkable
class Actor(Protocol):
    """Says what the robot should do now.

    An actor may decide on several actions at once and hand them out one by one; `needs_frame` is False while some are
    left, so that nobody draws a picture that nobody looks at.
    """

    @property
    def needs_frame(self) -> bool:
        """Whether the next `act` looks at a picture."""
        ...

    def reset(self, seed: int = 0) -> None:
        """Begin a new episode: forget the one before; `seed` decides what is left to chance."""
        ...

    def act(self, frame: Frame | None, instruction: str) -> Float32[np.ndarray, "a"]:
        """Return the action of one step; `frame` may be None unless `needs_frame`."""
        ...


@runtime_checkable
class Environment(Protocol):
    """A place to act in: the shape of a Gymnasium environment made with `render_mode="rgb_array"`.

    `info`, which `reset` and `step` give back, says `success` (bool; None where nobody can tell), `instruction` (str)
    and `family` (str, the kind of task), and where the environment knows, `progress` (float in [0, 1], how far the
    task has come at best). All but `success` may be missing.
    """

    action_space: Any

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode, which `seed` determines, or the `options` do ("family", "instruction", a state)."""
        ...

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Take one action; return observation, reward, terminated, truncated and info."""
        ...

    def render(self) -> Any:
        """Return the picture, uint8 [h w 3]."""
        ...

    def close(self) -> None: ...


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
