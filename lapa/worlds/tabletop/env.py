"""The tabletop as a Gymnasium environment: 2-D pushing at 10 Hz, told in words.

The action is the displacement of the pusher's target in metres (x right, y away from the viewer). The observation is
the state vector of `sim.py`; pixels come from `render()`. The instruction is in `info`, not in the observation, so
that every observation is a plain array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from lapa.types import Frame, LapaError
from lapa.worlds.tabletop.instructions import instruct
from lapa.worlds.tabletop.scene import BLOCK_RANGE, PUSHER_RANGE
from lapa.worlds.tabletop.shapes import NUM_BLOCKS
from lapa.worlds.tabletop.sim import CONTROL_HZ, MAX_SPEED_M, TabletopSim
from lapa.worlds.tabletop.tasks import FAMILIES, Split, Task, is_done, sample_scene


@dataclass(frozen=True, kw_only=True)
class TabletopConfig:
    """What kind of tabletop."""

    embodiment: str = "arm"
    """The body: `arm` is a pusher on a two-link arm, moved by a 2-D displacement."""
    environment: str = "sim"
    """How it looks: `sim` is the plain rendering."""
    image_size: int = 128
    """Side of the square pictures, pixels."""
    max_steps: int = 100
    """An episode is cut off after so many steps of 0.1 s."""
    families: tuple[str, ...] = FAMILIES
    """Task families that `reset` draws from."""
    split: Split = "seen"
    """`seen` tasks and phrasings, or the held-out `unseen` ones."""

    def __post_init__(self):
        unknown = [name for name in self.families if name not in FAMILIES]
        if unknown or not self.families:
            raise LapaError(f"there is no task family '{(unknown or [''])[0]}': choose from {', '.join(FAMILIES)}")
        if self.embodiment != "arm" or self.environment != "sim":
            raise LapaError(
                f"there is no tabletop with embodiment '{self.embodiment}' in environment '{self.environment}': "
                "choose embodiment 'arm' and environment 'sim'"
            )
        if not 16 <= self.image_size <= 1024 or self.image_size % 2:
            raise LapaError(f"image_size {self.image_size} cannot be drawn: choose an even number from 16 to 1024")


class TabletopEnv(gymnasium.Env):
    """Push blocks as told. Reward 1 and the end of the episode come with success.

    Observation: float32 [26], see `sim.py`. Action: float32 [2], metres per step, at most `MAX_SPEED_M` each.
    `info`: instruction (str), family (str), blocks (tuple of names), success (bool).
    Options of `reset`: "family" (str), or "state" and "task" to set a scene by hand.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}

    def __init__(self, config: TabletopConfig | None = None, render_mode: str | None = None, **settings: Any):
        self.config = config or TabletopConfig(**settings)
        self.render_mode = render_mode
        self.action_space = spaces.Box(-MAX_SPEED_M, MAX_SPEED_M, (2,), np.float32)
        bounds = np.array([*PUSHER_RANGE, *([*BLOCK_RANGE, np.pi] * NUM_BLOCKS)], np.float32) + 0.01
        self.observation_space = spaces.Box(-bounds, bounds, dtype=np.float32)
        self._sim = TabletopSim(self.config.image_size)
        self._num_steps = 0
        self.task: Task | None = None
        self.instruction = ""

    @property
    def state(self) -> np.ndarray:
        """The exact state, float64 [26]: what the scripted expert sees."""
        return self._sim.state

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Draw a scene, a task and its wording; the same seed gives the same three."""
        super().reset(seed=seed)
        options = options or {}
        rng = self.np_random
        if "state" in options and "task" in options:
            state, self.task = np.asarray(options["state"], np.float64), options["task"]
        else:
            family = options.get("family") or self.config.families[rng.integers(len(self.config.families))]
            if family not in FAMILIES:
                raise LapaError(f"there is no task family '{family}': choose from {', '.join(FAMILIES)}")
            state, self.task = sample_scene(rng, family, self.config.split)
        self.instruction = instruct(self.task, rng, self.config.split)
        self._num_steps = 0
        self._sim.reset(state)
        return self._observe(), self._info()

    def step(self, action: np.ndarray):
        """Move the pusher for 0.1 s."""
        self._sim.step(np.asarray(action, np.float64))
        self._num_steps += 1
        info = self._info()
        truncated = self._num_steps >= self.config.max_steps and not info["success"]
        return self._observe(), float(info["success"]), info["success"], truncated, info

    def render(self) -> Frame | None:
        """Return the picture, uint8 [h w 3], if render_mode is "rgb_array"."""
        return self._sim.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the OpenGL context."""
        self._sim.close()

    def _observe(self) -> np.ndarray:
        return self._sim.state.astype(np.float32)

    def _info(self) -> dict[str, Any]:
        assert self.task is not None, "call reset first"
        return {
            "instruction": self.instruction,
            "family": self.task.family,
            "blocks": self.task.blocks,
            "success": is_done(self.task, self._sim.state),
        }
