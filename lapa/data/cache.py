"""Where what was computed once is kept, and whether there is room for more.

Nothing in there is precious: it is made again when it is asked for.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapa.types import LapaError

SPARE = 2**30
"""Bytes that a cache leaves free for everything else on its disk."""


def cache_folder() -> Path:
    """Return where caches lie: $LAPA_CACHE, or ~/.cache/lapa."""
    return Path(os.environ.get("LAPA_CACHE", Path.home() / ".cache" / "lapa"))


def check_room(folder: Path, num_bytes: int, what: str) -> None:
    """Refuse to begin what would fill the disk that an existing `folder` lies on.

    Raises:
        LapaError: saying how much is needed, how much is free, and what to do.
    """
    free = shutil.disk_usage(folder).free
    if num_bytes + SPARE > free:
        raise LapaError(
            f"{what} needs {num_bytes / 1e9:.1f} GB in '{cache_folder()}', where {free / 1e9:.1f} GB are free: delete "
            "what lies there (it is made again when needed), or name another folder with LAPA_CACHE"
        )


@contextmanager
def removed_on_failure(path: Path) -> Iterator[None]:
    """Remove a half-written file if what writes it fails or is stopped."""
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise
