"""Figures of an index, of a report or of a training on disk; see `writing` for the files.

`about` is what the caller knows besides, such as the command; it goes into the JSON.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lapa.types import LapaError, LatentIndex
from viz.figures.codebook import CodebookData, NestedCounts, codebook_data, nested_counts
from viz.figures.curves import Row, curves_table
from viz.figures.follow import NO_PAIRS, follow_data, follow_table
from viz.figures.map_data import MapData, Rows, latent_map_data
from viz.figures.paper import COLUMN_IN, PAGE_IN, draw_curves, draw_map
from viz.figures.paper_ablation import ablation_table, draw_ablation
from viz.figures.paper_codebook import draw_codebook
from viz.figures.paper_follow import draw_follow
from viz.figures.paper_scorecard import draw_scorecard
from viz.figures.scorecard import scorecard_data, scorecard_table
from viz.figures.writing import FORMATS, versions, write_figure

Facts = Mapping[str, Any]
NOTHING: Facts = {}
PROJECTIONS = {
    "umap": "UMAP of the continuous latents, seeded, kept in the index; neighbourhoods mean more than distances",
    "pca": "PCA of the continuous latents, kept in the index",
}


def export_map(
    index: LatentIndex,
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    coords: str = "umap",
    colour_by: str = "token 0",
    level: str = "transition",
    highlight_rows: Rows = (),
    width_in: float = COLUMN_IN,
    about: Facts = NOTHING,
) -> list[Path]:
    """Write the map of all transitions (or sequences); see `latent_map_data` for the choices.

    Args:
        out: path without a suffix, or with one of the formats as suffix to write that format only.

    Returns:
        the files written: the figure in each format, the CSV, the JSON.

    Raises:
        LapaError: for an unknown format or choice, or a folder that cannot be written.
    """
    data = latent_map_data(
        index,
        coords=coords,
        colour_by=colour_by,
        level=level,
        highlight_rows=highlight_rows,
        max_points=len(index),
    )
    facts = {
        "figure": "latent map",
        "coords": coords,
        "projection": PROJECTIONS[coords],
        "colour_by": colour_by,
        "level": level,
        "num_points": len(data.rows),
        "highlight_rows": [int(row) for row in highlight_rows],
    }
    return write_figure(
        draw_map(data, width_in=width_in), out, formats, _map_rows(index, data), {**_about(index), **facts, **about}
    )


def export_codebook(
    index: LatentIndex,
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    width_in: float = PAGE_IN,
    about: Facts = NOTHING,
) -> list[Path]:
    """Write each codebook's plane and distances, their use and all sequences as one figure. See `export_map`."""
    codebook, nested = codebook_data(index), nested_counts(index)
    facts = {
        "figure": "codebook",
        "projection": "classical multidimensional scaling of the code vectors, codebook by codebook",
        "layout": "one codebook per token" if codebook.num_books > 1 else "one codebook for all tokens",
        "stress": [round(stress, 6) for stress in codebook.stress],
        "rings": "mean length of the next token's code vectors",
        "mean_lengths": [round(float(length), 6) for length in codebook.lengths],
        "num_tokens_in_grid": nested.num_tokens,
    }
    figure = draw_codebook(codebook, nested, width_in=width_in)
    return write_figure(figure, out, formats, _codebook_rows(codebook, nested), {**_about(index), **facts, **about})


def export_follow(
    index: LatentIndex,
    out: str | Path,
    *,
    position: int | None = 0,
    formats: Sequence[str] = FORMATS,
    width_in: float = COLUMN_IN,
    about: Facts = NOTHING,
) -> list[Path]:
    """Write what follows what: codes of token `position`, or whole latent actions if it is None. See `export_map`."""
    if position is not None and not 0 <= position < index.code_seq_len:
        raise LapaError(f"there is no token {position}: give 0 to {index.code_seq_len - 1}, or whole")
    data = follow_data(index, position)
    if not data.num_pairs:
        raise LapaError(NO_PAIRS)
    seen, chance = data.repeats
    facts = {
        "figure": "what follows what",
        "what": data.what,
        "num_pairs": data.num_pairs,
        "same_again": round(seen, 6),
        "same_again_by_chance": round(chance, 6),
        "information_bits": round(data.information_bits, 6),
    }
    figure = draw_follow(data, width_in=width_in)
    return write_figure(figure, out, formats, follow_table(data), {**_about(index), **facts, **about})


