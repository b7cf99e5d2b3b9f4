"""`export map|codebook|follow|scorecard|curves|benchmark|compare`: figures for print, with data and provenance.

With `export_clip.py` the place of `lapa` that knows `viz`: the command line hands an index or a report to the figures.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, parse, usage
from lapa.types import LapaError

FIGURES = (".pdf", ".svg", ".png")
Part = Literal["laq", "policy", "robot"]


@dataclass(frozen=True, kw_only=True)
class ExportMap:
    """Draw the transitions of an index as points."""

    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    width: Literal["column", "page"] = "column"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""
    coords: str = "umap"
    """Coordinates: umap or pca."""
    colour_by: str = "token 0"
    """What colours the points: "token 0", magnitude, direction, task, split, embodiment, success, as far as known."""
    level: str = "transition"
    """One point per transition, per sequence of tokens that occurs (sequence), or per code of the token (code)."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportCodebook:
    """Draw the codebook: where the codes lie, how far apart, how often each is used, and all sequences."""

    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    width: Literal["column", "page"] = "page"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportFollow:
    """Draw which code follows which, one window later in the same clip: each row of the matrix a distribution."""

    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    width: Literal["column", "page"] = "column"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""
    token: int | Literal["whole"] = 0
    """Whose codes: those of token 0, 1, ..., or whole latent actions, the commonest by name."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportScorecard:
    """Draw the scorecard of a quantizer: gains, probes against baselines, what each code means and where it holds."""

    report: Path
    """What `eval laq --out FILE.json` wrote."""
    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    width: Literal["column", "page"] = "page"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""


@dataclass(frozen=True, kw_only=True)
class ExportCurves:
    """Draw the training curves of a checkpoint."""

    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    width: Literal["column", "page"] = "page"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""
    part: Part = "laq"
    """Whose curves: those of the quantizer, the policy or the robot policy."""
    names: tuple[str, ...] = ()
    """Quantities to draw, such as loss or psnr_gain_db; by default all."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportBenchmark:
    """Draw the comparison that `ablate laq` measured: every setting a row, every measure a panel with intervals."""

    report: Path
    """The ablation.json that `ablate laq` wrote."""
    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""


@dataclass(frozen=True, kw_only=True)
class ExportCompare:
    """Draw the maps of two quantizers side by side on the same transitions, the second turned onto the first."""

    out: Path
    """Figure to write: .pdf, .svg or .png; without a suffix, all three."""
    other: str
    """The second bundle's name, or the folder of a quantizer."""
    data: Path | None = None
    """Clips for both to encode: a folder of videos or a LeRobot data set; by default what both indices share."""
    window_s: float = 0.0
    """Seconds from the current to the later frame of these clips; 0 is the first quantizer's window."""
    colour_by: str = "first 0"
    """Whose token, and which, colours the points: "first 0", "second 3"."""
    width: Literal["column", "page"] = "page"
    """Width in print: one column (3.25 in) or the page (6.75 in)."""
    models: AnyModels = Models()


KINDS = {
    "export map": ExportMap,
    "export codebook": ExportCodebook,
    "export follow": ExportFollow,
    "export scorecard": ExportScorecard,
    "export curves": ExportCurves,
    "export benchmark": ExportBenchmark,
    "export compare": ExportCompare,
}


def main(verb: str, args: list[str]) -> None:
    options = parse(KINDS[verb], verb, args)
    check_out(options.out, FIGURES)
    about = {"command": shlex.join(["python", "-m", "lapa", *verb.split(), *args])}
    files = {
        ExportScorecard: _scorecard,
        ExportBenchmark: _benchmark,
        ExportCurves: _curves,
        ExportCompare: _compare,
        ExportMap: _map,
        ExportCodebook: _codebook,
        ExportFollow: _follow,
    }[type(options)](options, about)
    print(*files, sep="\n")


