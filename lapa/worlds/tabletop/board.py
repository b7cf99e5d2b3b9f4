"""The board's measures, which physics, tasks and bodies share. Metres; x is right, y away from the viewer."""

from __future__ import annotations

BOARD_HALF = (0.365, 0.305)
"""Half the board's width and depth."""

BLOCK_RANGE = (0.275, 0.215)
"""Block centres stay within plus and minus this."""

PUSHER_RANGE = (0.340, 0.280)
"""The end effector stays within plus and minus this, so that it can always get behind a block."""
