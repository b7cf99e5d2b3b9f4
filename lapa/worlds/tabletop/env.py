"""The tabletop as a Gymnasium environment: pushing at 10 Hz, told in words.

The action is the displacement of the targets of the body's joints in one step: x right and y away from the near edge
in metres, then whatever else the body has. The observation is the state vector of `sim.py`; pixels come from
`render()`. The instruction is in `info`, not in the observation, so that every observation is a plain array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from lapa.types import Frame, LapaError
from lapa.worlds.tabletop.appearance import Look
from lapa.worlds.tabletop.board import BLOCK_RANGE
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.drivers import DRIVERS
from lapa.worlds.tabletop.environments import ENVIRONMENTS, draw_look
from lapa.worlds.tabletop.instructions import instruct, parse
from lapa.worlds.tabletop.progress import Progress
from lapa.worlds.tabletop.shapes import NUM_BLOCKS
from lapa.worlds.tabletop.sim import CONTROL_HZ, STATE_SIZE, TabletopSim
from lapa.worlds.tabletop.tasks import FAMILIES, Split, Task, is_done, sample_scene, sample_scene_of


@dataclass(frozen=True, kw_only=True)
class TabletopConfig:
    """What kind of tabletop."""

    embodiment: str = "arm"
    """The body: `arm` (a pusher on a two-link arm), `paddle` (a blade under a bridge), `hand` (a human hand)."""
    environment: str = "sim"
    """How it looks: `sim` is the plain rendering, `real` like a cheap camera in somebody's room."""
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
        if self.embodiment not in BODIES or self.environment not in ENVIRONMENTS:
            raise LapaError(
                f"there is no tabletop with embodiment '{self.embodiment}' in environment '{self.environment}': "
                f"choose embodiment {_either(BODIES)} and environment {_either(ENVIRONMENTS)}"
            )
        if not 16 <= self.image_size <= 1024 or self.image_size % 2:
            raise LapaError(f"image_size {self.image_size} cannot be drawn: choose an even number from 16 to 1024")

    @property
    def body(self) -> Body:
        """The embodiment itself."""
        return BODIES[self.embodiment]


class TabletopEnv(gymnasium.Env):
    """Push blocks as told. Reward 1 and the end of the episode come with success.

    Observation: float32 [26 + further joints], see `sim.py`. Action: float32 [joints], at most `Joint.max_step` each.
    `info`: instruction (str), family (str), blocks (tuple of names), success (bool), progress (see `progress.py`).
    Options of `reset`: "family" (str), or "instruction" (str) to ask for something in words, or "state" and "task" to
    set a scene by hand, and "look" to have it look alike. Words that name no task of the five families are told all
    the same: in a scene drawn at random, with family "", and success and progress None.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": CONTROL_HZ}

    def __init__(self, config: TabletopConfig | None = None, render_mode: str | None = None, **settings: Any):
        self.config = config or TabletopConfig(**settings)
        self.render_mode = render_mode
        body = self.config.body
        self.action_space = _action_space(body)
        self.observation_space = _observation_space(body)
        self._sim = TabletopSim(self.config.image_size, body)
        self._num_steps = 0
        self.task: Task | None = None
        self._progress: Progress | None = None
        self.instruction = ""

    @property
    def state(self) -> np.ndarray:
        """The exact state, float64: what the scripted expert sees."""
        return self._sim.state

    @property
    def look(self) -> Look:
        """How this episode looks."""
        return self._sim.look

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        """Draw a scene, a task, its wording and a look; the same seed gives the same four."""
        super().reset(seed=seed)
        options = options or {}
        rng, body = self.np_random, self.config.body
        if "state" in options and "task" in options:
            state, self.task = np.asarray(options["state"], np.float64), options["task"]
            self.instruction = instruct(self.task, rng, self.config.split)
        else:
            state, self.task = self._draw_scene(options)
            self.instruction = options.get("instruction") or instruct(self.task, rng, self.config.split)
            state = np.append(state, body.draw_rest(rng))
        self._num_steps = 0
        self._sim.reset(state, options.get("look") or draw_look(self.config.environment, body, rng))
        self._progress = Progress(self.task, state, DRIVERS[body.name].approach()) if self.task else None
        return self._observe(), self._info()

    def _draw_scene(self, options: dict[str, Any]) -> tuple[np.ndarray, Task | None]:
        """Draw a start state and a task: the one asked for in words, or one of a family."""
        rng = self.np_random
        if options.get("instruction"):
            asked = parse(options["instruction"])
            return sample_scene_of(rng, asked) if asked else (sample_scene(rng)[0], None)
        family = options.get("family") or self.config.families[rng.integers(len(self.config.families))]
        if family not in FAMILIES:
            raise LapaError(f"there is no task family '{family}': choose from {', '.join(FAMILIES)}")
        return sample_scene(rng, family, self.config.split)

    def step(self, action: np.ndarray):
        """Move the body for 0.1 s."""
        self._sim.step(np.asarray(action, np.float64))
        self._num_steps += 1
        info = self._info()
        done = bool(info["success"])
        truncated = self._num_steps >= self.config.max_steps and not done
        return self._observe(), float(done), done, truncated, info

    def render(self) -> Frame | None:
        """Return the picture, uint8 [h w 3], if render_mode is "rgb_array"."""
        return self._sim.draw() if self.render_mode == "rgb_array" else None

    def close(self) -> None:
        """Free the OpenGL context; one that is left open is freed when Python ends."""
        self._sim.close()

    def _observe(self) -> np.ndarray:
        return self._sim.state.astype(np.float32)

    def _info(self) -> dict[str, Any]:
        task, state = self.task, self._sim.state
        return {
            "instruction": self.instruction,
            "family": task.family if task else "",
            "blocks": task.blocks if task else (),
            "success": is_done(task, state) if task else None,
            "progress": self._progress.see(state) if self._progress else None,
        }


def _action_space(body: Body) -> spaces.Box:
    limits = body.max_action.astype(np.float32)
    return spaces.Box(-limits, limits, dtype=np.float32)


def _observation_space(body: Body) -> spaces.Box:
    """Return the bounds of the state; joints overshoot their targets' limits a little."""
    high = np.where(np.isinf(body.high), np.pi, body.high)
    low = np.where(np.isinf(body.low), -np.pi, body.low)
    blocks = np.array([*BLOCK_RANGE, np.pi] * NUM_BLOCKS)
    highs = np.concatenate([high[:2], blocks, high[2:]]).astype(np.float32) + 0.01
    lows = np.concatenate([low[:2], -blocks, low[2:]]).astype(np.float32) - 0.01
    assert len(highs) == STATE_SIZE - 2 + len(body.joints)
    return spaces.Box(lows, highs, dtype=np.float32)


def _either(names: dict[str, Any]) -> str:
    return " or ".join(f"'{name}'" for name in names)
