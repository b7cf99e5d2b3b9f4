"""What lies in the cache, and emptying it: only what the program wrote there, and never what is being written."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lapa.data.cache import NOTE, cache_folder

UNFINISHED, EARLIER = "unfinished", "earlier"
"""Kinds of what a killed process left, and of what earlier versions of the program kept and this one does not read."""
_EARLIER_FILE = re.compile(r"(features|changes|links|codes)-[0-9a-f]{16}\.npy")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing in the cache.

    Attributes:
        path: the folder or file.
        kind: "frames", "codes", "features", "changes", "links", or one of the two above.
        of: the data set it was computed from, "" where nobody said.
        num_bytes: its size; last_used: seconds since 1970.
    """

    path: Path
    kind: str
    of: str
    num_bytes: int
    last_used: float


def entries(root: Path | None = None) -> list[Entry]:
    """Return what lies in the cache, the longest unused first."""
    root = root or cache_folder()
    found = [_entry(path) for path in root.iterdir()] if root.is_dir() else []
    return sorted((entry for entry in found if entry is not None), key=lambda entry: entry.last_used)


def remove(entry: Entry) -> bool:
    """Remove an entry unless another process is writing it; return whether it is gone."""
    lock = entry.path.with_name(f".{entry.path.name.removeprefix('.').removesuffix('.tmp')}.lock")
    try:
        with FileLock(lock, timeout=0):
            shutil.rmtree(entry.path) if entry.path.is_dir() else entry.path.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
    except Timeout:
        return False
    return True


def _entry(path: Path) -> Entry | None:
    """Describe what lies at `path`; None where the program did not write it."""
    note = path / NOTE
    if note.is_file():
        facts = json.loads(note.read_text(encoding="utf-8"))
        return _described(path, str(facts["kind"]), str(facts["of"]), note.stat().st_mtime)
    if path.name.startswith(".") and path.suffix == ".tmp" and path.is_dir():
        return _described(path, UNFINISHED, "", path.stat().st_mtime)
    if _EARLIER_FILE.fullmatch(path.name) or {"frames.u8", "index.json"} <= {file.name for file in _files(path)}:
        return _described(path, EARLIER, "", path.stat().st_mtime)
    return None


def _described(path: Path, kind: str, of: str, last_used: float) -> Entry:
    size = sum(file.stat().st_size for file in _files(path))
    return Entry(path=path, kind=kind, of=of, num_bytes=size, last_used=last_used)


def _files(path: Path) -> Iterator[Path]:
    return iter([path]) if path.is_file() else (file for file in path.iterdir() if file.is_file())
