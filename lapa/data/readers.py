"""Pictures by number out of a video file, through PyAV; `picture_reader.py` does the same for pictures.

Both have `num_frames`, `fps` (None where nobody says), `size` (height, width), `note` (a sentence about what was met,
or "") and `read(indices)` with ascending indices. They raise whatever their library raises; `lapa/data/video.py` turns
that into a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import av
import numpy as np

from lapa.data.contents import contents_of
from lapa.data.film import Film, MismatchError
from lapa.data.picture_reader import fit_size
from lapa.data.salvage import upright
from lapa.types import Frames


class FileReader:
    """A video file: each frame from the last key frame before it that is safe, or from the beginning.

    Args:
        path: the file.
        max_side: frames are shrunk to this one by one, so that 4K never piles up in memory.
        in_order: decode from the beginning, up to the first damage, whatever the packets say.

    Raises, on reading:
        MismatchError: if other pictures come than the packets promised.
    """

    def __init__(self, path: Path, max_side: int | None = None, *, in_order: bool = False):
        contents = contents_of(path, in_order=in_order)
        self.num_frames, self.fps, self.note = contents.num_frames, contents.fps, contents.note
        self.size = fit_size(*contents.size, max_side) if contents.num_frames else (0, 0)
        self._path, self._index = path, contents.index
        self._film: Film | None = None
        self._position, self._upcoming = 0, iter(())

    def read(self, indices: Sequence[int]) -> Frames:
        return np.stack([upright(self._picture(i), *self.size) for i in indices])

    def _picture(self, i: int) -> av.VideoFrame:
        key = self._index.key_for(i) if self._index else 0
        begin = self._index.first_of(key) if self._index else 0
        if self._film is None or i < self._position or begin > self._position:
            self._film = self._film or Film(self._path, self._index)
            self._position, self._upcoming = begin, self._film.pictures_from(key)
        picture = next(islice(self._upcoming, i - self._position, None), None)
        if picture is None:
            raise MismatchError(f"frame {i} is missing")
        self._position = i + 1
        return picture
