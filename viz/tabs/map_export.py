"""Figures of an index for print: one file, or a zip with the plotted data and where it is from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from html import escape
from pathlib import Path

from lapa.explorer import Explorer
from lapa.types import LapaError
from viz.tabs.page import Page
from viz.tabs.saving import as_download
from viz.tabs.selection import whole_number
from viz.tabs.typed import typed_models

KINDS = ("pdf", "svg", "png", "csv", "zip")
DRAWN = ("map", "codebook", "follow")
TITLES = {"zip": "All (zip)"}


def export_buttons(bundle: str, coords: str, level: str, colour: str) -> str:
    """Return the buttons that save what the controls now show."""
    groups = []
    for what, title in (("map", "Save this map"), ("codebook", "Save the codebook")):
        settings = {"what": what, "bundle": bundle, "coords": coords, "level": level, "colour": colour}
        data = "".join(f' data-{name}="{escape(str(value))}"' for name, value in settings.items())
        buttons = "".join(
            f'<button type="button" class="quiet" data-server="export" data-save="{kind}"{data}>'
            f"{TITLES.get(kind, kind.upper())}</button>"
            for kind in KINDS
        )
        groups.append(f"<span><small>{title}</small>{buttons}</span>")
    return f'<div class="toolbar exports">{"".join(groups)}</div>'


def exporter(page: Page) -> Callable[[dict], dict]:
    """Return the function that the page's script calls for a file."""

    def export(request: dict) -> dict:
        """Draw a figure of a bundle's index for print and return the file."""
        try:
            return export_figure(page, {key: str(value)[:60] for key, value in request.items()})
        except LapaError as error:
            return {"error": str(error)}

    return export


def export_figure(page: Page, request: dict[str, str]) -> dict[str, str]:
    """Write one figure in a private folder and return {"name", "uri"}.

    Raises:
        LapaError: if the kind or a setting is not one of those offered.
    """
    kind, what = request.get("save", ""), request.get("what", "")
    explorer = page.bench.explorer(request.get("bundle", ""))
    if kind not in KINDS or explorer.index is None:
        raise LapaError(f"the figure cannot be saved as '{kind}': choose one of {', '.join(KINDS)}")

    def write(path: Path) -> None:
        folder = path.parent / "figure"
        formats = (kind,) if kind in KINDS[:3] else KINDS[:3] if kind == "zip" else ("svg",)
        _draw(explorer, folder / what, formats, what, request)
        if kind == "zip":
            shutil.make_archive(str(path.with_suffix("")), "zip", folder)
        else:
            (folder / f"{what}.{kind}").replace(path)

    if what not in DRAWN:
        raise LapaError(f"there is no figure '{what}': choose one of {', '.join(DRAWN)}")
    return as_download(f"{what}.{kind}", write)


def _draw(explorer: Explorer, stem: Path, formats: tuple[str, ...], what: str, request: dict[str, str]) -> None:
    # Imported here: matplotlib costs a second, which only who saves a figure pays.
    from viz.figures.export import export_codebook, export_follow, export_map

    index, models = explorer.need_index(), typed_models(explorer, "index")
    end = ["--out", what if len(formats) > 1 else f"{what}.{formats[0]}"]
    if what == "codebook":
        export_codebook(index, stem, formats=formats, about=(models + end).facts(what))
    elif what == "follow":
        token = whole_number(request.get("position"), "a token")
        about = (models + ["--token", str(token) if token >= 0 else "whole", *end]).facts(what)
        export_follow(index, stem, position=token if token >= 0 else None, formats=formats, about=about)
    else:
        coords, colour, level = (request.get(name, "") for name in ("coords", "colour", "level"))
        chosen = {"coords": coords, "colour_by": colour, "level": level}
        typed = ["--coords", coords, "--colour-by", colour, "--level", level]
        export_map(index, stem, formats=formats, **chosen, about=(models + typed + end).facts(what))
