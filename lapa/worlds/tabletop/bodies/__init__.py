"""The embodiments of the tabletop: one body per file, chosen by name."""

from __future__ import annotations

from lapa.worlds.tabletop.bodies.arm import Arm
from lapa.worlds.tabletop.bodies.body import Body
from lapa.worlds.tabletop.bodies.hand import Hand
from lapa.worlds.tabletop.bodies.paddle import Paddle

BODIES: dict[str, Body] = {body.name: body for body in (Arm(), Paddle(), Hand())}
ARM = BODIES["arm"]
