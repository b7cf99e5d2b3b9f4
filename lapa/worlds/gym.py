"""Any registered Gymnasium environment as a simulator: made by its id, one family, no expert."""

from __future__ import annotations

import gymnasium
from gymnasium.error import Error

from lapa.protocols import Environment
from lapa.types import LapaError
from lapa.worlds.simulator import EnvSettings, Simulator


class GymSimulator(Simulator):
    """The environment that Gymnasium knows by an id; bodies and looks are the id's business."""

    def __init__(self, name: str):
        self.name = name

    def make(self, settings: EnvSettings) -> Environment:
        for kind, value in (("embodiment", settings.embodiment), ("environment", settings.environment)):
            if value:
                raise LapaError(f"'{self.name}' has no {kind} to choose, such as '{value}': leave --{kind} out")
        limit = {} if settings.max_steps is None else {"max_episode_steps": settings.max_steps}
        try:
            return gymnasium.make(self.name, render_mode="rgb_array", **limit)
        except (Error, ImportError, TypeError) as error:
            raise LapaError(f"the environment '{self.name}' cannot be made here: {error}") from error
