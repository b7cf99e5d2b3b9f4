"""The set of transitions listed beside the map, kept as a query instead of a list of rows.

A query is small enough to keep in a session and gives the same rows each time it is run. Values that come from a
browser are validated here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from lapa.explorer import Explorer
from lapa.types import LapaError, LatentIndex
from viz.figures.find import rows_inside, rows_matching
from viz.figures.map_data import WILDCARD, latent_map_data
from viz.tabs.selection import whole_number

MAX_CORNERS = 400
NUM_NEAR = 50
KINDS = ("all", "find", "lasso", "near")


@dataclass(frozen=True, kw_only=True)
class Query:
    """Which transitions are in the table, and how it is sorted.

    Attributes:
        by: "all"; "find", what `text` matches; "lasso", what `loop` holds on the map of `coords`, `level` and
            `colour` without the `hidden` categories; "near", the nearest to `row` in the original space.
        sort: column; is_descending; page: from 0.
    """

    by: str = "all"
    text: str = ""
    loop: tuple[tuple[float, float], ...] = ()
    coords: str = "umap"
    level: str = "transition"
    colour: str = ""
    hidden: tuple[int, ...] = ()
    row: int = 0
    sort: str = "row"
    is_descending: bool = False
    page: int = 0

    @property
    def words(self) -> str:
        """What the set is, for people."""
        return {
            "all": "all transitions",
            "find": f"found by '{self.text}'",
            "lasso": "inside the lasso",
            "near": f"the {NUM_NEAR} nearest to transition {self.row}, before quantisation",
        }[self.by]


def rows_of(explorer: Explorer, query: Query) -> Int64[np.ndarray, "m"]:
    """Return the rows of a set; nearest first for "near", else in order.

    Raises:
        LapaError: if the question does not fit the index.
    """
    index = explorer.need_index()
    if query.by == "find":
        return rows_matching(index, query.text)
    if query.by == "lasso":
        return _inside(index, query)
    if query.by == "near":
        if not 0 <= query.row < len(index):
            raise LapaError(f"the map has no transition {query.row}")
        found = explorer.neighbours(index.latent_action(query.row), k=NUM_NEAR)
        return np.array([neighbour.row for neighbour in found], np.int64)
    return np.arange(len(index))


def read_lasso(data: Mapping[str, Any]) -> Query:
    """Read a lasso that came from a browser.

    Raises:
        LapaError: if it is none.
    """
    xs, ys, hidden = data.get("x"), data.get("y"), data.get("hidden")
    if not (_are_numbers(xs) and _are_numbers(ys) and len(xs) == len(ys) and 3 <= len(xs) <= MAX_CORNERS):
        raise LapaError("this is no lasso on the map: draw it again")
    if not isinstance(hidden, list) or not all(isinstance(number, int) for number in hidden[:64]):
        hidden = []
    return Query(
        by="lasso",
        loop=tuple(zip(map(float, xs), map(float, ys), strict=True)),
        coords=str(data.get("coords"))[:20],
        level=str(data.get("level"))[:20],
        colour=str(data.get("colour"))[:60],
        hidden=tuple(hidden[:64]),
    )


def read_query(data: Mapping[str, Any]) -> Query:
    """Read a question that a page carries; see `Query`.

    Raises:
        LapaError: if it is none.
    """
    by = str(data.get("by"))
    if by not in KINDS:
        raise LapaError("this set of transitions cannot be found again: search or draw the lasso once more")
    if by == "lasso":
        loop = data.get("loop")
        corners = loop if isinstance(loop, list) and all(isinstance(c, list) and len(c) == 2 for c in loop) else []
        return read_lasso({**data, "x": [corner[0] for corner in corners], "y": [corner[1] for corner in corners]})
    return Query(by=by, text=str(data.get("text", ""))[:200], row=whole_number(data.get("row", 0), "a row"))


def _inside(index: LatentIndex, query: Query) -> Int64[np.ndarray, "m"]:
    data = latent_map_data(index, coords=query.coords, level=query.level, colour_by=query.colour)
    numbers = np.where(np.isnan(data.values), -1, data.values).astype(np.int64) if data.groups else None
    shown = np.ones(len(data.rows), bool) if numbers is None else ~np.isin(numbers, query.hidden)
    inside = shown & rows_inside(data.xy, np.array(query.loop, np.float64))
    if query.level == "transition":
        return data.rows[inside]
    if query.level == "sequence":
        return np.flatnonzero(np.isin(index.codes, index.codes[data.rows[inside]]))
    fits = np.zeros(len(index), bool)
    for pattern in data.tokens[inside]:
        fits |= ((pattern == WILDCARD) | (index.tokens == pattern)).all(axis=1)
    return np.flatnonzero(fits)


def _are_numbers(values: Any) -> bool:
    return isinstance(values, list) and all(
        isinstance(value, int | float) and np.isfinite(value) for value in values[: MAX_CORNERS + 1]
    )
