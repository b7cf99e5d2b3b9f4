"""The data of the latent map: points (transitions, token sequences or single codes), their coordinates and colours.

`latent_map` draws it on screen, `paper` in print, `export` writes it as a table; `find` maps search text to rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Float32, Int, Int64

from lapa.types import LapaError, LatentIndex
from viz.figures import style

MAX_POINTS = 100_000
MAX_CATEGORIES = 7
LEVELS = ("transition", "sequence", "code")
WILDCARD = -1
Rows = Sequence[int] | Int[np.ndarray, "m"]
Groups = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class MapData:
    """What a map shows, before anyone draws it.

    Attributes:
        rows: int64 [n], row of the index each point stands for (of several: the one nearest their middle).
        xy: float32 [n 2].
        counts: int64 [n], transitions a point stands for; all 1 at level "transition".
        tokens: int16 [n l] of each point, -1 for any: a code's point stands for all sequences that have it there.
        values: float64 [n], category number, or the quantity coloured; NaN where unknown.
        groups: (name, colour) of each category; empty for a quantity.
        value_range: ends of the colour scale of a quantity.
        colour_by, coords, level: as asked.
        num_rows: transitions in the index, shown or not.
        rings: positions in `rows` to ring; query: [2] where something that is not in the index belongs, or None.
    """

    rows: Int64[np.ndarray, "n"]
    xy: Float32[np.ndarray, "n 2"]
    counts: Int64[np.ndarray, "n"]
    tokens: Int[np.ndarray, "n l"]
    values: Float[np.ndarray, "n"]
    groups: Groups
    value_range: tuple[float, float]
    colour_by: str
    coords: str
    level: str
    num_rows: int
    rings: Int64[np.ndarray, "m"]
    query: Float32[np.ndarray, "2"] | None = None

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The tokens of each point as text: "3-0-7-1", or "*-*-7-*" for a code."""
        return tuple("-".join("*" if t == WILDCARD else str(t) for t in tokens) for tokens in self.tokens.tolist())


def colour_choices(index: LatentIndex) -> list[str]:
    """Return what `colour_by` may be for this index: only what it knows."""
    choices = [f"token {position}" for position in range(index.code_seq_len)] + ["magnitude", "count"]
    choices += ["direction"] if np.isfinite(index.displacement).all(axis=1).any() else []
    choices += ["task"] if any(index.clip_instructions) else []
    choices += [name for name in index.clip_facts if name not in choices]
    return choices + (["split"] if len(set(index.clip_splits)) > 1 else [])


def unknown_colours(index: LatentIndex) -> list[str]:
    """Return the usual colourings that are not available because the index has no data for them."""
    return [name for name in ("direction", "task", "embodiment", "success") if name not in colour_choices(index)]


def latent_map_data(
    index: LatentIndex,
    *,
    coords: str = "umap",
    colour_by: str = "token 0",
    level: str = "transition",
    highlight_rows: Rows = (),
    max_points: int = MAX_POINTS,
) -> MapData:
    """Choose the points of a map and what their colour says.

    Args:
        coords: "umap" (neighbourhoods) or "pca" (distances).
        colour_by: "token 0" to "token l-1", "task" (first word of the instruction), "magnitude", "direction", "split",
            "count" (how often the sequence occurs), or a fact of clips, such as "embodiment".
        level: "transition"; "sequence", one point per observed sequence; or "code", one per code of the token that is
            coloured, of every token if none is. Points of several transitions lie at their mean.
        highlight_rows: rows to ring; they are shown however many points there are.
        max_points: beyond it transitions are thinned evenly.

    Raises:
        LapaError: if `coords`, `colour_by`, `level` or a row is not one of these.
    """
    if coords not in ("umap", "pca"):
        raise LapaError(f"'{coords}' is no projection of this index: choose umap or pca")
    if level not in LEVELS:
        raise LapaError(f"'{level}' is no level of the map: choose {', '.join(LEVELS[:-1])} or {LEVELS[-1]}")
    highlight = np.asarray(highlight_rows, np.int64).reshape(-1)
    if ((highlight < 0) | (highlight >= len(index))).any():
        raise LapaError(f"row {highlight.max()} is not in the index: it has rows 0 to {len(index) - 1}")
    values, groups = _values(index, colour_by)
    xy = index.umap if coords == "umap" else index.pca
    if level == "transition":
        rows = _thin(len(index), max_points, highlight)
        tokens, xy, values, counts = index.tokens[rows], xy[rows], values[rows], np.ones(len(rows), np.int64)
        rings = np.searchsorted(rows, np.unique(highlight))
    else:
        tokens, members = _sequences(index) if level == "sequence" else _codes(index, colour_by)
        rows, xy, counts, values = _merge(index, xy, values, members, bool(groups), colour_by)
        fits = (tokens[:, None] == WILDCARD) | (tokens[:, None] == index.tokens[highlight][None])
        rings = np.flatnonzero(fits.all(axis=2).any(axis=1))
    return MapData(
        rows=rows,
        xy=xy,
        counts=counts,
        tokens=tokens.astype(np.int16),
        values=values,
        groups=groups,
        value_range=_value_range(values, colour_by),
        colour_by=colour_by,
        coords=coords,
        level=level,
        num_rows=len(index),
        rings=rings,
    )


def point_sizes(data: MapData, smallest: float, largest: float) -> Float[np.ndarray, "n"]:
    """Return diameters whose areas go with the counts; equal counts get the smallest."""
    share = np.sqrt(data.counts / max(1, data.counts.max()))
    return np.full(len(share), smallest) if data.level == "transition" else smallest + (largest - smallest) * share


