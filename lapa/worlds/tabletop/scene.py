"""The tabletop as MJCF: a board seen from the front and above, eight planar blocks, a pusher on a two-link arm.

Blocks and pusher live on slide and hinge joints in the plane of the board: nothing can tip over or fall off, and
the friction of the board is a constant loss in the joints. The arm is a picture: its links are placed by
`kinematics.arm_angles`. Deliberately no meshes, no textures, no shadow maps: 128 px are drawn in a millisecond.
"""

from __future__ import annotations

from lapa.worlds.tabletop.kinematics import BASE_XY, LINK_LENGTHS
from lapa.worlds.tabletop.shapes import BLOCKS, COLORS, HALF_HEIGHT, Block, Solid, solids

BLOCK_RANGE = (0.275, 0.215)
"""Block centres stay within plus and minus this (metres, x and y)."""

PUSHER_RANGE = (0.340, 0.280)
"""The pusher stays within plus and minus this, so that it can always get behind a block."""

PUSHER_RADIUS = 0.014
TIMESTEP_S = 0.005

_BOARD = (0.365, 0.305)
_LINK_Z = (0.175, 0.150)

_BOARD_RGB = "0.87 0.83 0.75"
_FRAME_RGB = "0.55 0.42 0.31"
_TABLE_RGB = "0.29 0.30 0.32"
_LINK_RGB = "0.93 0.93 0.92"
_JOINT_RGB = "0.20 0.22 0.26"
_TIP_RGB = "0.16 0.13 0.20"


def scene_xml(offscreen_px: int) -> str:
    """Return the model; pictures up to `offscreen_px` a side can be drawn from it."""
    blocks = "".join(_block(i, block) for i, block in enumerate(BLOCKS))
    return f"""
<mujoco model="tabletop">
  <option timestep="{TIMESTEP_S}" gravity="0 0 0" integrator="implicitfast" cone="pyramidal" iterations="20"/>
  <visual>
    <global offwidth="{offscreen_px}" offheight="{offscreen_px}" fovy="40"/>
    <quality offsamples="0" shadowsize="0"/>
    <headlight ambient="0.42 0.42 0.42" diffuse="0.10 0.10 0.10" specular="0 0 0"/>
    <map znear="0.05" zfar="10"/>
  </visual>
  <default>
    <geom contype="0" conaffinity="0" condim="3" friction="0.35 0.005 0.0001" density="700"/>
    <default class="solid"><geom contype="1" conaffinity="1"/></default>
    <default class="slide"><joint type="slide" damping="1.5" frictionloss="0.3" limited="true"/></default>
    <default class="turn"><joint type="hinge" axis="0 0 1" damping="0.0012" frictionloss="0.003"/></default>
    <default class="drive"><joint type="slide" damping="90"/></default>
  </default>
  <worldbody>
    <light directional="true" pos="-0.6 -0.8 2" dir="0.30 0.42 -1" diffuse="0.62 0.61 0.58" specular="0 0 0"
           castshadow="false"/>
    <camera name="front" pos="0 -0.600 1.140" xyaxes="1 0 0 0 0.872 0.490" fovy="39"/>
    {_board()}
    {_base()}
    <body name="upper" mocap="true">{_link(LINK_LENGTHS[0], 0.018)}</body>
    <body name="lower" mocap="true">{_link(LINK_LENGTHS[1], 0.014)}</body>
    {_pusher()}
    {blocks}
  </worldbody>
  <actuator>
    <position joint="pusher_x" kp="2500"/>
    <position joint="pusher_y" kp="2500"/>
  </actuator>
</mujoco>"""


def link_heights() -> tuple[float, float]:
    """Heights of the two links above the board (metres)."""
    return _LINK_Z


def _board() -> str:
    x, y = _BOARD
    rim = 0.012
    return f"""
    <geom type="box" size="3 3 0.01" pos="0 0 -0.05" rgba="{_TABLE_RGB} 1"/>
    <geom type="box" size="{x + rim} {y + rim} 0.012" pos="0 0 -0.0145" rgba="{_FRAME_RGB} 1"/>
    <geom type="box" size="{x} {y} 0.012" pos="0 0 -0.012" rgba="{_BOARD_RGB} 1"/>"""


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


def _block(i: int, block: Block) -> str:
    r, g, b = COLORS[block.color]
    limit_x, limit_y = BLOCK_RANGE
    geoms = "".join(_solid(solid, f"{r} {g} {b} 1") for solid in solids(block.shape))
    return f"""
    <body name="block{i}" pos="0 0 {HALF_HEIGHT}">
      <joint class="slide" axis="1 0 0" range="-{limit_x} {limit_x}"/>
      <joint class="slide" axis="0 1 0" range="-{limit_y} {limit_y}"/>
      <joint class="turn"/>
      {geoms}
    </body>"""


def _solid(solid: Solid, rgba: str) -> str:
    size = f"{solid.a} {solid.b} {HALF_HEIGHT}" if solid.kind == "box" else f"{solid.a} {HALF_HEIGHT}"
    return (
        f'<geom class="solid" type="{solid.kind}" size="{size}" pos="{solid.x:.5f} {solid.y:.5f} 0" '
        f'euler="0 0 {solid.yaw * 57.29577951:.4f}" rgba="{rgba}"/>'
    )
