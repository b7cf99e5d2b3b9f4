"""Several data sets as one: a folder whose subfolders are LeRobot data sets (links to them will do), NAME or ORG/NAME.

So that one quantizer can be trained on several bodies, rooms or laboratories at once. Records keep their own splits,
and carry the name of their data set before their own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lapa.data.lerobot import LeRobotSource
from lapa.data.lerobot_places import parts_of
from lapa.protocols import ClipRecord
from lapa.types import Clip, Frames


class JoinedSource:
    """A `ClipSource` over the data sets in a folder, in the order of their names.

    Attributes:
        path, name: the folder and its name. parts: the data sets.
        records: of all parts, one after another, named "part/episode_000012".

    Raises:
        LapaError: if one of them cannot be read.
    """

    def __init__(self, path: str | Path, *, camera: str = "", state_xy: tuple[str, str] | None = None):
        self.path = Path(path)
        self.name = self.path.resolve().name
        parts = parts_of(self.path)
        self.parts = [LeRobotSource(part, camera=camera, state_xy=state_xy) for part in parts.values()]
        self.records: Sequence[ClipRecord] = [
            replace(record, name=f"{name}/{record.name}")
            for name, part in zip(parts, self.parts, strict=True)
            for record in part.records
        ]
        self._starts = np.cumsum([0, *(len(part.records) for part in self.parts)])

    def clip(self, i: int) -> Clip:
        """Decode clip `i`."""
        part, row = self._at(i)
        return replace(part.clip(row), source=f"{self.name}/{self.records[i].name}")

    def chunks(self, i: int) -> Iterator[Frames]:
        """Decode clip `i` in order, a block of frames at a time: uint8 [t h w 3]."""
        part, row = self._at(i)
        return part.chunks(row)

    def frames(self, i: int, indices: Sequence[int]) -> Frames:
        """Decode only these frames of clip `i`: uint8 [t h w 3]."""
        part, row = self._at(i)
        return part.frames(row, indices)

    def actions(self, i: int) -> np.ndarray | None:
        """True actions of clip `i`, float32 [t a], or None where none were recorded."""
        part, row = self._at(i)
        return part.actions(row)

    def states(self, i: int) -> np.ndarray | None:
        """Recorded states of clip `i`, float32 [t n], or None where none were recorded."""
        part, row = self._at(i)
        return part.states(row)

    def positions(self, i: int) -> np.ndarray | None:
        """Where the end effector was in clip `i`, float32 [t 2], metres; None where that is not known."""
        part, row = self._at(i)
        return part.positions(row)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the numbers of the states, as far as all parts begin with the same."""
        return tuple(os.path.commonprefix([part.state_names for part in self.parts]))

    @property
    def state_xy(self) -> tuple[int, int] | None:
        """Which numbers of the states are the end effector's x and y; None where the parts do not agree on it."""
        found = {part.state_xy for part in self.parts}
        return found.pop() if len(found) == 1 else None

    @property
    def why_no_positions(self) -> str:
        """Say why `positions` are not known in some parts; "" where they are in all."""
        return "; ".join(dict.fromkeys(filter(None, (part.why_no_positions for part in self.parts))))

    def identity(self, rows: Sequence[int]) -> list[Any]:
        """What each part says of its clips; one after another, in the order of `rows`."""
        places = [self._at(i) for i in rows]
        return [[part.name, part.identity([row for at, row in places if at is part])] for part in self.parts] + [
            [self.parts.index(part), row] for part, row in places
        ]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))

    def __len__(self) -> int:
        return len(self.records)

    def _at(self, i: int) -> tuple[LeRobotSource, int]:
        part = int(np.searchsorted(self._starts, i, side="right")) - 1
        return self.parts[part], i - int(self._starts[part])
