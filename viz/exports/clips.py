"""Exports that start from a clip: ask the Explorer, draw for print or as a film, write with data and provenance."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lapa.explorer import Explorer
from lapa.types import Clip, Frame, LapaError
from viz.exports import settings as export_settings
from viz.exports import shots
from viz.figures.film_frames import film_frames
from viz.figures.paper_films import draw_films, film_table
from viz.figures.paper_pair import draw_pair, pair_table
from viz.figures.paper_ribbon import draw_ribbon, ribbon_table
from viz.figures.paper_sheet import draw_sheet, sheet_table
from viz.figures.writing import FORMATS, versions, write_figure, write_files

VIDEOS = ("mp4", "gif", "webm")
Facts = Mapping[str, Any]
NOTHING: Facts = {}
Writer = Callable[[Path, Iterable[Frame], float], object]


def export_clip(
    explorer: Explorer,
    clip: Clip,
    settings: export_settings.Settings,
    out: str | Path,
    *,
    write_video: Writer,
    formats: Sequence[str] = FORMATS,
    other: Clip | None = None,
    facts: Facts = NOTHING,
) -> list[Path]:
    """Write one figure, or a film where `out` ends in .mp4, .gif or .webm, with its data (.csv) and facts (.json).

    Args:
        settings: which kind, and how; see `settings.KINDS`.
        out: path without a suffix (all `formats` are written), or with one (that one is).
        other: the clip on which a transfer is played.
        facts: what the caller knows besides, such as the command that makes it again.

    Raises:
        LapaError: for settings that do not fit the clip or the models, or a name that cannot be written.
    """
    out, width_in = Path(out), export_settings.WIDTHS_IN[export_settings.check(settings).width]
    facts = {**about(explorer, clip, settings, other), **facts}
    if isinstance(settings, export_settings.Strip | export_settings.Transfer):
        film = _film(explorer, clip, settings, other)
        facts |= {**film.facts, "versions": versions("torch", "av")}
        if out.suffix[1:].lower() in VIDEOS:
            pictures = list(film_frames(film.rows, window_s=film.window_s))
            save = lambda path: write_video(path, pictures, settings.fps)  # noqa: E731
            return write_files([out], save, film_table(film.rows), facts)
        figure = draw_films(film.rows, window_s=film.window_s, width_in=width_in)
        return write_figure(figure, out, formats, film_table(film.rows), facts)
    facts |= {"versions": versions("torch")}
    if isinstance(settings, export_settings.Pair):
        seen = shots.pair_shot(explorer, clip, settings)
        figure, table = draw_pair(seen, width_in=width_in), pair_table(seen)
    elif isinstance(settings, export_settings.Ribbon):
        ribbon = shots.ribbon_shot(explorer, clip, settings)
        figure, table = draw_ribbon(ribbon, width_in=width_in), ribbon_table(ribbon)
    else:
        assert isinstance(settings, export_settings.Sheet)
        sheet = shots.sheet_shot(explorer, clip, settings)
        figure, table = draw_sheet(sheet, shows=settings.shows, width_in=width_in), sheet_table(sheet)
    return write_figure(figure, out, formats, table, facts)


def about(
    explorer: Explorer, clip: Clip, settings: export_settings.Settings, other: Clip | None = None
) -> dict[str, Any]:
    """Return the provenance of a figure: models, pictures, settings."""
    kind = next(name for name, kind in export_settings.KINDS.items() if isinstance(settings, kind))
    facts: dict[str, Any] = {"figure": kind, "laq": explorer.card["laq"], "laq_sha256": explorer.sha256("laq")}
    if getattr(settings, "instruction", ""):
        facts |= {"policy": explorer.card["policy"], "policy_sha256": explorer.sha256("policy")}
    facts |= {"clip": clip.source, "clip_fps": clip.fps, "clip_pixels_sha256": pixels_sha256(clip)}
    if other is not None:
        facts |= {"other_clip": other.source, "other_clip_pixels_sha256": pixels_sha256(other)}
    window = shots.window_of(explorer, clip, settings)
    given = {**dataclasses.asdict(settings), "window": window, "window_s": window / clip.fps}
    return facts | {"device": explorer.card["device"], **given}


def pixels_sha256(clip: Clip) -> str:
    """Return the sha256 of a clip's decoded pictures."""
    return hashlib.sha256(np.ascontiguousarray(clip.frames)).hexdigest()


def _film(
    explorer: Explorer, clip: Clip, settings: export_settings.Strip | export_settings.Transfer, other: Clip | None
) -> shots.Film:
    if isinstance(settings, export_settings.Strip):
        return shots.strip_shot(explorer, clip, settings)
    if other is None:
        raise LapaError("a transfer needs another clip: name it with --other")
    return shots.transfer_shot(explorer, clip, other, settings)
