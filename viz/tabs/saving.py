"""Files for visitors to keep: made when asked for and handed over inside the answer; none stays on the server."""

from __future__ import annotations

import base64
import json
import mimetypes
import tempfile
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

from lapa.types import Frame, LapaError
from viz.tabs.markup import same_size
from viz.tabs.selection import Selection
from viz.tabs.workbench import Workbench

SAVE_KINDS = ("mp4", "gif")
FILM_FPS = 4.0
SAVED_AS = ("pdf", "svg", "png")
FILM_KINDS = ("gif", "mp4")
FILMED = ("strip", "transfer")
WIDTHS = {"column": "One column", "page": "Page"}
KIND_TITLES = {"zip": "All (zip)", "json": "Command and provenance"}


def save_film(bench: Workbench, frames: Sequence[Frame], kind: str) -> dict[str, str]:
    """Write frames as a film; return its name and content as a data address."""
    if kind not in SAVE_KINDS:
        raise LapaError(f"a film cannot be saved as '{kind[:10]}': choose {' or '.join(SAVE_KINDS)}")
    shown = [same_size(frame, frames[-1]) for frame in frames]
    return as_download(f"dream.{kind}", lambda path: bench.write_video(path, shown, FILM_FPS))


def as_download(name: str, write: Callable[[Path], object]) -> dict[str, str]:
    """Run `write(path)` in a private folder and return {"name", "uri"}."""
    with tempfile.TemporaryDirectory(prefix="lapa-save-") as folder:
        path = Path(folder) / name
        write(path)
        content = base64.b64encode(path.read_bytes()).decode("ascii")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return {"name": name, "uri": f"data:{kind};base64,{content}"}


def export_buttons(
    what: str, selection: Selection, *, widths: Sequence[str] = tuple(WIDTHS), label: str = "", **settings: Any
) -> str:
    """Return a fold-out with the buttons that save one figure for print; drop it into any part of the page.

    The part needs `server_functions=[exporter(page)]` (from `viz.tabs.exporting`).

    Args:
        what: the kind of figure: pair, ribbon, sheet, strip, transfer, curves, scorecard or compare.
        selection: which bundle, clip, frame and window.
        widths: the widths offered; none for a film or a table alone.
        label: what is exported, for people; by default its kind.
        settings: what `viz.exports.settings` lets one ask of the kind, such as `tokens="3-0-7-1"` or `instruction=...`;
            for a transfer also `other`, the id of the other clip.
    """
    request = {
        "server": "export", "what": what, "bundle": selection.bundle, "clip": selection.clip, "t": selection.t,
        "window": f"{selection.window_s:g}", "beside": selection.other, "settings": json.dumps(settings),
    }  # fmt: skip
    data = "".join(f' data-{name}="{escape(str(value))}"' for name, value in request.items())
    name = label or what

    def one(kind: str, width: str) -> str:
        title = KIND_TITLES.get(kind, kind.upper())
        spoken = f"save the {name} as {title}" + (f", {WIDTHS[width].lower()}" if kind in SAVED_AS else "")
        return (
            f'<button type="button" class="quiet" data-save="{kind}" data-width="{width}"{data} '
            f'aria-label="{escape(spoken)}">{title}</button>'
        )

    groups = [(WIDTHS[width], "".join(one(kind, width) for kind in SAVED_AS)) for width in widths]
    groups += [("Film", "".join(one(kind, "page") for kind in FILM_KINDS))] if what in FILMED else []
    groups += [("Data", "".join(one(kind, "page") for kind in ("csv", "json", "zip")))]
    shown = "".join(f"<span><small>{title}</small>{buttons}</span>" for title, buttons in groups)
    fold = f"<summary>Export the {escape(name)}</summary>"
    return f'<details class="export">{fold}<div class="toolbar">{shown}</div></details>'