def _values(index: LatentIndex, colour_by: str) -> tuple[Float[np.ndarray, "n"], Groups]:
    """Return the number that colours each row and, for categories, their names and colours."""
    if colour_by == "magnitude":
        return index.magnitude.astype(np.float64), ()
    if colour_by == "count":
        _, inverse, counts = np.unique(index.codes, return_inverse=True, return_counts=True)
        return np.log10(counts[inverse.reshape(-1)]), ()
    if colour_by == "direction":
        return _degrees(index.displacement.astype(np.float64)), ()
    if colour_by == "task":
        return _categories(tuple(map(_first_word, index.clip_instructions)), index.clip)
    if colour_by == "split" or colour_by in index.clip_facts:
        return _categories(index.clip_facts.get(colour_by, index.clip_splits), index.clip)
    name, _, position = colour_by.partition(" ")
    if name == "token" and position.isdecimal() and int(position) < index.code_seq_len:
        colors = style.code_colors(index.codebook_size)
        groups = tuple((str(code), color) for code, color in enumerate(colors))
        return index.tokens[:, int(position)].astype(np.float64), groups
    raise LapaError(f"the map cannot be coloured by '{colour_by}': choose one of {', '.join(colour_choices(index))}")


def _categories(texts: Sequence[str], clip: Int[np.ndarray, "n"]) -> tuple[Float[np.ndarray, "n"], Groups]:
    """Number the most frequent texts; the rest share "other", empty ones are unknown."""
    known = Counter(texts[c] for c in clip.tolist() if texts[c])
    kept = [text for text, _ in sorted(known.items(), key=lambda item: (-item[1], item[0]))[:MAX_CATEGORIES]]
    numbers = {text: number for number, text in enumerate(kept)}
    per_clip = np.array([numbers.get(text, len(kept)) if text else np.nan for text in texts], np.float64)
    others = (("other", style.OKABE_ITO[7]),) if len(known) > len(kept) else ()
    return per_clip[clip], tuple(zip(kept, style.CATEGORIES)) + others


def _sequences(index: LatentIndex) -> tuple[Int[np.ndarray, "m l"], list[np.ndarray]]:
    """Return the sequences that occur, and the rows of each."""
    _, first, inverse, counts = np.unique(index.codes, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(inverse.reshape(-1), kind="stable")
    return index.tokens[first], np.split(order, np.cumsum(counts)[:-1])


def _codes(index: LatentIndex, colour_by: str) -> tuple[Int[np.ndarray, "m l"], list[np.ndarray]]:
    """Return the codes that occur as patterns, and the rows of each; of one token if it is the one coloured by."""
    name, _, position = colour_by.partition(" ")
    positions = [int(position)] if name == "token" else range(index.code_seq_len)
    patterns, members = [], []
    for position in positions:
        for code in range(index.codebook_size):
            rows = np.flatnonzero(index.tokens[:, position] == code)
            if len(rows):
                patterns.append([code if place == position else WILDCARD for place in range(index.code_seq_len)])
                members.append(rows)
    return np.array(patterns, np.int16), members


def _merge(
    index: LatentIndex,
    xy: Float32[np.ndarray, "n 2"],
    values: Float[np.ndarray, "n"],
    members: list[np.ndarray],
    are_groups: bool,
    colour_by: str,
) -> tuple[Int64[np.ndarray, "m"], Float32[np.ndarray, "m 2"], Int64[np.ndarray, "m"], Float[np.ndarray, "m"]]:
    """Make one point of several: the row nearest their middle, the middle, how many, and their common value."""
    counts = np.array([len(rows) for rows in members], np.int64)
    middle = np.stack([xy[rows].mean(axis=0, dtype=np.float64) for rows in members]).astype(np.float32)
    nearest = [rows[np.square(xy[rows] - place).sum(axis=1).argmin()] for rows, place in zip(members, middle)]
    if colour_by == "direction":
        moved = [index.displacement[rows].astype(np.float64) for rows in members]
        known = [move[np.isfinite(move).all(axis=1)] for move in moved]
        merged = _degrees(np.stack([move.mean(axis=0) if len(move) else np.full(2, np.nan) for move in known]))
    elif colour_by == "count":
        merged = np.log10(counts)
    else:
        merged = np.array([_common(values[rows], are_groups) for rows in members])
    return np.array(nearest, np.int64), middle, counts, merged


def _common(values: Float[np.ndarray, "m"], are_groups: bool) -> float:
    """Return the mean of quantities, or the most frequent of categories."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan
    return float(np.bincount(values.astype(np.int64)).argmax()) if are_groups else float(values.mean())


def _degrees(displacement: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n"]:
    """Return where to, 0 right, 90 forward, in [0, 360); NaN where unknown or nothing moved."""
    degrees = np.degrees(np.arctan2(displacement[:, 1], displacement[:, 0])) % 360.0
    return np.where(np.square(displacement).sum(axis=1) > 0, degrees, np.nan)


def _first_word(text: str) -> str:
    words = text.split()
    return words[0].lower().strip(".,:;") if words else ""


def _thin(num_rows: int, max_points: int, keep: Int64[np.ndarray, "m"]) -> Int64[np.ndarray, "n"]:
    if num_rows <= max_points:
        return np.arange(num_rows)
    return np.union1d(np.linspace(0, num_rows - 1, max_points).astype(np.int64), keep)


def _value_range(values: Float[np.ndarray, "n"], colour_by: str) -> tuple[float, float]:
    """Return the ends of the scale; the brightest hundredth of a quantity does not stretch it."""
    if colour_by == "direction":
        return 0.0, 360.0
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = (float(v) for v in (known.min(), known.max() if colour_by == "count" else np.percentile(known, 99)))
    return low, max(high, low + 1e-6)
