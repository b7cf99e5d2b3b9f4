"""What is recorded: the settings of a data set, one episode of it, and what the whole set says of itself.

A data set may mix embodiments and environments; its scenes then go round them, so that every stretch of it has some of
each. All episodes of a mixed set have one layout: the part of the state that all bodies share, and actions as wide as
the widest body's, with zeros after a body's own. Each episode's row names its embodiment and environment, and
meta/info.json says under "embodiments" which entries of an action are a body's own: none for a hand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float32

from lapa.data.lerobot_writer import DatasetSpec, Episode
from lapa.protocols import Environment
from lapa.types import LapaError
from lapa.worlds.registry import find_simulator, simulator_names
from lapa.worlds.simulator import EnvSettings, Layout, Simulator


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What is recorded. Everything here changes the data; nothing else does."""

    world: str = "tabletop"
    """Which simulator; one of `simulator_names()`."""
    embodiments: tuple[str, ...] = ("arm",)
    """Which bodies; with several, scenes go round them."""
    environments: tuple[str, ...] = ("sim",)
    """Which environments; with several, scenes go round them."""
    num_episodes: int = 2000
    """How many episodes."""
    seed: int = 0
    """Different seeds share no episode."""
    split: str = "train"
    """Name of the split in meta/info.json."""
    tasks: Literal["seen", "unseen"] = "seen"
    """Draw seen tasks and phrasings, or the held-out ones."""
    tasks_per_scene: int = 1
    """So many episodes in a row begin in the same scene, each with a task of its own, at most one per block."""
    num_validation: int = 0
    """So many of the last episodes are the split "validation"; its scenes are new if a multiple of tasks_per_scene."""
    image_size: int = 128
    """Side of the square pictures, pixels."""
    noise: float = 0.35
    """Upper bound of the expert's action noise, as a share of full speed; each episode draws its own below it."""
    episodes_per_file: int = 25
    """Episodes in one video file; also how much is made again after a stop."""

    def __post_init__(self):
        if self.world not in simulator_names():
            raise LapaError(f"there is no world '{self.world}': choose from {', '.join(simulator_names())}")
        if min(self.num_episodes, self.episodes_per_file) < 1 or self.seed < 0:
            raise LapaError(
                f"num_episodes {self.num_episodes} with seed {self.seed} cannot be recorded: "
                "give at least 1 episode and a seed of 0 or more"
            )
        if not 0 <= self.num_validation < self.num_episodes:
            raise LapaError(
                f"{self.num_validation} of {self.num_episodes} episodes cannot be held out: give fewer than there are"
            )
        most = self.simulator.max_tasks_per_scene
        if not 1 <= self.tasks_per_scene <= most:
            raise LapaError(f"{self.tasks_per_scene} tasks per scene do not fit: give 1 to {most}")
        for names in (self.embodiments, self.environments):
            if not names or len(set(names)) < len(names):
                raise LapaError(
                    f"embodiments {', '.join(self.embodiments) or '-'} in environments "
                    f"{', '.join(self.environments) or '-'} cannot be recorded: name each at least one, and none twice"
                )
        for kind in range(self.num_kinds):
            self.simulator.check(self.env_settings(kind * self.tasks_per_scene))

    @property
    def simulator(self) -> Simulator:
        """The world itself."""
        return find_simulator(self.world)

    @property
    def num_kinds(self) -> int:
        """How many pairs of a body and an environment there are."""
        return len(self.embodiments) * len(self.environments)

    def env_settings(self, episode: int) -> EnvSettings:
        """Return the settings of the environment in which an episode is recorded."""
        kinds = list(product(self.environments, self.embodiments))
        environment, embodiment = kinds[episode // self.tasks_per_scene % len(kinds)]
        return EnvSettings(embodiment=embodiment, environment=environment, image_size=self.image_size, split=self.tasks)


def episode_seed(seed: int, episode: int) -> int:
    """Return the environment's seed for an episode: `reset(seed=...)` gives the same scene again; 63 bits."""
    return int(np.random.SeedSequence([seed, episode]).generate_state(1, np.uint64)[0] >> 1)


def record_episode(env: Environment, cfg: CollectConfig, episode: int) -> Episode:
    """Let the expert act once; the last frame is the one before the last action.

    Args:
        env: made with `cfg.env_settings(episode)`.
    """
    scene, task = divmod(episode, cfg.tasks_per_scene)
    seed, simulator = episode_seed(cfg.seed, scene), cfg.simulator
    rng = np.random.default_rng([cfg.seed, episode, 1])
    noise, speed = cfg.noise * rng.random(), 0.75 + 0.25 * rng.random()
    observation, info = simulator.begin(env, seed, task, np.random.default_rng([cfg.seed, scene, 2]))
    expert = simulator.expert(env, rng, noise, speed)
    frames, states, actions, ended = [], [], [], False
    while not ended:
        frames.append(env.render())
        action = expert.act(frames[-1], info["instruction"])
        states.append(observation)
        actions.append(action)
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    settings, layout = cfg.env_settings(episode), simulator.layout(cfg.embodiments)
    facts = {"family": info["family"], "seed": seed, "success": info["success"]} | simulator.facts(info)
    kind = {"embodiment": settings.embodiment, "environment": settings.environment}
    return Episode(
        frames=np.stack(frames),
        states=np.stack(states)[:, : len(layout.state_names)],
        actions=_recorded(np.stack(actions), settings.embodiment, layout),
        instruction=info["instruction"],
        extra=facts | kind,
    )


def dataset_spec(cfg: CollectConfig) -> DatasetSpec:
    """Say what holds for the whole data set."""
    layout = cfg.simulator.layout(cfg.embodiments)
    return DatasetSpec(
        fps=cfg.simulator.fps,
        robot_type=layout.robot_type,
        state_names=layout.state_names,
        action_names=layout.action_names,
        image_size=cfg.image_size,
        split=cfg.split,
        num_validation=cfg.num_validation,
        extra_info={
            "collect": asdict(cfg),
            "embodiments": {name: {"action_names": own} for name, own in layout.own_actions.items()},
        },
    )


def _recorded(actions: Float32[np.ndarray, "t a"], body: str, layout: Layout) -> Float32[np.ndarray, "t w"] | None:
    """Return a body's actions in the layout of the data set; None where none has any."""
    num_own, width = len(layout.own_actions[body]), len(layout.action_names)
    if width == 0:
        return None
    wide = np.zeros((len(actions), width), np.float32)
    wide[:, :num_own] = actions[:, :num_own]
    return wide
