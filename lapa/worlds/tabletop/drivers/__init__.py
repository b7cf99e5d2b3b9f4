"""How each body is driven: which way to move to get behind a block, and to push it along a heading."""

from __future__ import annotations

from lapa.worlds.tabletop.drivers.arm import ArmDriver
from lapa.worlds.tabletop.drivers.driver import Driver
from lapa.worlds.tabletop.drivers.hand import HandDriver
from lapa.worlds.tabletop.drivers.paddle import PaddleDriver

DRIVERS: dict[str, type[Driver]] = {"arm": ArmDriver, "paddle": PaddleDriver, "hand": HandDriver}
