"""`export map|codebook`: figures for print, with the plotted data and where it is from beside them.

The one file of `lapa` that knows `viz`: the command line hands an index to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, parse, usage

FIGURES = (".pdf", ".svg", ".png")


@dataclass(frozen=True, kw_only=True)
class ExportMap:
    """Draw the transitions of an index as points."""

    out: Path
    """Figure to write: .pdf, .svg or .png."""
    coords: str = "umap"
    """Coordinates: umap or pca."""
    colour_by: str = "token 0"
    """What colours the points, such as "token 0", magnitude, direction or split."""
    level: str = "transition"
    """One point per transition, or per sequence of tokens (sequence)."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportCodebook:
    """Draw the codebook: where the codes lie, how far apart, how often each is used, and all sequences."""

    out: Path
    """Figure to write: .pdf, .svg or .png."""
    models: AnyModels = Models()


def main(verb: str, args: list[str]) -> None:
    options = parse(ExportMap if verb == "export map" else ExportCodebook, verb, args)
    if options.out.suffix.lower() not in FIGURES:
        raise WrongUsage(f"--out {options.out} is not a figure: give a name that ends in {', '.join(FIGURES)}")
    index = options.models.open().need_index()
    from viz.figures.export import export_codebook, export_map

    if isinstance(options, ExportCodebook):
        files = export_codebook(index, options.out)
    else:
        with usage():
            files = export_map(
                index, options.out, coords=options.coords, colour_by=options.colour_by, level=options.level
            )
    print(*files, sep="\n")