def check_out(out: Path, known: tuple[str, ...]) -> None:
    """Refuse names that end in no known format; a name without a suffix asks for all.

    Raises:
        WrongUsage: naming those that can be given.
    """
    if out.suffix and out.suffix.lower() not in known:
        raise WrongUsage(f"--out {out} is not a figure: give a name that ends in {', '.join(known)}")


def _map(options: ExportMap, about: dict[str, str]) -> list[Path]:
    from viz.exports.settings import WIDTHS_IN
    from viz.figures.export import export_map

    index = options.models.open().need_index()
    chosen = {"coords": options.coords, "colour_by": options.colour_by, "level": options.level}
    with usage():
        return export_map(index, options.out, **chosen, width_in=WIDTHS_IN[options.width], about=about)


def _codebook(options: ExportCodebook, about: dict[str, str]) -> list[Path]:
    from viz.exports.settings import WIDTHS_IN
    from viz.figures.export import export_codebook

    index = options.models.open().need_index()
    return export_codebook(index, options.out, width_in=WIDTHS_IN[options.width], about=about)


def _follow(options: ExportFollow, about: dict[str, str]) -> list[Path]:
    from viz.exports.settings import WIDTHS_IN
    from viz.figures.export import export_follow

    index = options.models.open().need_index()
    position = None if options.token == "whole" else options.token
    with usage():
        return export_follow(index, options.out, position=position, width_in=WIDTHS_IN[options.width], about=about)


def _scorecard(options: ExportScorecard, about: dict[str, str]) -> list[Path]:
    from viz.exports.settings import WIDTHS_IN
    from viz.figures.export import export_scorecard
    from viz.figures.scorecard import read_scorecard

    facts = read_scorecard(options.report)
    return export_scorecard(facts, options.out, width_in=WIDTHS_IN[options.width], about=about)


def _curves(options: ExportCurves, about: dict[str, str]) -> list[Path]:
    from viz.exports.settings import WIDTHS_IN
    from viz.figures.curves import read_rows
    from viz.figures.export import export_curves

    explorer = options.models.open()
    text = explorer.records().metrics.get(options.part)
    if text is None:
        raise LapaError(f"'{explorer.name}' has no training curves of its {options.part}: its metrics.jsonl is missing")
    facts = {"part": options.part, "sha256": explorer.sha256(options.part), **about}
    width_in = WIDTHS_IN[options.width]
    with usage():
        return export_curves(read_rows(text), options.out, names=options.names or None, width_in=width_in, about=facts)


def _benchmark(options: ExportBenchmark, about: dict[str, str]) -> list[Path]:
    from viz.figures.export import export_ablation

    try:
        facts = json.loads(options.report.read_text(encoding="utf-8"))
        rows = facts.pop("rows")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        raise LapaError(f"'{options.report}' is no benchmark: give the ablation.json of 'ablate laq'") from None
    return export_ablation(rows, facts | about, options.out)


def _compare(options: ExportCompare, about: dict[str, str]) -> list[Path]:
    from lapa.data.source import open_source
    from lapa.explorer import Explorer
    from viz.exports.common import encode_common, finish, shared_transitions
    from viz.exports.compare import export_compare
    from viz.exports.settings import WIDTHS_IN

    device, one = options.models.device, options.models.open()
    is_folder = (Path(options.other) / "config.json").is_file()
    named = {"laq": options.other} if is_folder else {}
    other = Explorer.open(*([] if is_folder else [options.other]), **named, device=device)
    if options.data is None:
        common = shared_transitions(one.index, other.index)
        if common is None:
            raise LapaError("the two indices share too few transitions: name clips for both to encode with --data")
    else:
        common = finish(encode_common(one, other, open_source(options.data), options.window_s or one.window_s))
    names = (Path(one.name).name, Path(other.name).name)
    chosen = {"colour_by": options.colour_by, "width_in": WIDTHS_IN[options.width]}
    with usage():
        return export_compare(one, other, common, options.out, names=names, about=about, **chosen)
