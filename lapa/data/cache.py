"""What was computed once, kept: decoded frames, image codes, features, changes, links of motion.

An entry is a folder, named by its kind and by the hash of everything it depends on; what has changed is another entry.
It is whole or not there: it is written beside its place under a lock and then renamed. Nothing in there is precious:
it is made again when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lapa.protocols import ClipSource
from lapa.types import LapaError

log = logging.getLogger(__name__)

SPARE = 2**30
"""Bytes that a cache leaves free for everything else on its disk."""
NOTE = "entry.json"
"""What an entry is, for people; written last, and touched whenever the entry is used."""


def cache_folder() -> Path:
    """Return where caches lie: $LAPA_CACHE, or ~/.cache/lapa."""
    return Path(os.environ.get("LAPA_CACHE", Path.home() / ".cache" / "lapa"))


@dataclass(frozen=True)
class Key:
    """What an entry depends on.

    Attributes:
        kind: such as "frames".
        of: the data set, for people.
        facts: everything the entry depends on, as JSON.
    """

    kind: str
    of: str
    facts: Any

    @cached_property
    def name(self) -> str:
        """The entry's folder."""
        return f"{self.kind}-{hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:32]}"


def data_facts(source: ClipSource, rows: Sequence[int]) -> list[Any]:
    """Return, as JSON, what determines the frames of the clips `rows` of a data set."""
    return [str(Path(source.path).resolve()), source.identity(rows)]


def is_cached(key: Key, root: Path | None = None) -> bool:
    """Tell whether an entry is there."""
    return ((root or cache_folder()) / key.name / NOTE).is_file()


def cached(key: Key, compute: Callable[[Path], None], root: Path | None = None) -> Path:
    """Return the folder of an entry; `compute` writes its files into the folder that it is given, if it is not there.

    Several processes may ask for one entry at once: one computes it, the others wait. What a failed or killed one left
    is removed.
    """
    root = root or cache_folder()
    folder = root / key.name
    if not is_cached(key, root):
        root.mkdir(parents=True, exist_ok=True)
        with _alone(root / f".{key.name}.lock", key):
            if not is_cached(key, root):
                _make(key, compute, folder)
    os.utime(folder / NOTE)
    return folder


def check_room(folder: Path, num_bytes: int, what: str) -> None:
    """Refuse to begin what would fill the disk that an existing `folder` lies on.

    Raises:
        LapaError: saying how much is needed, how much is free, and what to do.
    """
    free = shutil.disk_usage(folder).free
    if num_bytes + SPARE > free:
        raise LapaError(
            f"{what} needs {num_bytes / 1e9:.1f} GB in '{cache_folder()}', where {free / 1e9:.1f} GB are free: empty "
            "it with 'python -m lapa cache --empty', or name another folder with LAPA_CACHE"
        )


def _make(key: Key, compute: Callable[[Path], None], folder: Path) -> None:
    temporary = folder.with_name(f".{key.name}.tmp")
    for left in (temporary, folder):
        shutil.rmtree(left, ignore_errors=True)
    temporary.mkdir()
    try:
        compute(temporary)
        (temporary / NOTE).write_text(json.dumps({"kind": key.kind, "of": key.of}), encoding="utf-8")
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def _alone(path: Path, key: Key) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=1)
    except Timeout:
        log.warning("waiting for the %s of '%s', which another process is computing", key.kind, key.of)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
