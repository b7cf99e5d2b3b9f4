"""The tabletop as a simulator: three bodies, two looks, five families of tasks, an expert, several tasks a scene."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from jaxtyping import Float32

from lapa.protocols import Actor
from lapa.types import Frame, LapaError
from lapa.worlds.simulator import EnvSettings, Layout, UnseenSeeds
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.environments import ENVIRONMENTS
from lapa.worlds.tabletop.expert import Expert
from lapa.worlds.tabletop.render import choose_backend
from lapa.worlds.tabletop.shapes import BLOCKS, NUM_BLOCKS
from lapa.worlds.tabletop.sim import CONTROL_HZ, STATE_SIZE
from lapa.worlds.tabletop.tasks import FAMILIES, sample_other_tasks


class TabletopExpert:
    """The scripted expert as an actor: it sees the true state, no pictures, and knows the task without words."""

    needs_frame = False

    def __init__(self, env: TabletopEnv, rng: np.random.Generator | None, noise: float, speed: float):
        if env.task is None:
            raise LapaError(f"the scripted expert does not know the task '{env.instruction}': use the grammar's words")
        self._env = env
        self._expert = Expert(env.task, rng, noise, speed, env.config.embodiment)

    def reset(self, seed: int = 0) -> None:
        """Nothing to forget: there is a new expert for each episode."""

    def act(self, frame: Frame | None = None, instruction: str = "") -> Float32[np.ndarray, "a"]:
        """Return the displacement of each of the body's joints."""
        return self._expert.act(self._env.state).astype(np.float32)


class Tabletop(UnseenSeeds):
    """Blocks on a board."""

    name = "tabletop"
    families = FAMILIES
    embodiments = tuple(BODIES)
    environments = tuple(ENVIRONMENTS)
    fps = CONTROL_HZ
    max_tasks_per_scene = NUM_BLOCKS

    def prepare(self) -> None:
        choose_backend()

    def make(self, settings: EnvSettings) -> TabletopEnv:
        return TabletopEnv(_config(settings), "rgb_array")

    def expert(self, env, rng=None, noise=0.0, speed=1.0) -> Actor:
        return TabletopExpert(env, rng, noise, speed)

    def check(self, settings: EnvSettings) -> None:
        _config(settings)

    def begin(self, env, seed, task, rng):
        observation, info = env.reset(seed=seed)
        if task:
            others = sample_other_tasks(rng, env.state, env.task, task, env.config.split)
            options = {"state": env.state, "task": others[-1], "look": env.look}
            observation, info = env.reset(seed=seed + task, options=options)
        return observation, info

    def layout(self, embodiments: Sequence[str]) -> Layout:
        bodies = [BODIES[name] for name in embodiments]
        own_actions = {body.name: _own_actions(body) for body in bodies}
        return Layout(
            robot_type=f"tabletop_{embodiments[0]}" if len(embodiments) == 1 else "tabletop",
            state_names=_state_names(bodies),
            action_names=tuple(max(own_actions.values(), key=len)),
            own_actions=own_actions,
        )

    def facts(self, info: dict[str, Any]) -> dict[str, Any]:
        return {"blocks": list(info["blocks"])}


def _config(settings: EnvSettings) -> TabletopConfig:
    given = {name: value for name, value in asdict(settings).items() if value not in ("", None)}
    return TabletopConfig(**given)


def _own_actions(body: Body) -> list[str]:
    """Names of the actions that are recorded of a body."""
    return [joint.action for joint in body.joints] if body.records_actions else []


def _state_names(bodies: Sequence[Body]) -> tuple[str, ...]:
    """The part that all bodies share, and the further joints where there is only one body."""
    first, *others = bodies
    poses = [f"{block.name.replace(' ', '_')}_{axis}" for block in BLOCKS for axis in ("x", "y", "yaw")]
    names = ("pusher_x", "pusher_y", *poses)
    assert len(names) == STATE_SIZE
    return names if others else names + tuple(joint.name for joint in first.joints[2:])


SIMULATOR = Tabletop()
