"""Stop, said by the run itself before its next step: an answer of Stop's own could be overtaken by one on its way."""

from __future__ import annotations

from collections.abc import Callable

from viz.tabs.page import visitor


class Stopping:
    """Who pressed Stop since their run began; one for each part of the page that runs."""

    def __init__(self):
        self._pressed: set[str] = set()

    def press(self) -> None:
        """Ask the visitor's run to end."""
        self._pressed.add(visitor())

    def begin(self) -> Callable[[], bool]:
        """Begin a run of this visitor; return what tells, once, that it shall end."""
        me = visitor()
        self._pressed.discard(me)

        def is_pressed() -> bool:
            found = me in self._pressed
            self._pressed.discard(me)
            return found

        return is_pressed
