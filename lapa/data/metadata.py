"""What people write beside their videos: `metadata.jsonl` or `metadata.csv`, one line per file.

The layout of the Hugging Face hub's VideoFolder and ImageFolder: `file_name` is relative to the folder of the metadata,
which may lie in any folder; the nearest one above a video speaks for it.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lapa.data.labels import LABELS
from lapa.types import LapaError

METADATA = ("metadata.jsonl", "metadata.csv")
"""Names that are read; where both lie in one folder, the first."""

_FILE = ("file_name", "filename", "file", "path", "video")
_TEXTS = ("instruction", "language_instruction", "task", "text", "caption", "prompt", "description")
_RATES = ("true_fps", "fps")

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of one file."""

    instruction: str | None = None
    split: str = ""
    scene: str = ""
    embodiment: str = ""
    environment: str = ""
    site: str = ""
    fps: float | None = None


def metadata_file(folder: Path) -> Path | None:
    """Return the metadata that lies directly in `folder`, or None; what else looks like it is named in the log."""
    found = next((folder / name for name in METADATA if (folder / name).is_file()), None)
    others = sorted(path.name for path in folder.glob("metadata.*") if path != found and path.is_file())
    if others:
        log.warning("'%s' in '%s' is not read: expected %s", others[0], folder.resolve().name, " or ".join(METADATA))
    return found


def read_metadata(path: Path) -> dict[str, Facts]:
    """Read a metadata file: name of each file, relative to its folder (see `same_name`) -> what is known of it.

    Raises:
        LapaError: if it is damaged, with the line.
    """
    facts, unused = {}, set()
    for number, row in _rows(path):
        where = f"line {number} of '{path.parent.name}/{path.name}'"
        name = same_name(_file_name(row, where))
        facts[name] = _parse(row, where)
        unused |= {str(key) for key in row} - {*_FILE, *_TEXTS, *_RATES, "split", *LABELS}
    if unused:
        log.warning("'%s' also has %s, which is not used", f"{path.parent.name}/{path.name}", ", ".join(sorted(unused)))
    return facts


def same_name(name: str) -> str:
    """Return one spelling for names that look alike: accents composed (macOS stores them apart)."""
    return unicodedata.normalize("NFC", name)


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield (line number, row)."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise LapaError(f"'{path.parent.name}/{path.name}' is not valid UTF-8: save it as such") from None
    yield from _csv_rows(text, path) if path.suffix == ".csv" else _json_rows(text, path)


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except ValueError:
            where = f"line {number} of '{path.parent.name}/{path.name}'"
            example = '{"file_name": "a.mp4"}'
            raise LapaError(f"{where} is not valid JSON: expected one object, such as {example}") from None


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield rows of a table with a header, whose columns are parted by commas, semicolons or tabs."""
    header = text.lstrip().partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=header.count), skipinitialspace=True)
    names = [(name or "").strip() for name in reader.fieldnames or []]
    if not set(names) & set(_FILE):
        raise LapaError(
            f"'{path.parent.name}/{path.name}' has no column file_name: it has {', '.join(names) or 'none'}"
        )
    reader.fieldnames = names
    try:
        for row in reader:
            if None in row:
                raise csv.Error
            yield reader.line_num, row
    except csv.Error:
        where = f"line {reader.line_num} of '{path.parent.name}/{path.name}'"
        raise LapaError(f'{where} has other columns than the first: put texts with commas in "quotes"') from None


def _file_name(row: Any, where: str) -> str:
    """Return the row's file name, normalised; it must stay inside the folder."""
    name = next((row[key] for key in _FILE if row.get(key)), None) if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise LapaError(f'{where} names no file: expected one object, such as {{"file_name": "a.mp4"}}')
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise LapaError(f"{where} names '{name}', outside the folder: expected a relative name without '..'")
    return path.as_posix()


def _parse(row: dict[str, Any], where: str) -> Facts:
    texts = {key: _text(row, key, where) for key in ("split", *LABELS)}
    return Facts(**texts, instruction=_instruction(row, where), fps=_fps(row, where))


def _instruction(row: dict[str, Any], where: str) -> str | None:
    """Return the first text under a name that instructions go by; a number under another name than ours is an id."""
    if text := _text(row, _TEXTS[0], where):
        return text
    others = (row.get(key) for key in _TEXTS[1:])
    texts = (_first(value) for value in others)
    return next((text.strip() for text in texts if text.strip() and not text.strip().isdecimal()), None)


def _first(value: Any) -> str:
    """Return a text, or the first of a list of them."""
    if isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) else ""


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if key in LABELS and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise LapaError(f"{where} has {key} {value!r}: expected a text in quotes, or null")
    return (value or "").strip()


def _fps(row: dict[str, Any], where: str) -> float | None:
    given: Sequence[Any] = [row[key] for key in _RATES if row.get(key) not in (None, "")]
    if not given:
        return None
    try:
        fps = float("no" if isinstance(given[0], bool) else given[0])
    except (TypeError, ValueError):
        fps = 0.0
    if not 0 < fps <= 1000:
        raise LapaError(f"{where} has a frame rate of {given[0]!r}: expected frames per second, such as 10")
    return fps
