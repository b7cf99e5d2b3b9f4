"""Stop ends the run of the visitor who pressed it, once, and nobody else's."""

from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from viz.tabs.stopping import Stopping


@pytest.fixture
def come():
    """Return what makes the next call this visitor's."""
    before = LocalContext.request.set(None)
    yield lambda name: LocalContext.request.set(SimpleNamespace(session_hash=name))
    LocalContext.request.reset(before)


def test_stop_ends_ones_own_run_and_no_other(come):
    stopping = Stopping()
    come("ada")
    adas = stopping.begin()
    come("bob")
    bobs = stopping.begin()
    assert not adas() and not bobs()
    stopping.press()
    assert not adas(), "another visitor's run ended"
    assert bobs() and not bobs(), "a press counts once"


def test_a_press_before_the_run_does_not_end_it(come):
    stopping = Stopping()
    come("ada")
    stopping.press()
    assert not stopping.begin()()
