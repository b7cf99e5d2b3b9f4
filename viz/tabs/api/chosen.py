"""What a caller means by a bundle, a clip, a frame and a window: the same selection, and checks, as on the page."""

from __future__ import annotations

from dataclasses import replace

from lapa.explorer import Explorer
from lapa.types import LatentAction
from viz.tabs.actions import choose_clip, choose_frame, choose_tokens
from viz.tabs.selection import Selection, seconds
from viz.tabs.workbench import Workbench


class Chosen:
    """What the verbs share: looking up what their arguments name."""

    def __init__(self, bench: Workbench):
        self.bench = bench

    def explorer(self, bundle: str) -> Explorer:
        return self.bench.explorer(self.name(bundle))

    def name(self, bundle: str) -> str:
        """Return the bundle's name; the first one where none is given.

        Raises:
            LapaError: if there is no such bundle.
        """
        name = bundle or self.bench.bundles[0]
        self.bench.explorer(name)
        return name

    def clip(self, bundle: str, clip: str, window_s: float = 0.0) -> Selection:
        """Select a clip, in the window of training unless another is given."""
        start = Selection(bundle=self.name(bundle), window_s=self.explorer(bundle).window_s)
        selection = choose_clip(self.bench, start, clip)
        return self.bench.fit(replace(selection, window_s=seconds(window_s))) if window_s else selection

    def frame(self, bundle: str, clip: str, t: int, window_s: float = 0.0) -> Selection:
        """Select a frame of a clip."""
        return choose_frame(self.bench, self.clip(bundle, clip, window_s), str(t))

    def action(self, selection: Selection, tokens: str) -> LatentAction:
        """Return the latent action that is meant: the one given, else the one seen at the selection."""
        return self.bench.chosen(choose_tokens(self.bench, selection, tokens) if tokens else selection)
