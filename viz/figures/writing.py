"""A figure on disk: the picture in its formats, the plotted data beside it, and where it all came from.

    map.pdf map.svg map.png   the figure
    map.csv                   what was plotted
    map.json                  models, data, settings, versions, and the command that makes it again

No dates are written: the same input and the same libraries give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from lapa.types import LapaError
from viz.figures.fonts import fallbacks
from viz.figures.paper import paper

FORMATS = ("pdf", "svg", "png")
NO_DATE = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {}}
LIBRARIES = ("matplotlib", "numpy", "pillow")


def write_figure(
    figure: Figure, out: str | Path, formats: Sequence[str], table: Iterable[Sequence], facts: Mapping[str, Any]
) -> list[Path]:
    """Write a figure in each format, its data as CSV and its facts as JSON.

    Args:
        out: path without a suffix, or with one of the formats as suffix to write that format only.

    Raises:
        LapaError: for an unknown format, or a folder that cannot be written.
    """
    stem, formats = targets(Path(out), formats)

    def save(path: Path) -> None:
        kind = path.suffix[1:]
        with paper(), fallbacks(figure):
            figure.savefig(path, format=kind, metadata=NO_DATE[kind])

    return write_files([stem.with_name(f"{stem.name}.{kind}") for kind in formats], save, table, facts)


def write_files(
    paths: Sequence[Path], save: Callable[[Path], object], table: Iterable[Sequence], facts: Mapping[str, Any]
) -> list[Path]:
    """Write each path by `save(path)`, and beside them the data (.csv) and the facts (.json) under the same name.

    Raises:
        LapaError: if the folder cannot be written.
    """
    stem = paths[0].with_suffix("")
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(table)
    data = text.getvalue().encode()
    said = {**facts, "data_file": f"{stem.name}.csv", "data_sha256": hashlib.sha256(data).hexdigest()}
    files = [*paths, stem.with_name(f"{stem.name}.csv"), stem.with_name(f"{stem.name}.json")]
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        for path in paths:
            save(path)
        files[-2].write_bytes(data)
        files[-1].write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise LapaError(f"cannot write '{stem}' ({error.strerror}): choose a folder you may write to") from error
    return files


def targets(out: Path, formats: Sequence[str]) -> tuple[Path, Sequence[str]]:
    """Return the path without a suffix, and the formats to write."""
    suffix = out.suffix.lstrip(".").lower()
    if suffix in FORMATS:
        return out.with_suffix(""), (suffix,)
    unknown = [kind for kind in formats if kind not in FORMATS]
    if unknown or not formats:
        raise LapaError(f"'{''.join(unknown[:1])}' is no figure format: choose among {', '.join(FORMATS)}")
    return out, formats


def versions(*more: str) -> dict[str, str]:
    """Return the versions of Python and of what draws; `more` names further libraries."""
    return {"python": platform.python_version(), **{name: version(name) for name in (*LIBRARIES, *more)}}
