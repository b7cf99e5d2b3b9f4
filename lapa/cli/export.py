"""`export map|codebook|scorecard`: figures for print, with the plotted data and where it is from beside them.

The one file of `lapa` that knows `viz`: the command line hands an index, or a report, to the figures.
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


@dataclass(frozen=True, kw_only=True)
class ExportScorecard:
    """Draw the scorecard of a quantizer: gains, probes against baselines, what each code means and where it holds."""

    report: Path
    """What `eval laq --out FILE.json` wrote."""
    out: Path
    """Figure to write: .pdf, .svg or .png."""


KINDS = {"export map": ExportMap, "export codebook": ExportCodebook, "export scorecard": ExportScorecard}


def main(verb: str, args: list[str]) -> None:
    options = parse(KINDS[verb], verb, args)
    if options.out.suffix.lower() not in FIGURES:
        raise WrongUsage(f"--out {options.out} is not a figure: give a name that ends in {', '.join(FIGURES)}")
    from viz.figures.export import export_codebook, export_map, export_scorecard

    if isinstance(options, ExportScorecard):
        from viz.figures.scorecard import read_scorecard

        print(*export_scorecard(read_scorecard(options.report), options.out), sep="\n")
        return
    index = options.models.open().need_index()
    if isinstance(options, ExportCodebook):
        files = export_codebook(index, options.out)
    else:
        with usage():
            files = export_map(
                index, options.out, coords=options.coords, colour_by=options.colour_by, level=options.level
            )
    print(*files, sep="\n")
