"""`hand`: a human hand that pushes with its fingertips, at the end of a sleeved forearm from the near side.

It can be lifted over the blocks and turned at the wrist. Nobody records the actions of a hand in a video, so none are
recorded here. Skin, sleeve, size, side and where the shoulder is differ from one episode to the next. The shape itself
is in `hand_shape.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lapa.worlds.tabletop.bodies.body import Body, Joint, Pose, planar_joints
from lapa.worlds.tabletop.bodies.hand_shape import WRIST_X, WRIST_Z, forearm_xml, hand_xml

FINGERTIP_RADIUS = 0.015
"""A circle around the tips of the fingers that push, metres."""

MAX_LIFT_M = 0.06
_MAX_BEND = 0.6

RGB = tuple[float, float, float]

SKINS: tuple[RGB, ...] = (
    (0.90, 0.66, 0.54),
    (0.83, 0.58, 0.43),
    (0.70, 0.46, 0.32),
    (0.54, 0.34, 0.23),
    (0.37, 0.23, 0.16),
)
"""From light to dark; an episode's skin lies between two neighbours."""

SLEEVES: tuple[RGB, ...] = (
    (0.24, 0.26, 0.32),
    (0.93, 0.93, 0.95),
    (0.50, 0.50, 0.53),
    (0.16, 0.15, 0.16),
    (0.35, 0.25, 0.42),
    (0.44, 0.34, 0.27),
    (0.55, 0.66, 0.70),
    (0.72, 0.58, 0.62),
)


@dataclass(frozen=True, kw_only=True)
class HandLook:
    """One person's hand."""

    skin: RGB = SKINS[1]
    sleeve: RGB = SLEEVES[0]
    size: float = 1.0
    """Scale of the hand."""
    is_left: bool = False
    shoulder: tuple[float, float] = (0.22, -0.80)
    """x, y of the shoulder, metres; off the picture."""
    spread: float = 1.0
    """How far apart the fingers are held."""


class Hand(Body):
    name = "hand"
    joints = (
        *planar_joints(0.028),
        Joint("lift", "delta_lift", 0.0, MAX_LIFT_M, 0.02),
        Joint("wrist", "delta_wrist", -_MAX_BEND, _MAX_BEND, 0.2),
    )
    records_actions = False

    def draw_rest(self, rng: np.random.Generator) -> Float[np.ndarray, "n"]:
        return np.array([rng.uniform(0.5, 1.0) * MAX_LIFT_M, rng.uniform(-0.3, 0.3)])

    def draw_look(self, rng: np.random.Generator) -> HandLook:
        light, share = int(rng.integers(len(SKINS) - 1)), rng.random()
        skin = (1 - share) * np.array(SKINS[light]) + share * np.array(SKINS[light + 1])
        sleeve = np.array(SLEEVES[rng.integers(len(SLEEVES))]) * rng.uniform(0.85, 1.1)
        is_left = bool(rng.random() < 0.3)
        side = -1 if is_left else 1
        return HandLook(
            skin=_rgb(skin),
            sleeve=_rgb(sleeve),
            size=rng.uniform(0.92, 1.08),
            is_left=is_left,
            shoulder=(side * rng.uniform(0.02, 0.42), rng.uniform(-0.88, -0.72)),
            spread=rng.uniform(0.8, 1.15),
        )

    def plain_look(self) -> HandLook:
        return HandLook()

    def xml(self, look: HandLook) -> str:
        return f"""
    <body name="hand" mocap="true">{hand_xml(look.skin, look.size, look.spread, look.is_left)}</body>
    <body name="forearm" mocap="true">{forearm_xml(look.skin, look.sleeve, look.size)}</body>
    <body name="pusher" pos="0 0 0">
      <joint name="pusher_x" class="drive" axis="1 0 0"/>
      <joint name="pusher_y" class="drive" axis="0 1 0"/>
      <joint name="lift" class="drive" axis="0 0 1"/>
      <joint name="wrist" type="hinge" axis="0 0 1" damping="0.36" armature="0.004"/>
      <geom class="solid" group="3" type="cylinder" size="{FINGERTIP_RADIUS} 0.022" pos="0 0 0.024" mass="1"/>
    </body>"""

    def actuators(self) -> str:
        slides = "".join(f'<position joint="{name}" kp="2500"/>' for name in ("pusher_x", "pusher_y", "lift"))
        return slides + '<position joint="wrist" kp="10"/>'

    def poses(self, joints: np.ndarray, look: HandLook) -> list[Pose]:
        """The hand points from the shoulder to the fingertips, bent at the wrist, flatter when it is lifted."""
        x, y, lift, bend = (float(value) for value in joints)
        yaw = math.atan2(y - look.shoulder[1], x - look.shoulder[0]) + bend
        pitch = -3.0 * lift
        back, up = look.size * WRIST_X, look.size * WRIST_Z
        along, height = back * math.cos(pitch) + up * math.sin(pitch), up * math.cos(pitch) - back * math.sin(pitch)
        wrist = (x + along * math.cos(yaw), y + along * math.sin(yaw), lift + height)
        return [((x, y, lift), _quat(yaw, pitch)), (wrist, _towards(wrist, (*look.shoulder, 0.26)))]


def _towards(start: tuple[float, float, float], end: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """Return the turn that makes +x point from `start` to `end`."""
    dx, dy, dz = (b - a for a, b in zip(start, end, strict=True))
    return _quat(math.atan2(dy, dx), -math.atan2(dz, math.hypot(dx, dy)))


def _quat(yaw: float, pitch: float) -> tuple[float, float, float, float]:
    """Pitch about y first, then yaw about z."""
    cy, sy, cp, sp = math.cos(yaw / 2), math.sin(yaw / 2), math.cos(pitch / 2), math.sin(pitch / 2)
    return cy * cp, -sy * sp, cy * sp, sy * cp


def _rgb(values: np.ndarray) -> RGB:
    r, g, b = (float(value) for value in np.clip(values, 0.0, 1.0))
    return r, g, b
