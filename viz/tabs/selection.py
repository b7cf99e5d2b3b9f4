"""What the visitor is looking at: one small frozen value, shared by all tabs and spelled out in the page's address.

Holds ids only, never pictures. What a link says is checked here piece by piece: a bad piece is dropped with a sentence
and the rest of the link still works.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from lapa.types import LapaError

TABS = ("inspect", "decode", "map", "dream", "compare", "report")
MAX_WINDOW_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A view of the app.

    Attributes:
        bundle: name of the models.
        clip: id of a clip on the shelf.
        t: frame number.
        window_s: distance of the two frames, in seconds.
        tokens: a latent action chosen by hand, or None for the one the quantizer sees between the two frames.
        row: the transition picked on the map, or None.
        tab: what is open.
        other: name of the models they are compared with, or "" for the next ones.
    """

    bundle: str
    clip: str = ""
    t: int = 0
    window_s: float = 0.6
    tokens: tuple[int, ...] | None = None
    row: int | None = None
    tab: str = TABS[0]
    other: str = ""

    @property
    def query(self) -> str:
        """The selection as the query part of a link."""
        parts = {"bundle": self.bundle, "clip": self.clip, "t": self.t, "w": f"{self.window_s:g}"}
        if self.tokens is not None:
            parts["tokens"] = "-".join(map(str, self.tokens))
        if self.row is not None:
            parts["row"] = self.row
        if self.other:
            parts["other"] = self.other
        return urlencode({**parts, "tab": self.tab})

    def at(self, t: int) -> Selection:
        """Return this selection at frame `t`, with the latent action that is seen there."""
        return replace(self, t=t, tokens=None, row=None)


def whole_number(text: object, name: str) -> int:
    """Read an int that came from a page.

    Raises:
        LapaError: if it is none.
    """
    try:
        return int(str(text)[:12])
    except ValueError:
        raise LapaError(f"'{str(text)[:40]}' is not a whole number: {name} has to be one") from None


def seconds(text: object) -> float:
    """Read a window in seconds.

    Raises:
        LapaError: if it is no number above 0 and at most 30.
    """
    try:
        value = float(str(text)[:12])
    except ValueError:
        value = math.nan
    if not 0 < value <= MAX_WINDOW_S:
        raise LapaError(f"a window of '{str(text)[:40]}' seconds is not possible: give a number above 0, up to 30")
    return value


def read_link(
    params: Mapping[str, str], start: Selection, readers: Mapping[str, object]
) -> tuple[Selection, list[str]]:
    """Apply a link's pieces, in order, to `start`.

    Args:
        params: the query parameters, as they came.
        start: what is shown without any.
        readers: parameter -> function(selection, text) -> selection, raising LapaError for what it cannot use.

    Returns:
        The selection, and a sentence on the pieces that were ignored, if there are any.
    """
    selection, ignored = start, []
    for name, read in readers.items():
        text = params.get(name, "")
        if text == "":
            continue
        try:
            selection = read(selection, text)
        except LapaError as error:
            ignored.append(f"{error}".rstrip("."))
    return selection, [f"Not everything in this link can be shown: {'; '.join(ignored)}."] if ignored else []
