"""What `collect`, `eval robot` and `act` know of a simulator: how to make it, its expert, its tasks, what is recorded.

A new simulator is one file in `lapa/worlds/simulators`: a subclass of `Simulator`, and `SIMULATOR`, an instance of it.
Only `make` must be written for a policy to be measured in it; `expert` makes it one that data can be recorded in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapa.protocols import Actor, Environment
from lapa.types import LapaError


@dataclass(frozen=True, kw_only=True)
class EnvSettings:
    """Which of a simulator's environments. Empty names and None stand for the simulator's own defaults."""

    embodiment: str = ""
    """Whose body acts."""
    environment: str = ""
    """How it looks there."""
    image_size: int = 128
    """Side of the square pictures, pixels, where the simulator can choose it."""
    split: str = "seen"
    """Tasks and phrasings that are "seen" in training, or held out ("unseen"), where the simulator tells them apart."""
    max_steps: int | None = None
    """An episode is cut off after so many steps."""


class Simulator:
    """One simulator, by default as any Gymnasium environment is.

    Attributes:
        name: as `--env` and `collect` call it.
        families: kinds of tasks, which `reset(options={"family": ...})` draws from; ("",) where it knows none.
        embodiments, environments: what `EnvSettings` may name, the default first.
        fps: steps a second, for what is recorded.
    """

    name: str = ""
    families: tuple[str, ...] = ("",)
    embodiments: tuple[str, ...] = ("",)
    environments: tuple[str, ...] = ("",)
    fps: int = 10

    def prepare(self) -> None:
        """Do what must be done once before processes are started, such as choosing how to draw."""

    def make(self, settings: EnvSettings) -> Environment:
        """Make an environment that draws.

        Raises:
            LapaError: if there is none of that kind, or it is not installed.
        """
        raise NotImplementedError

    def evaluation_seed(self, seed: int, family: str, episode: int) -> int:
        """Return the seed of an episode of an evaluation: a number of 31 bits, which every simulator takes.

        A simulator whose data sets `collect` records overrides it with numbers that no recorded episode has.
        """
        return _hash(seed, family, episode) >> 33

    # For `collect`.

    def expert(
        self, env: Environment, rng: np.random.Generator | None = None, noise: float = 0.0, speed: float = 1.0
    ) -> Actor:
        """Return the scripted expert for the episode that `env` has begun.

        Args:
            noise: of its actions, as a share of full speed; speed: share of full speed.

        Raises:
            LapaError: if there is none.
        """
        raise LapaError(f"'{self.name}' has no scripted expert: nothing can be recorded in it, and nothing compared")

    def check(self, settings: EnvSettings) -> None:
        """Refuse settings that nothing can be recorded with.

        Raises:
            LapaError: if they cannot be.
        """

    max_tasks_per_scene: int = 1
    """So many episodes may begin in one scene."""

    def begin(
        self, env: Environment, seed: int, task: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode `task` of the scene that `seed` draws; `rng` is the same for all of a scene's."""
        return env.reset(seed=seed + task)

    def layout(self, embodiments: Sequence[str]) -> Layout:
        """Say what is recorded of episodes of these bodies."""
        raise NotImplementedError

    def facts(self, info: dict[str, Any]) -> dict[str, Any]:
        """Return what else to write beside an episode."""
        return {}


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a row of a data set holds.

    Attributes:
        robot_type: as meta/info.json says it.
        state_names, action_names: of the entries; an action is as wide as the widest body's.
        own_actions: which entries each body has, by name of the body; none where its actions could not be recorded.
    """

    robot_type: str
    state_names: tuple[str, ...]
    action_names: tuple[str, ...]
    own_actions: dict[str, list[str]]


class UnseenSeeds(Simulator):
    """A simulator whose data sets are recorded: evaluation draws scenes that no data set can hold.

    `collect` seeds an episode with a number below 2**64 (`lapa.worlds.recording.episode_seed`: 63 bits, and the number
    of its task added); evaluation with 2**64 and more.
    """

    def evaluation_seed(self, seed: int, family: str, episode: int) -> int:
        return 2**64 + _hash(seed, family, episode)


def _hash(seed: int, family: str, episode: int) -> int:
    return int(np.random.SeedSequence([seed, episode, *family.encode()]).generate_state(1, np.uint64)[0])
