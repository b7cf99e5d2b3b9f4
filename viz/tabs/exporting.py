"""What stands behind the export buttons: the same figures, files and provenance as `python -m lapa export` makes.

Each request comes from a browser: kind, bundle, clip and settings are looked up or checked, never trusted. The files
are made in a private folder and handed over inside the answer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from lapa.types import LapaError
from viz.exports import settings as export_settings
from viz.tabs.actions import choose_clip
from viz.tabs.compared import common_of, group_of, other_of
from viz.tabs.map_export import DRAWN, export_figure
from viz.tabs.page import Page
from viz.tabs.saving import FILM_KINDS, SAVED_AS, as_download
from viz.tabs.selection import Selection, seconds, whole_number
from viz.tabs.typed import ROOT, Typed, typed_clip, typed_models, typed_other, typed_path

TEXTS = {"json": "to_json", "md": "to_markdown", "tex": "to_latex"}
BESIDE = ("csv", "json")
Request = dict[str, str]


def exporter(page: Page) -> Callable[[dict], dict]:
    """Return the function that the page's script calls for a file."""

    def export(request: dict) -> dict:
        """Make a figure or a table of what is shown and return the file."""
        try:
            return answer(page, {str(key)[:20]: str(value)[:4000] for key, value in request.items()})
        except LapaError as error:
            return {"error": str(error)}

    return export


def answer(page: Page, request: Request) -> dict[str, str]:
    """Return {"name", "uri"} of the file asked for.

    Raises:
        LapaError: if the kind, the format or a setting is none that is offered.
    """
    what, kind = request.get("what", ""), request.get("save", "")
    if what in DRAWN:
        return export_figure(page, request)
    selection = read_selection(page, request)
    if what in ("report", "comparison"):
        return _text(page, selection, what, kind)
    offered = (*SAVED_AS, *BESIDE, "zip", *(FILM_KINDS if what in export_settings.FILMS else ()))
    if kind not in offered:
        raise LapaError(f"the figure cannot be saved as '{kind[:10]}': choose one of {', '.join(offered)}")

    def write(path: Path) -> None:
        folder = path.parent / "figure"
        name = what if kind in ("zip", *BESIDE) else f"{what}.{kind}"
        formats = SAVED_AS if kind == "zip" else (kind,) if kind in SAVED_AS else ("svg",)
        draw(page, selection, request, folder / name, name, formats)
        if kind == "zip":
            shutil.make_archive(str(path.with_suffix("")), "zip", folder)
        else:
            (folder / f"{what}.{kind}").replace(path)

    return as_download(f"{what}.{kind}", write)


def draw(
    page: Page, selection: Selection, request: Request, out: Path, name: str, formats: Sequence[str]
) -> list[Path]:
    """Write one figure; `name` is what the command calls it. matplotlib is imported only now: it costs a second."""
    what, width = request.get("what", ""), request.get("width", "page")
    if width not in export_settings.WIDTHS_IN:
        raise LapaError(f"there is no width '{width[:20]}': choose {' or '.join(export_settings.WIDTHS_IN)}")
    try:
        chosen = json.loads(request.get("settings") or "{}")
        chosen = dict(chosen)
    except (ValueError, TypeError):
        raise LapaError("the settings of this figure cannot be read: press the button again") from None
    tail = ["--width", width, "--out", name]
    explorer, width_in = page.bench.explorer(selection.bundle), export_settings.WIDTHS_IN[width]
    if what == "curves":
        from viz.figures.curves import read_rows
        from viz.figures.export import export_curves

        part = str(chosen.get("part", "laq"))
        text = explorer.records().metrics.get(part)
        if text is None:
            raise LapaError("these checkpoints carry no training curves of this part")
        facts = {"part": part, "sha256": explorer.sha256(part)}
        models = typed_models(explorer, *({part} & {"policy"}))
        facts |= (models + ["--part", part, *tail]).facts("curves")
        return export_curves(read_rows(text), out, formats=formats, width_in=width_in, about=facts)
    if what == "scorecard":
        from viz.figures.export import export_scorecard

        facts = explorer.records().scorecards.get("laq")
        if facts is None:
            raise LapaError("this bundle has no scorecard: measure it with 'python -m lapa eval laq'")
        report = typed_path(ROOT / explorer.card["laq"] / "scorecard.json", "scorecard of this quantizer")
        about = (Typed(("--report",)) + report + tail).facts("scorecard")
        return export_scorecard(facts, out, formats=formats, width_in=width_in, about=about)
    if what == "compare":
        return _compare(page, selection, str(chosen.get("colour_by", "first 0")), out, tail, formats, width_in)
    return _from_clip(page, selection, what, {**chosen, "width": width}, out, name, formats)


