"""What a file is, without reading it: where it lies, how large it is and when it was written.

The change time is looked at beside the modification time: `cp -p` and archives set the latter back, and a file that
was replaced by one of the same size would look like the old one. It also changes with a file's permissions, which costs
a needless decoding; taking old frames for new ones costs more.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lapa.data.picture_reader import list_pictures
from lapa.protocols import ClipRecord


def file_facts(path: Path, root: Path) -> list[Any]:
    """Return name relative to `root`, bytes, modification and change time in ns; of what a link leads to.

    The name alone where nothing is there.
    """
    name = path.relative_to(root).as_posix()
    try:
        stat = path.stat()
    except OSError:
        return [name]
    return [name, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def video_facts(path: Path, root: Path) -> list[Any]:
    """Return `file_facts` of a video file, or of each picture of a folder of pictures."""
    return [file_facts(each, root) for each in (list_pictures(path) if path.is_dir() else [path])]


def clips_digest(records: Sequence[ClipRecord]) -> str:
    """Return the sha256 of the clips' names and lengths, in order: what a row number means in a table about them."""
    return hashlib.sha256(json.dumps([[each.name, each.num_frames] for each in records]).encode()).hexdigest()
