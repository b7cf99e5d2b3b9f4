"""The physics of the tabletop: a state vector, a step of 0.1 s, a picture.

The state is float64 [2 + 3 * num_blocks]: the pusher's x, y, then x, y, yaw of each block (metres, radians;
x is right in the picture, y is away from the viewer). Knows nothing of tasks or words.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lapa.types import Frame
from lapa.worlds.tabletop.kinematics import BASE_XY, arm_angles, elbow
from lapa.worlds.tabletop.render import Camera, import_mujoco
from lapa.worlds.tabletop.scene import PUSHER_RANGE, TIMESTEP_S, link_heights, scene_xml
from lapa.worlds.tabletop.shapes import NUM_BLOCKS

CONTROL_HZ = 10
MAX_SPEED_M = 0.02
"""How far the pusher's target may move in one step, along each axis (metres)."""

STATE_SIZE = 2 + 3 * NUM_BLOCKS
_SUBSTEPS = round(1 / (CONTROL_HZ * TIMESTEP_S))


class TabletopSim:
    """One table. `size_px` is the side of the square picture."""

    def __init__(self, size_px: int = 128):
        mujoco = self._mujoco = import_mujoco()
        self.model = mujoco.MjModel.from_xml_string(scene_xml(2 * size_px))
        self.data = mujoco.MjData(self.model)
        self._size_px = size_px
        self._camera: Camera | None = None
        self._target = np.zeros(2)

    @property
    def state(self) -> Float[np.ndarray, "n"]:
        """A copy of the state; yaws are in [-pi, pi)."""
        state = self.data.qpos.copy()
        state[4::3] = (state[4::3] + math.pi) % (2 * math.pi) - math.pi
        return state

    def reset(self, state: Float[np.ndarray, "n"]) -> None:
        """Put everything at rest at `state`."""
        self._mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = state
        self._target = np.array(state[:2])
        self.data.ctrl[:] = self._target
        self._mujoco.mj_forward(self.model, self.data)

    def step(self, delta: Float[np.ndarray, "2"]) -> None:
        """Move the pusher's target by `delta` (metres, clipped to the speed limit and the board) over 0.1 s."""
        limit = np.array(PUSHER_RANGE)
        start = self._target
        self._target = np.clip(start + np.clip(delta, -MAX_SPEED_M, MAX_SPEED_M), -limit, limit)
        for i in range(_SUBSTEPS):
            self.data.ctrl[:] = start + (self._target - start) * (i + 1) / _SUBSTEPS
            self._mujoco.mj_step(self.model, self.data)

    def draw(self) -> Frame:
        """Return the picture: uint8 [h w 3]."""
        if self._camera is None:
            self._camera = Camera(self.model, "front", self._size_px)
        self._place_arm()
        self._mujoco.mj_kinematics(self.model, self.data)
        self._mujoco.mj_camlight(self.model, self.data)
        return self._camera.draw(self.data)

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _place_arm(self) -> None:
        first, second = arm_angles(*self.data.qpos[:2])
        upper_z, lower_z = link_heights()
        self.data.mocap_pos[0] = (*BASE_XY, upper_z)
        self.data.mocap_pos[1] = (*elbow(first), lower_z)
        for i, heading in enumerate((first, second)):
            self.data.mocap_quat[i] = (math.cos(heading / 2), 0, 0, math.sin(heading / 2))
