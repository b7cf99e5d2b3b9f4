"""The tabletop as MJCF: a board seen from above its near edge, eight planar blocks, a body, a look.

Blocks and pusher live on slide and hinge joints in the plane of the board: nothing can tip over or fall off, and
the friction of the board is a constant loss in the joints. Deliberately no meshes, and in the plain look no textures
and no shadow maps: 128 px are drawn in a few milliseconds.
"""

from __future__ import annotations

from lapa.worlds.tabletop.appearance import Light, Look, Surface, Vector, View
from lapa.worlds.tabletop.board import BLOCK_RANGE, BOARD_HALF
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.distractors import thing_xml
from lapa.worlds.tabletop.shapes import BLOCKS, HALF_HEIGHT, Block, Solid, solids
from lapa.worlds.tabletop.textures import SIZE_PX, paint

CAMERA = "front"
TIMESTEP_S = 0.005

_TABLE = '<geom type="box" size="3 3 0.01" pos="0 0 -0.05" material="table"/>'
"""Comes last: what lies on it is drawn before, and what it hides of the table need not be."""

_SHADOW_PX = 320
_SHADOW_CLIP = 0.08
"""How much of the model's extent is seen from the lamp: 0.7 m around the board's middle."""


def build_model(mujoco, body: Body, look: Look, offscreen_px: int):
    """Return the MuJoCo model of a table, its textures painted; pictures up to `offscreen_px` a side fit."""
    model = mujoco.MjModel.from_xml_string(scene_xml(body, look, offscreen_px))
    for name, surface in _surfaces(look):
        if surface.texture:
            texture = model.texture(name).id
            start = model.tex_adr[texture]
            pixels = paint(surface.texture, surface.rgb, surface.seed).ravel()
            model.tex_data[start : start + len(pixels)] = pixels
    return model


def scene_xml(body: Body, look: Look, offscreen_px: int) -> str:
    """Return the model's MJCF, its textures still blank."""
    blocks = "".join(_block(i, block, look.colors[block.color]) for i, block in enumerate(BLOCKS))
    return f"""
<mujoco model="tabletop">
  <option timestep="{TIMESTEP_S}" gravity="0 0 0" integrator="implicitfast" cone="pyramidal" iterations="20"/>
  <visual>
    <global offwidth="{offscreen_px}" offheight="{offscreen_px}" fovy="40"/>
    <quality offsamples="0" shadowsize="{_SHADOW_PX if look.light.shadows else 0}"
             numslices="{look.num_slices}" numstacks="{(look.num_slices + 4) // 2}"/>
    <headlight ambient="{_text(look.light.ambient)}" diffuse="0.10 0.10 0.10" specular="0 0 0"/>
    <map znear="0.05" zfar="10" shadowclip="{_SHADOW_CLIP}"/>
  </visual>
  <default>
    <geom contype="0" conaffinity="0" condim="3" friction="0.35 0.005 0.0001" density="700"/>
    <default class="solid"><geom contype="1" conaffinity="1"/></default>
    <default class="slide"><joint type="slide" damping="1.5" frictionloss="0.3" limited="true"/></default>
    <default class="turn"><joint type="hinge" axis="0 0 1" damping="0.0012" frictionloss="0.003"/></default>
    <default class="drive"><joint type="slide" damping="90"/></default>
  </default>
  <asset>{"".join(_texture(name, surface) for name, surface in _surfaces(look))}</asset>
  <worldbody>
    {_light(look.light)}
    {_camera(look.view)}
    {_board(look)}
    {"".join(thing_xml(thing) for thing in look.things)}
    {body.xml(look.body)}
    {blocks}
    {_TABLE}
  </worldbody>
  <actuator>{body.actuators()}</actuator>
</mujoco>"""


def _surfaces(look: Look) -> tuple[tuple[str, Surface], ...]:
    return ("board", look.board), ("table", look.table)


def _texture(name: str, surface: Surface) -> str:
    if not surface.texture:
        return f'<material name="{name}" rgba="{_text(surface.rgb)} 1"/>'
    repeat = 1 / surface.tile_m
    return f"""
    <texture name="{name}" type="2d" builtin="flat" width="{SIZE_PX}" height="{SIZE_PX}"/>
    <material name="{name}" texture="{name}" texuniform="true" texrepeat="{repeat:.5f} {repeat:.5f}"/>"""


def _light(light: Light) -> str:
    above = tuple(-1.2 * value for value in light.direction)
    return (
        f'<light directional="true" pos="{_text(above)}" dir="{_text(light.direction)}" diffuse="{_text(light.lamp)}" '
        f'specular="0 0 0" castshadow="{str(light.shadows).lower()}"/>'
    )


def _camera(view: View) -> str:
    axes = f"{_text(view.right)} {_text(view.up)}"
    return f'<camera name="{CAMERA}" pos="{_text(view.position)}" xyaxes="{axes}" fovy="{view.fovy_deg}"/>'


def _board(look: Look) -> str:
    x, y = BOARD_HALF
    rim = 0.012
    return f"""
    <geom type="box" size="{x + rim} {y + rim} 0.012" pos="0 0 -0.0145" rgba="{_text(look.frame_rgb)} 1"/>
    <geom type="box" size="{x} {y} 0.012" pos="0 0 -0.012" material="board"/>"""


def _block(i: int, block: Block, rgb: Vector) -> str:
    limit_x, limit_y = BLOCK_RANGE
    geoms = "".join(_solid(solid, f"{_text(rgb)} 1") for solid in solids(block.shape))
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


def _text(values: Vector) -> str:
    return " ".join(repr(float(value)) for value in values)
