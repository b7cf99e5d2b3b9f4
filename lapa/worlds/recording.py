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
from lapa.types import LapaError
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.expert import Expert
from lapa.worlds.tabletop.shapes import BLOCKS, NUM_BLOCKS
from lapa.worlds.tabletop.sim import CONTROL_HZ, STATE_SIZE
from lapa.worlds.tabletop.tasks import sample_other_tasks

WORLDS = ("tabletop",)


@dataclass(frozen=True, kw_only=True)
class CollectConfig:
    """What is recorded. Everything here changes the data; nothing else does."""

    world: str = "tabletop"
    """Which world; one of `WORLDS`."""
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
        if self.world not in WORLDS:
            raise LapaError(f"there is no world '{self.world}': choose from {', '.join(WORLDS)}")
        if min(self.num_episodes, self.episodes_per_file) < 1 or self.seed < 0:
            raise LapaError(
                f"num_episodes {self.num_episodes} with seed {self.seed} cannot be recorded: "
                "give at least 1 episode and a seed of 0 or more"
            )
        if not 0 <= self.num_validation < self.num_episodes:
            raise LapaError(
                f"{self.num_validation} of {self.num_episodes} episodes cannot be held out: give fewer than there are"
            )
        if not 1 <= self.tasks_per_scene <= NUM_BLOCKS:
            raise LapaError(f"{self.tasks_per_scene} tasks per scene do not fit: give 1 to {NUM_BLOCKS}")
        for names in (self.embodiments, self.environments):
            if not names or len(set(names)) < len(names):
                raise LapaError(
                    f"embodiments {', '.join(self.embodiments) or '-'} in environments "
                    f"{', '.join(self.environments) or '-'} cannot be recorded: name each at least one, and none twice"
                )
        for kind in range(self.num_kinds):
            self.env_config(kind * self.tasks_per_scene)

    @property
    def num_kinds(self) -> int:
        """How many pairs of a body and an environment there are."""
        return len(self.embodiments) * len(self.environments)

    @property
    def bodies(self) -> list[Body]:
        """The bodies that are recorded."""
        return [BODIES[name] for name in self.embodiments]

    def env_config(self, episode: int) -> TabletopConfig:
        """Return the settings of the environment in which an episode is recorded."""
        kinds = list(product(self.environments, self.embodiments))
        environment, embodiment = kinds[episode // self.tasks_per_scene % len(kinds)]
        return TabletopConfig(
            embodiment=embodiment, environment=environment, image_size=self.image_size, split=self.tasks
        )


def episode_seed(seed: int, episode: int) -> int:
    """Return the environment's seed for an episode: `TabletopEnv().reset(seed=...)` gives the same scene again."""
    return int(np.random.SeedSequence([seed, episode]).generate_state(1, np.uint64)[0] >> 1)


def record_episode(env: TabletopEnv, cfg: CollectConfig, episode: int) -> Episode:
    """Let the expert act once; the last frame is the one before the last action.

    Args:
        env: made with `cfg.env_config(episode)`.
    """
    scene, task = divmod(episode, cfg.tasks_per_scene)
    seed = episode_seed(cfg.seed, scene)
    rng = np.random.default_rng([cfg.seed, episode, 1])
    noise, speed = cfg.noise * rng.random(), 0.75 + 0.25 * rng.random()
    observation, info = env.reset(seed=seed)
    if task:
        others = sample_other_tasks(np.random.default_rng([cfg.seed, scene, 2]), env.state, env.task, task, cfg.tasks)
        options = {"state": env.state, "task": others[-1], "look": env.look}
        observation, info = env.reset(seed=seed + task, options=options)
    expert = Expert(env.task, rng, noise, speed, env.config.embodiment)
    frames, states, actions, ended = [], [], [], False
    while not ended:
        action = expert.act(env.state).astype(np.float32)
        frames.append(env.render())
        states.append(observation)
        actions.append(action)
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
    facts = {"family": info["family"], "seed": seed, "success": info["success"], "blocks": list(info["blocks"])}
    kind = {"embodiment": env.config.embodiment, "environment": env.config.environment}
    return Episode(
        frames=np.stack(frames),
        states=np.stack(states)[:, : len(_state_names(cfg))],
        actions=_recorded(np.stack(actions), env.config.body, cfg),
        instruction=info["instruction"],
        extra=facts | kind,
    )


def dataset_spec(cfg: CollectConfig) -> DatasetSpec:
    """Say what holds for the whole data set."""
    return DatasetSpec(
        fps=CONTROL_HZ,
        robot_type=f"tabletop_{cfg.embodiments[0]}" if len(cfg.embodiments) == 1 else "tabletop",
        state_names=_state_names(cfg),
        action_names=_action_names(cfg),
        image_size=cfg.image_size,
        split=cfg.split,
        num_validation=cfg.num_validation,
        extra_info={
            "collect": asdict(cfg),
            "embodiments": {body.name: {"action_names": _own_actions(body)} for body in cfg.bodies},
        },
    )


def _own_actions(body: Body) -> list[str]:
    """Names of the actions that are recorded of a body."""
    return [joint.action for joint in body.joints] if body.records_actions else []


def _action_names(cfg: CollectConfig) -> tuple[str, ...]:
    """Those of the body with most; every body's own are the first of them."""
    return tuple(max((_own_actions(body) for body in cfg.bodies), key=len))


def _state_names(cfg: CollectConfig) -> tuple[str, ...]:
    """The part that all bodies share, and the further joints where there is only one body."""
    first, *others = cfg.bodies
    poses = [f"{block.name.replace(' ', '_')}_{axis}" for block in BLOCKS for axis in ("x", "y", "yaw")]
    names = ("pusher_x", "pusher_y", *poses)
    assert len(names) == STATE_SIZE
    return names if others else names + tuple(joint.name for joint in first.joints[2:])


def _recorded(actions: Float32[np.ndarray, "t a"], body: Body, cfg: CollectConfig) -> Float32[np.ndarray, "t w"] | None:
    """Return a body's actions in the layout of the data set; None where none has any."""
    num_own, width = len(_own_actions(body)), len(_action_names(cfg))
    if width == 0:
        return None
    wide = np.zeros((len(actions), width), np.float32)
    wide[:, :num_own] = actions[:, :num_own]
    return wide
