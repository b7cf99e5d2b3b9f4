"""The dreams of all visitors, in memory: for each the trees of the few starts used last, and nobody else's."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict

from lapa.types import Frame, LapaError
from viz.tabs.dreams import DreamTree
from viz.tabs.selection import Selection

TREES_PER_VISITOR = 3
VISITORS = 60
MAX_BYTES = 512 * 2**20
"""Of all visitors' trees together; beyond it, whoever was away longest loses theirs."""


class DreamStore:
    """The dreams of all visitors: for each the trees of the few starts used last."""

    def __init__(self, visitors: int = VISITORS):
        self._visitors, self._lock = visitors, threading.Lock()
        self._kept: OrderedDict[str, OrderedDict[tuple, DreamTree]] = OrderedDict()

    def at(self, visitor: str, selection: Selection, start: Frame) -> DreamTree:
        """Return a visitor's tree at a start, as it was left; an empty one if there is none."""
        key = (selection.bundle, selection.clip, selection.t, selection.window_s)
        with self._lock:
            own = self._kept.setdefault(visitor, OrderedDict())
            self._kept.move_to_end(visitor)
            if key not in own:
                own[key] = DreamTree(selection, start)
            own.move_to_end(key)
            while len(own) > TREES_PER_VISITOR:
                own.popitem(last=False)
            while len(self._kept) > 1 and (len(self._kept) > self._visitors or self._num_bytes() > MAX_BYTES):
                self._kept.popitem(last=False)
            return own[key]

    def get(self, dream_id: str) -> DreamTree:
        """Return a tree by its id.

        Raises:
            LapaError: if it is not kept any more.
        """
        with self._lock:
            for own in self._kept.values():
                for dream in own.values():
                    if secrets.compare_digest(dream.id.encode(), dream_id.encode()):
                        return dream
        raise LapaError("this dream is not kept any more: press Dream to start another")

    def _num_bytes(self) -> int:
        return sum(dream.num_bytes for own in self._kept.values() for dream in own.values())
