"""Two models' maps of the same transitions as one figure on disk."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lapa.explorer import Explorer
from viz.exports.common import Common
from viz.figures.aligned import align
from viz.figures.paper import PAGE_IN
from viz.figures.paper_aligned import aligned_table, draw_aligned
from viz.figures.writing import FORMATS, versions, write_figure


def export_compare(
    one: Explorer,
    other: Explorer,
    common: Common,
    out: str | Path,
    *,
    names: tuple[str, str],
    about: Mapping[str, Any],
    colour_by: str = "first 0",
    formats: Sequence[str] = FORMATS,
    width_in: int | float = PAGE_IN,
) -> list[Path]:
    """Write the figure, the transitions as CSV and the residuals with the provenance as JSON.

    `about` is what the caller knows besides, such as the command.

    Raises:
        LapaError: if the transitions are too few, or cannot be coloured so.
    """
    aligned = align(*common.continuous)
    codes, num_codes = common.colours(colour_by)
    figure = draw_aligned(aligned, codes, num_codes, names=names, width_in=width_in)
    numbers = {k: v for k, v in dataclasses.asdict(aligned).items() if isinstance(v, float)}
    facts = {
        "figure": "compare",
        "first": {"laq": one.card["laq"], "sha256": one.sha256("laq")},
        "second": {"laq": other.card["laq"], "sha256": other.sha256("laq")},
        "transitions": common.origin,
        "projection": "PCA of each model's latents, the second brought onto the first (Procrustes)",
        **{name: round(value, 6) for name, value in numbers.items()},
        "explained": [round(share, 6) for share in aligned.explained],
        "seed": 0,
        "colour_by": colour_by,
        **about,
        "versions": versions("scipy", "torch"),
    }
    places = zip(common.clips, common.times.tolist(), common.windows.tolist())
    return write_figure(figure, out, formats, aligned_table(aligned, places, common.labels()), facts)
