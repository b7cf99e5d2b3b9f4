"""What all visitors share: the models of each bundle, the shelf of clips, and caches of what was computed.

Nothing here belongs to one visitor; a visitor is a `Selection`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lapa.explorer import Explorer
from lapa.types import Clip, Frame, FramePair, LapaError, LatentAction
from viz.tabs.selection import Selection
from viz.tabs.shelf import BoundedCache, Shelf

RIBBON_PAIRS = 48
"""Latent actions computed along a clip; longer clips are sampled."""


class Workbench:
    """Models, clips and caches.

    Args:
        openers: bundle name -> function that opens it; called once, at first use. The first one is the default.
        shelf: the clips.
        write_video: (path, frames, fps) -> writes a film.
        home: group of the shelf to start from, instead of each bundle's own videos.
    """

    def __init__(
        self,
        openers: Mapping[str, Callable[[], Explorer]],
        shelf: Shelf,
        write_video: Callable[[Path, Sequence[Frame], float], object],
        home: str | None = None,
    ):
        self._openers, self.shelf, self.write_video = dict(openers), shelf, write_video
        self._home = home
        self._explorers: dict[str, Explorer] = {}
        self._opening = threading.Lock()
        self._seen = BoundedCache(2048)
        self._ribbons = BoundedCache(256)

    @property
    def bundles(self) -> tuple[str, ...]:
        """Names of the bundles that can be chosen."""
        return tuple(self._openers)

    def explorer(self, bundle: str) -> Explorer:
        """Open a bundle, once.

        Raises:
            LapaError: if there is no such bundle or it cannot be opened.
        """
        if bundle not in self._openers:
            raise LapaError(f"there is no bundle '{bundle[:40]}' here: choose one of {', '.join(self.bundles)}")
        with self._opening:
            if bundle not in self._explorers:
                self._explorers[bundle] = self._openers[bundle]()
            return self._explorers[bundle]

    def start(self, bundle: str) -> Selection:
        """Return what a visitor sees first in a bundle: the first clip, a third of the way in."""
        explorer = self.explorer(bundle)
        entries = list(self.shelf.entries(self._home or self.group(bundle)))
        selection = Selection(bundle=bundle, clip=entries[0].id if entries else "", window_s=explorer.window_s)
        return self.fit(replace(selection, t=entries[0].num_frames // 3)) if entries else selection

    def group(self, bundle: str) -> str:
        """Return the group of the shelf that holds a bundle's own videos; the first group if they are not here."""
        groups = list(self.shelf.sources)
        return bundle if bundle in groups else groups[0]

    def clip(self, selection: Selection) -> Clip:
        return self.shelf.clip(selection.clip)

    def window(self, selection: Selection) -> int:
        """Return the window in frames of the selected clip."""
        return max(1, round(selection.window_s * self.clip(selection).fps))

    def last(self, selection: Selection) -> int:
        """Return the last frame number that still has a frame one window later.

        Raises:
            LapaError: if the window is longer than the clip.
        """
        clip, window = self.clip(selection), self.window(selection)
        if window >= clip.num_frames:
            raise LapaError(
                f"a window of {selection.window_s:g} s is {window} frames, but '{clip.source}' has only "
                f"{clip.num_frames}: choose a shorter window or a longer clip"
            )
        return clip.num_frames - 1 - window

    def fit(self, selection: Selection) -> Selection:
        """Return the selection with its frame moved into the clip."""
        return replace(selection, t=min(max(selection.t, 0), self.last(selection)))

    def pair(self, selection: Selection) -> FramePair:
        return self.clip(selection).pair(selection.t, self.window(selection))

    def frame(self, selection: Selection) -> Frame:
        return self.pair(selection).frame

    def seen(self, selection: Selection) -> LatentAction:
        """Return what the quantizer sees between the two selected frames."""
        pair = self.pair(selection)
        key = (selection.bundle, selection.clip, pair.t, pair.window)
        return self._seen.get(key, lambda: self.explorer(selection.bundle).encode(pair.frame, pair.future))

    def chosen(self, selection: Selection) -> LatentAction:
        """Return the latent action of the selection: the one set by hand, else the one seen."""
        if selection.tokens is None:
            return self.seen(selection)
        explorer = self.explorer(selection.bundle)
        if len(selection.tokens) != explorer.code_seq_len:
            raise LapaError(f"{len(selection.tokens)} tokens were given, but this bundle has {explorer.code_seq_len}")
        return LatentAction(tokens=selection.tokens, codebook_size=explorer.codebook_size)

    def read_tokens(self, selection: Selection, label: str) -> LatentAction:
        """Read a latent action typed by a person, for the selected bundle."""
        explorer = self.explorer(selection.bundle)
        return LatentAction.from_label(label, code_seq_len=explorer.code_seq_len, codebook_size=explorer.codebook_size)

    def ribbon(self, selection: Selection) -> list[tuple[int, LatentAction]]:
        """Return (t, latent action) along the selected clip, sampled evenly."""
        window = self.window(selection)
        stride = -(-(self.last(selection) + 1) // RIBBON_PAIRS)
        key = (selection.bundle, selection.clip, window)
        encode = self.explorer(selection.bundle).encode_clip
        return self._ribbons.get(key, lambda: encode(self.clip(selection), window=window, stride=stride))

    def add_upload(self, selection: Selection, path: Path, title: str) -> tuple[Selection, str]:
        """Take in a visitor's video and select it, in the models' window; also return what to say about it, or ""."""
        clip_id, note = self.shelf.add_upload(path, title)
        window_s = self.explorer(selection.bundle).window_s
        return self.fit(replace(selection, clip=clip_id, window_s=window_s, t=0, tokens=None, row=None)), note
