"""Some clips of a data set, as a data set of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lapa.protocols import ClipSource
from lapa.types import Clip, Frames


class Subset:
    """A `ClipSource` of the clips `rows` of another."""

    def __init__(self, source: ClipSource, rows: Sequence[int]):
        self._source, self._rows = source, list(rows)
        self.name, self.path = source.name, source.path
        self.state_names = getattr(source, "state_names", ())
        self.state_xy = getattr(source, "state_xy", None)
        self.why_no_positions = getattr(source, "why_no_positions", "")
        self.records = [source.records[row] for row in self._rows]

    def clip(self, i: int) -> Clip:
        return self._source.clip(self._rows[i])

    def chunks(self, i: int) -> Iterator[Frames]:
        return self._source.chunks(self._rows[i])

    def frames(self, i: int, indices: Sequence[int]) -> Frames:
        return self._source.frames(self._rows[i], indices)

    def actions(self, i: int) -> np.ndarray | None:
        return self._source.actions(self._rows[i])

    def positions(self, i: int) -> np.ndarray | None:
        return self._source.positions(self._rows[i])

    def states(self, i: int) -> np.ndarray | None:
        return self._source.states(self._rows[i])

    def identity(self, rows: Sequence[int]) -> list[Any]:
        return self._source.identity([self._rows[i] for i in rows])

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))
