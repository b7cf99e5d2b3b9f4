"""A Gymnasium environment that tests register: walk right along a corridor. It has faults that can be asked for."""

import os
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box


class Corridor(gymnasium.Env):
    """Done at x = 1; a step is at most 0.1. `deaths`: a file that counts how often it still fails in step 3.

    `die` says how: "raise" an exception, or "exit" and take the process with it.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, render_mode=None, deaths=None, die="raise"):
        self.render_mode, self._deaths, self._die = render_mode, deaths and Path(deaths), die
        self.action_space = Box(-0.1, 0.1, (1,), np.float32)
        self.observation_space = Box(-2, 2, (1,), np.float32)
        self.num_drawn = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._x, self._t = float(self.np_random.uniform(-0.3, 0.3)), 0
        return self._see(), self._info()

    def step(self, action):
        self._x, self._t = self._x + float(action[0]), self._t + 1
        if self._t == 3 and self._deaths and int(self._deaths.read_text()):
            self._deaths.write_text(str(int(self._deaths.read_text()) - 1))
            if self._die == "exit":
                os._exit(3)
            raise RuntimeError("the corridor collapsed")
        done = self._x >= 1
        return self._see(), float(done), done, False, self._info()

    def render(self):
        self.num_drawn += 1
        frame = np.zeros((32, 32, 3), np.uint8)
        frame[:, int(np.clip(16 + 12 * self._x, 0, 31))] = 255
        return frame

    def _see(self):
        return np.array([self._x], np.float32)

    def _info(self):
        return {"success": self._x >= 1, "instruction": "walk to the right"}


for _name, _settings in {"Corridor-v0": {}}.items():
    if _name not in gymnasium.registry:
        gymnasium.register(_name, entry_point=Corridor, kwargs=_settings, disable_env_checker=True)
