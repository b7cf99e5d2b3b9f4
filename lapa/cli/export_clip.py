"""`export pair|ribbon|sheet|strip|transfer`: figures and films that start from a clip, for print.

Beside `export.py` a file of `lapa` that knows `viz`: the command line hands models and clips to the figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lapa.cli import WrongUsage
from lapa.cli.export import FIGURES, check_out
from lapa.cli.options import AnyModels, Models, Video, parse, usage
from viz.exports import settings as export_settings

VIDEOS = (".gif", ".mp4", ".webm")


@dataclass(frozen=True, kw_only=True)
class _FromClip:
    video: Video
    """A video file, or a folder of pictures."""
    out: Path
    """Figure to write: .pdf, .svg, .png; without a suffix, all three."""
    models: AnyModels = Models()


@dataclass(frozen=True, kw_only=True)
class ExportPair(export_settings.Pair, _FromClip):
    __doc__ = export_settings.Pair.__doc__


@dataclass(frozen=True, kw_only=True)
class ExportRibbon(export_settings.Ribbon, _FromClip):
    __doc__ = export_settings.Ribbon.__doc__


@dataclass(frozen=True, kw_only=True)
class ExportSheet(export_settings.Sheet, _FromClip):
    __doc__ = export_settings.Sheet.__doc__


@dataclass(frozen=True, kw_only=True)
class ExportStrip(export_settings.Strip, _FromClip):
    __doc__ = export_settings.Strip.__doc__

    out: Path
    """Figure to write (.pdf, .svg, .png; without a suffix, all three), or a film (.gif, .mp4, .webm)."""


@dataclass(frozen=True, kw_only=True)
class ExportTransfer(export_settings.Transfer, _FromClip):
    __doc__ = export_settings.Transfer.__doc__

    other: Path
    """The video on a frame of which the latent actions are played."""
    out: Path
    """Figure to write (.pdf, .svg, .png; without a suffix, all three), or a film (.gif, .mp4, .webm)."""


COMMANDS = {
    "pair": ExportPair,
    "ribbon": ExportRibbon,
    "sheet": ExportSheet,
    "strip": ExportStrip,
    "transfer": ExportTransfer,
}


def main(verb: str, args: list[str]) -> None:
    kind = verb.split()[1]
    options = parse(COMMANDS[kind], verb, args)
    check_out(options.out, FIGURES + (VIDEOS if kind in export_settings.FILMS else ()))
    with usage():
        export_settings.check(options)
    if kind == "strip" and bool(options.instruction) == bool(options.tokens):
        raise WrongUsage("a strip needs either --instruction or --tokens: give one of the two")
    from lapa.data.video_writer import write_video
    from viz.exports.clips import export_clip

    explorer = options.models.open()
    clip = explorer.open_clip(options.video)
    other = explorer.open_clip(options.other) if kind == "transfer" else None
    settings = export_settings.KINDS[kind](**{name: getattr(options, name) for name in export_settings.names(kind)})
    about = {"command": export_settings.command(kind, args)}
    files = export_clip(explorer, clip, settings, options.out, write_video=write_video, other=other, facts=about)
    print(*files, sep="\n")
