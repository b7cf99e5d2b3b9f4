"""The physics of the tabletop: a state vector, a step of 0.1 s, a picture.

The state is float64: the pusher's x, y, then x, y, yaw of each block (metres, radians; x is right, y is away from the
near edge), which all bodies share, then the further joints of the body. Knows nothing of tasks or words.
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from lapa.types import Frame, LapaError
from lapa.worlds.tabletop.appearance import Look
from lapa.worlds.tabletop.bodies import ARM
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.camera import Camera
from lapa.worlds.tabletop.environments import plain_look
from lapa.worlds.tabletop.render import import_mujoco
from lapa.worlds.tabletop.scene import CAMERA, TIMESTEP_S, build_model
from lapa.worlds.tabletop.shapes import NUM_BLOCKS

CONTROL_HZ = 10
STATE_SIZE = 2 + 3 * NUM_BLOCKS
"""Length of the part of the state that all bodies share."""

_SUBSTEPS = round(1 / (CONTROL_HZ * TIMESTEP_S))


class TabletopSim:
    """One table with one body. `size_px` is the side of the square picture."""

    def __init__(self, size_px: int = 128, body: Body = ARM):
        self._mujoco = import_mujoco()
        self._size_px, self._body = size_px, body
        self._low, self._high, self._max_action = body.low, body.high, body.max_action
        self._turning = [*range(4, STATE_SIZE, 3), *(STATE_SIZE - 2 + np.flatnonzero(np.isinf(body.high)))]
        self._camera: Camera | None = None
        self._dress(plain_look(body))
        self._target = np.zeros(len(body.joints))
        self._num_steps = 0

    @property
    def state(self) -> Float[np.ndarray, "n"]:
        """A copy of the state; yaws are in [-pi, pi)."""
        positions, num_joints = self.data.qpos, len(self._body.joints)
        state = np.concatenate([positions[:2], positions[num_joints:], positions[2:num_joints]])
        state[self._turning] = (state[self._turning] + math.pi) % (2 * math.pi) - math.pi
        return state

    def reset(self, state: Float[np.ndarray, "n"], look: Look | None = None) -> None:
        """Put everything at rest at `state`, seen in `look` (by default, as before).

        The further joints of the body are 0 if only the shared part of the state is given.

        Raises:
            LapaError: if the state is another body's.
        """
        if look is not None and look != self.look:
            self._dress(look)
        num_rest = len(self._body.joints) - 2
        rest = state[STATE_SIZE:] if len(state) > STATE_SIZE else np.zeros(num_rest)
        if len(rest) != num_rest:
            raise LapaError(
                f"a state of {len(state)} numbers does not fit the embodiment '{self._body.name}': "
                f"give {STATE_SIZE + num_rest}, or the {STATE_SIZE} that all bodies share"
            )
        self._mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = np.concatenate([state[:2], rest, state[2:STATE_SIZE]])
        self._target = np.concatenate([state[:2], rest])
        self.data.ctrl[:] = self._target
        self._num_steps = 0
        self._mujoco.mj_forward(self.model, self.data)

    def step(self, delta: Float[np.ndarray, "a"]) -> None:
        """Move the targets of the body's joints by `delta` (clipped to its limits) over 0.1 s."""
        start = self._target
        self._target = np.clip(start + np.clip(delta, -self._max_action, self._max_action), self._low, self._high)
        for i in range(_SUBSTEPS):
            self.data.ctrl[:] = start + (self._target - start) * (i + 1) / _SUBSTEPS
            self._mujoco.mj_step(self.model, self.data)
        self._num_steps += 1

    def draw(self) -> Frame:
        """Return the picture: uint8 [h w 3]. The same state after as many steps is the same picture."""
        self._point_camera()
        poses = self._body.poses(self.data.qpos[: len(self._body.joints)], self.look.body)
        for i, (position, turn) in enumerate(poses):
            self.data.mocap_pos[i], self.data.mocap_quat[i] = position, turn
        self._mujoco.mj_kinematics(self.model, self.data)
        self._mujoco.mj_camlight(self.model, self.data)
        frame = self._camera.draw(self.data)
        return self.look.sensor.record(frame, self._num_steps) if self.look.sensor else frame

    def close(self) -> None:
        """Free the OpenGL context."""
        if self._camera is not None:
            self._camera.close()
            self._camera = None

    def _dress(self, look: Look) -> None:
        """Build the model anew, so that it looks like this."""
        self.look = look
        self.model = build_model(self._mujoco, self._body, look, 2 * self._size_px)
        self.data = self._mujoco.MjData(self.model)
        self._is_filmed = False

    def _point_camera(self) -> None:
        """Have the camera film the model as it is now."""
        if self._camera is None:
            self._camera, self._is_filmed = Camera(self._mujoco, self._size_px), False
        if not self._is_filmed:
            look = self.look
            self._camera.film(self.model, CAMERA, oversampling=look.oversampling, shadows=look.light.shadows)
            self._is_filmed = True
