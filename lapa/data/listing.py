"""Which videos lie under a folder: files, animated pictures and folders of pictures, at any depth, links followed."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from lapa.data.picture_reader import (
    ANIMATED_SUFFIXES,
    PICTURE_SUFFIXES,
    is_animated,
    is_deep,
    list_pictures,
    natural_key,
)
from lapa.data.video import VIDEO_SUFFIXES

_LOOKED_INTO = 1000
"""In a folder of more pictures than that, none is looked into for an animation."""

log = logging.getLogger(__name__)


def list_videos(root: Path) -> list[str]:
    """List the videos under `root`, as posix paths relative to it, in natural order; "." is `root` itself.

    Left out, with a line in the log: depth pictures beside colour ones, and still pictures beside videos.
    """
    found: list[Path] = []
    for folder, files in walk(root):
        relative = folder.relative_to(root)
        films = [relative / name for name in files if Path(name).suffix.lower() in VIDEO_SUFFIXES]
        stills = [name for name in files if Path(name).suffix.lower() in PICTURE_SUFFIXES | ANIMATED_SUFFIXES]
        animated = {name for name in stills if len(stills) <= _LOOKED_INTO and is_animated(folder / name)}
        films += [relative / name for name in animated]
        if len(stills) - len(animated) >= 2 and not films:
            films = [relative]
        elif len(stills) - len(animated) >= 2:
            log.warning("%d still pictures beside the videos in '%s' are not read", len(stills), folder.resolve().name)
        found += films
    return [path.as_posix() for path in sorted(_without_depth(root, found), key=natural_key)]


def walk(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each folder under `root` with its files, hidden ones left out.

    Linked folders are followed, but none twice, and none that leads to `root`, into it or above it.
    """
    home, seen = root.resolve(), {root.resolve()}
    for folder, subfolders, files in os.walk(root, followlinks=True):
        subfolders[:] = [name for name in sorted(subfolders) if not name.startswith(".")]
        for name in list(subfolders):
            path = Path(folder) / name
            real = path.resolve()
            around = path.is_symlink() and (real.is_relative_to(home) or home.is_relative_to(real))
            if around or real in seen:
                subfolders.remove(name)
            else:
                seen.add(real)
        yield Path(folder), [name for name in files if not name.startswith(".")]


def _without_depth(root: Path, found: list[Path]) -> list[Path]:
    """Leave out folders of depth pictures where folders of colour ones lie beside them."""
    folders = [path for path in found if (root / path).is_dir()]
    deep = {path for path in folders if "depth" in path.name.lower() or is_deep(list_pictures(root / path)[0])}
    beside_colour = {
        path for path in deep if any(other.parent == path.parent for other in folders if other not in deep)
    }
    for path in sorted(deep, key=natural_key):
        if path in beside_colour:
            log.warning("'%s' holds depth pictures beside colour ones and is left out", path.as_posix())
        else:
            log.warning("'%s' holds depth pictures: they are shown as brightness", path.as_posix())
    return [path for path in found if path not in beside_colour]