def read_selection(page: Page, request: Request) -> Selection:
    """Return what the request was about."""
    bench = page.bench
    selection = bench.start(request.get("bundle", ""))
    if request.get("clip"):
        selection = choose_clip(bench, selection, request["clip"])
        selection = replace(selection, window_s=seconds(request.get("window")))
        selection = bench.fit(replace(selection, t=whole_number(request.get("t"), "a frame number")))
    return replace(selection, other=request.get("beside", "")[:80])


def _from_clip(
    page: Page, selection: Selection, what: str, chosen: dict, out: Path, name: str, formats: Sequence[str]
) -> list[Path]:
    from viz.exports.clips import export_clip

    bench, other_id = page.bench, str(chosen.pop("other", ""))
    if what not in export_settings.KINDS:
        raise LapaError(f"there is no figure '{what[:20]}': choose one of {', '.join(export_settings.KINDS)}")
    starts = {"t": selection.t} if "t" in export_settings.names(what) else {}
    settings = export_settings.read_settings(what, {"window": bench.window(selection), **starts, **chosen})
    other = bench.shelf.clip(other_id) if what == "transfer" else None
    explorer = bench.explorer(selection.bundle)
    parts = ("policy",) if getattr(settings, "instruction", "") else ()
    typed = typed_clip(page, selection.clip) + typed_models(explorer, *parts)
    if other is not None:
        typed = typed + ["--other"] + typed_clip(page, other_id)
    return export_clip(
        explorer,
        bench.clip(selection),
        settings,
        out,
        facts=(typed + export_settings.arguments(settings) + ["--out", name]).facts(what),
        write_video=bench.write_video,
        formats=formats,
        other=other,
    )


def _compare(
    page: Page,
    selection: Selection,
    colour_by: str,
    out: Path,
    tail: list[str],
    formats: Sequence[str],
    width_in: float,
) -> list[Path]:
    from viz.exports.compare import export_compare

    common, other = common_of(page, selection), other_of(page, selection)
    if common is None or other is None:
        raise LapaError("the two maps are not drawn yet: press Draw the maps first")
    one, two = page.bench.explorer(selection.bundle), page.bench.explorer(other)
    parts = () if common.is_encoded else ("index",)
    typed = typed_models(one, *parts) + ["--other"] + typed_other(two) + ["--colour-by", colour_by]
    if common.is_encoded:
        data = Path(page.bench.shelf.sources[group_of(page, selection)].path).absolute()
        typed = typed + ["--data"] + typed_path(data, "clips") + ["--window-s", f"{selection.window_s:g}"]
    return export_compare(
        one,
        two,
        common,
        out,
        names=(selection.bundle, other),
        about=(typed + tail).facts("compare"),
        colour_by=colour_by,
        formats=formats,
        width_in=width_in,
    )


def _text(page: Page, selection: Selection, what: str, kind: str) -> dict[str, str]:
    """Return the tables of a bundle, or of two beside each other."""
    if kind not in TEXTS:
        raise LapaError(f"tables cannot be saved as '{kind[:10]}': choose one of {', '.join(TEXTS)}")
    records = page.bench.explorer(selection.bundle).records()
    if what == "comparison":
        other = other_of(page, selection)
        if other is None:
            raise LapaError("there is only one bundle here, so there is nothing to compare it with")
        records = records.compared(page.bench.explorer(other).records())
    text = getattr(records, TEXTS[kind])()
    return as_download(f"{what}.{kind}", lambda path: path.write_text(text, encoding="utf-8"))
