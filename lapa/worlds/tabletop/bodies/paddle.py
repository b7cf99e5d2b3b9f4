"""`paddle`: a flat blade under a bridge that runs on rails across the board. Action: dx, dy, dyaw.

The bridge carries a trolley along x, the trolley hangs a blade that turns; at yaw 0 the blade lies along x and pushes
along y. A half turn changes nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M, Body, Joint, Pose, planar_joints, turned

BLADE_HALF_M = 0.037
"""Half the blade's length."""

BLADE_THICK_M = 0.009
"""Half the blade's thickness."""

_BRIDGE_Z = 0.170
_RAIL_X, _RAIL_Z = 0.415, 0.055
_RAIL_Y = (-0.33, 0.40)
_STEEL_RGB = "0.34 0.37 0.42"
_BRIDGE_RGB = "0.22 0.25 0.30"
_TROLLEY_RGB = "0.95 0.95 0.94"
_BLADE_RGB = "0.86 0.34 0.80"


class Paddle(Body):
    name = "paddle"
    joints = (*planar_joints(MAX_SPEED_M), Joint("paddle_yaw", "delta_yaw", -math.inf, math.inf, 0.35))

    def draw_rest(self, rng: np.random.Generator) -> Float[np.ndarray, "n"]:
        return rng.uniform(-math.pi, math.pi, 1)

    def xml(self, look: Any) -> str:
        return f"""{_rails()}
    <body name="bridge" mocap="true">
      <geom type="box" size="{_RAIL_X} 0.011 0.009" rgba="{_BRIDGE_RGB} 1"/>
      {"".join(_leg(side * _RAIL_X) for side in (-1, 1))}
    </body>
    {_pusher()}"""

    def actuators(self) -> str:
        return (
            '<position joint="pusher_x" kp="2500"/><position joint="pusher_y" kp="2500"/>'
            '<position joint="paddle_yaw" kp="10"/>'
        )

    def poses(self, joints: np.ndarray, look: Any) -> list[Pose]:
        return [((0.0, float(joints[1]), _BRIDGE_Z), turned(0.0))]


def _rails() -> str:
    middle, half = sum(_RAIL_Y) / 2, (_RAIL_Y[1] - _RAIL_Y[0]) / 2
    return "".join(
        f'<geom type="box" size="0.012 {half} {_RAIL_Z / 2}" pos="{side * _RAIL_X} {middle} {_RAIL_Z / 2 - 0.03}" '
        f'rgba="{_STEEL_RGB} 1"/>'
        for side in (-1, 1)
    )


def _leg(x: float) -> str:
    """What stands on a rail at one end of the bridge; the bridge's own frame."""
    tall = (_BRIDGE_Z - _RAIL_Z + 0.03) / 2
    return f'<geom type="box" size="0.017 0.026 {tall}" pos="{x} 0 {-tall + 0.009}" rgba="{_TROLLEY_RGB} 1"/>'


def _pusher() -> str:
    shaft = (_BRIDGE_Z - 0.04) / 2
    return f"""
    <body name="pusher" pos="0 0 0">
      <joint name="pusher_x" class="drive" axis="1 0 0"/>
      <joint name="pusher_y" class="drive" axis="0 1 0"/>
      <geom type="box" size="0.021 0.016 0.014" pos="0 0 {_BRIDGE_Z}" rgba="{_TROLLEY_RGB} 1" mass="0.4"/>
      <geom type="cylinder" size="0.006 {shaft}" pos="0 0 {_BRIDGE_Z - shaft}" rgba="{_STEEL_RGB} 1" mass="0"/>
      <body name="blade">
        <joint name="paddle_yaw" type="hinge" axis="0 0 1" damping="0.36" armature="0.004"/>
        <geom class="solid" type="box" size="{BLADE_HALF_M} {BLADE_THICK_M} 0.023" pos="0 0 0.026"
              rgba="{_BLADE_RGB} 1" mass="0.6"/>
      </body>
    </body>"""
