"""Scenes that several tests of the worlds set by hand."""

import numpy as np
import pytest

from lapa.worlds.tabletop.sim import STATE_SIZE


@pytest.fixture
def empty_corner_state():
    """All blocks on the left half, the pusher in the empty right half."""
    state = np.zeros(STATE_SIZE)
    state[:2] = (0.1, -0.2)
    for i in range(8):
        state[2 + 3 * i : 4 + 3 * i] = (-0.24 + 0.12 * (i % 2), -0.18 + 0.12 * (i // 2))
    return state