def export_curves(
    rows: Sequence[Row],
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    names: Sequence[str] | None = None,
    width_in: float = PAGE_IN,
    about: Facts = NOTHING,
) -> list[Path]:
    """Write training curves (rows of metrics.jsonl). See `export_map`."""
    facts = {"figure": "training curves", "num_rows": len(rows), **about, "versions": versions()}
    return write_figure(
        draw_curves(rows, names=names, width_in=width_in), out, formats, curves_table(rows, names), facts
    )


def export_scorecard(
    facts: Facts,
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    width_in: float = PAGE_IN,
    about: Facts = NOTHING,
) -> list[Path]:
    """Write the scorecard that `eval laq` measured (its JSON, see `read_scorecard`). See `export_map`."""
    data = scorecard_data(facts)
    named = {key: facts[key] for key in ("laq", "data", "split", "window_s", "num_pairs", "seed") if key in facts}
    said = {"figure": "scorecard", **named, **about, "versions": versions()}
    return write_figure(draw_scorecard(facts, width_in=width_in), out, formats, scorecard_table(data), said)


def export_ablation(
    rows: Sequence[Facts],
    about: Facts,
    out: str | Path,
    *,
    formats: Sequence[str] = FORMATS,
    width_in: float = PAGE_IN,
) -> list[Path]:
    """Write the rows of `ablate laq`; `about` says what all its runs share. See `export_map`."""
    facts = {"figure": "ablation", **about, "versions": versions()}
    return write_figure(draw_ablation(rows, width_in=width_in), out, formats, ablation_table(rows), facts)


def _map_rows(index: LatentIndex, data: MapData) -> Iterable[Sequence]:
    yield ["row", "x", "y", "tokens", "count", data.colour_by, "clip", "t", "window", "split", "instruction"]
    names = [name for name, _ in data.groups]
    for row, (x, y), label, count, value in zip(data.rows, data.xy, data.labels, data.counts, data.values):
        clip = index.clip[row]
        shown = "" if np.isnan(value) else names[int(value)] if names else _quantity(value, data.colour_by)
        place = [index.clip_names[clip], index.t[row], index.window, index.clip_splits[clip]]
        yield [row, f"{x:.6g}", f"{y:.6g}", label, count, shown, *place, index.clip_instructions[clip]]


def _quantity(value: float, colour_by: str) -> str:
    """Undo the logarithm that counts are coloured by."""
    return str(round(10**value)) if colour_by == "count" else f"{value:.6g}"


def _codebook_rows(codebook: CodebookData, nested: NestedCounts) -> Iterable[Sequence]:
    """Say each number in one long table: what it is, of which token (or all tokens, where they share), of what."""
    yield ["quantity", "token", "first", "second", "value"]
    tokens = [book if codebook.num_books > 1 else codebook.name(book) for book in range(codebook.num_books)]
    for (book, code, other), value in np.ndenumerate(codebook.distances):
        yield ["distance", tokens[book], code, other, f"{value:.6g}"]
    for (book, code, axis), value in np.ndenumerate(codebook.planes):
        yield [f"plane_{'xy'[axis]}", tokens[book], code, "", f"{value:.6g}"]
    for (position, code), count in np.ndenumerate(codebook.usage):
        yield ["usage", position, code, "", count]
    order = np.argsort(nested.codes, axis=None)
    for code, count in zip(nested.codes.reshape(-1)[order], nested.counts.reshape(-1)[order]):
        if count:
            yield ["sequence_count", "", nested.label(int(code)), "", count]


def _about(index: LatentIndex) -> dict:
    return {
        "laq_sha256": index.laq,
        "data": index.data,
        "num_transitions": len(index),
        "num_clips": len(index.clip_names),
        "window": index.window,
        "window_s": index.window_s,
        "codebook_size": index.codebook_size,
        "code_seq_len": index.code_seq_len,
        "codebooks_sha256": hashlib.sha256(np.ascontiguousarray(index.codebooks).tobytes()).hexdigest(),
        "versions": versions(),
    }
