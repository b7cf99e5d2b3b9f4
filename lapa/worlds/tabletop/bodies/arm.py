"""`arm`: a round pusher at the end of a two-link arm that stands behind the board. Action: dx, dy.

The arm is a picture: its links are placed by `kinematics.arm_angles`, a smooth function of the pusher's x, y.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M, Body, Pose, planar_joints, turned
from lapa.worlds.tabletop.kinematics import BASE_XY, LINK_LENGTHS, arm_angles, elbow

PUSHER_RADIUS = 0.014

_LINK_Z = (0.175, 0.150)
_LINK_RGB = "0.93 0.93 0.92"
_JOINT_RGB = "0.20 0.22 0.26"
_TIP_RGB = "0.16 0.13 0.20"


class Arm(Body):
    name = "arm"
    joints = planar_joints(MAX_SPEED_M)

    def xml(self, look: Any) -> str:
        return f"""{_base()}
    <body name="upper" mocap="true">{_link(LINK_LENGTHS[0], 0.018)}</body>
    <body name="lower" mocap="true">{_link(LINK_LENGTHS[1], 0.014)}</body>
    {_pusher()}"""

    def actuators(self) -> str:
        return '<position joint="pusher_x" kp="2500"/><position joint="pusher_y" kp="2500"/>'

    def poses(self, joints: np.ndarray, look: Any) -> list[Pose]:
        first, second = arm_angles(*joints)
        upper_z, lower_z = _LINK_Z
        return [((*BASE_XY, upper_z), turned(first)), ((*elbow(first), lower_z), turned(second))]


def _base() -> str:
    x, y = BASE_XY
    return f"""
    <geom type="cylinder" size="0.070 0.012" pos="{x} {y} 0.0" rgba="{_JOINT_RGB} 1"/>
    <geom type="cylinder" size="0.036 0.075" pos="{x} {y} 0.075" rgba="{_LINK_RGB} 1"/>
    <geom type="cylinder" size="0.042 0.026" pos="{x} {y} {_LINK_Z[0]}" rgba="{_JOINT_RGB} 1"/>"""


def _link(length: float, half_width: float) -> str:
    """A bar along +x with a joint at its far end."""
    return f"""
    <geom type="capsule" size="{half_width}" fromto="0 0 0 {length} 0 0" rgba="{_LINK_RGB} 1"/>
    <geom type="cylinder" size="{half_width + 0.008} {half_width + 0.005}" pos="{length} 0 0" rgba="{_JOINT_RGB} 1"/>"""


def _pusher() -> str:
    top = _LINK_Z[1]
    return f"""
    <body name="pusher" pos="0 0 0">
      <joint name="pusher_x" class="drive" axis="1 0 0"/>
      <joint name="pusher_y" class="drive" axis="0 1 0"/>
      <geom class="solid" type="cylinder" size="{PUSHER_RADIUS} 0.022" pos="0 0 0.024" rgba="{_TIP_RGB} 1" mass="1"/>
      <geom type="cylinder" size="0.007 {top / 2 - 0.02}" pos="0 0 {top / 2 + 0.02}" rgba="{_JOINT_RGB} 1" mass="0"/>
      <geom type="cylinder" size="0.020 0.0006" pos="0.004 -0.003 0.0006" rgba="0.2 0.15 0.1 0.30" mass="0"/>
    </body>"""
