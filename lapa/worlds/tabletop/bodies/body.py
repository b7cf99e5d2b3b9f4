"""What a body is: joints that follow an action, a shape that pushes, and a picture placed by where the joints are.

Every body has the joints `pusher_x` and `pusher_y` first: the point that pushes, in the plane of the board. What else
it has (a yaw, a height) comes after them. The rest of the picture is made of mocap bodies, which are only looked at.
Knows nothing of blocks, tasks, cameras or words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.board import PUSHER_RANGE

MAX_SPEED_M = 0.02
"""How far a robot's end effector may move in one step, along each axis (metres)."""

Pose = tuple[tuple[float, float, float], tuple[float, float, float, float]]
"""Where a mocap body is (metres) and how it is turned (quaternion, w first)."""


@dataclass(frozen=True)
class Joint:
    """A joint and the action that drives it. The action is the displacement of the joint's target in one step.

    Attributes:
        name: of the joint, and of its entry in the state.
        action: name of its entry in the action.
        low, high: the target stays in between (metres or radians); infinite for a joint that turns round and round.
        max_step: how far the target may move in one step.
    """

    name: str
    action: str
    low: float
    high: float
    max_step: float


def planar_joints(max_step: float) -> tuple[Joint, Joint]:
    """Return the two joints that every body begins with."""
    x, y = PUSHER_RANGE
    return Joint("pusher_x", "delta_x", -x, x, max_step), Joint("pusher_y", "delta_y", -y, y, max_step)


class Body:
    """One embodiment. Subclasses say what it is made of; instances hold no state."""

    name: ClassVar[str]
    joints: ClassVar[tuple[Joint, ...]]
    records_actions: ClassVar[bool] = True
    """False for a body whose actions nobody could have recorded."""

    @property
    def max_action(self) -> Float[np.ndarray, "a"]:
        """The largest action along each joint."""
        return np.array([joint.max_step for joint in self.joints])

    @property
    def low(self) -> Float[np.ndarray, "a"]:
        return np.array([joint.low for joint in self.joints])

    @property
    def high(self) -> Float[np.ndarray, "a"]:
        return np.array([joint.high for joint in self.joints])

    def draw_rest(self, rng: np.random.Generator) -> Float[np.ndarray, "n"]:
        """Draw where the joints after the first two begin."""
        return np.zeros(len(self.joints) - 2)

    def draw_look(self, rng: np.random.Generator) -> Any:
        """Draw what differs from one episode to the next in how this body looks; None where nothing does."""
        return None

    def plain_look(self) -> Any:
        """Return the default look, without any randomness."""
        return None

    def xml(self, look: Any) -> str:
        """Return the body "pusher" with the joints, and the mocap bodies, as MJCF."""
        raise NotImplementedError

    def actuators(self) -> str:
        """Return one position actuator per joint, in order, as MJCF."""
        raise NotImplementedError

    def poses(self, joints: Float[np.ndarray, "a"], look: Any) -> list[Pose]:
        """Return where the mocap bodies are, in the order of `xml`, given the joints."""
        raise NotImplementedError


def turned(yaw: float) -> tuple[float, float, float, float]:
    """Return the quaternion of a turn about the vertical."""
    return math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2)
