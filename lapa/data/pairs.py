"""Which pairs of frames: every (clip, t) whose future lies inside the clip, drawn or listed.

A pair never reaches over the end of its clip (the released code clamps there and trains on still pairs).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, UInt8

from lapa.data.frame_store import FrameStore
from lapa.data.video import window_frames
from lapa.types import LapaError


@dataclass(frozen=True, eq=False)
class PairTable:
    """All pairs of a store, in order.

    Attributes:
        store: where the frames are.
        clip: int64 [n], the store's clip of each pair; t: int64 [n], its current frame; window: int64 [n].
    """

    store: FrameStore
    clip: Int[np.ndarray, "n"]
    t: Int[np.ndarray, "n"]
    window: Int[np.ndarray, "n"]

    @classmethod
    def of(cls, store: FrameStore, window_s: float, num_windows: int = 1) -> PairTable:
        """List the pairs that are `window_s` seconds apart and have `num_windows` such windows before their clip ends.

        Raises:
            LapaError: if no clip is long enough.
        """
        windows = np.array([window_frames(window_s, fps) for fps in store.fps.tolist()])
        counts = np.maximum(store.lengths - num_windows * windows, 0)
        if not counts.sum():
            several = "the window" if num_windows == 1 else f"{num_windows} windows"
            raise LapaError(f"no clip is longer than {several} of {window_s:g} s: choose a shorter window")
        clip = np.repeat(np.arange(len(counts)), counts)
        t = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return cls(store=store, clip=clip, t=t, window=windows[clip])

    def __len__(self) -> int:
        return len(self.clip)

    def places(self, rows: Int[np.ndarray, "b"]) -> tuple[Int[np.ndarray, "b"], Int[np.ndarray, "b"]]:
        """Return the rows of these pairs' current and future frames in the store."""
        first = self.store.starts[self.clip[rows]] + self.t[rows]
        return first, first + self.window[rows]

    def runs(self, rows: Int[np.ndarray, "b"], num_windows: int) -> UInt8[np.ndarray, "b t h w 3"]:
        """Return the frames that are 0, 1, .. `num_windows` windows after each pair's current one."""
        first, later = self.places(rows)
        return self.store.frames[first[:, None] + np.arange(num_windows + 1) * (later - first)[:, None]]

    def frames(self, rows: Int[np.ndarray, "b"]) -> tuple[UInt8[np.ndarray, "b h w 3"], UInt8[np.ndarray, "b h w 3"]]:
        """Return the current and the future frames of these pairs."""
        first, later = self.places(rows)
        return self.store.frames[first], self.store.frames[later]
