"""One door to data sets: whatever lies at a path is opened as a `ClipSource`."""

from __future__ import annotations

from pathlib import Path

from lapa.protocols import ClipSource
from lapa.types import LapaError


def open_source(path: str | Path) -> ClipSource:
    """Open a data set: a LeRobotDataset (has meta/info.json), a folder of several, else of videos, or one video.

    Raises:
        LapaError: if nothing readable is there.
    """
    path = Path(path)
    if not path.exists():
        raise LapaError(f"'{path}' does not exist: give a folder of videos, a LeRobot data set or a video file")
    if (path / "meta" / "info.json").is_file():
        from lapa.data.lerobot import LeRobotSource

        return LeRobotSource(path)
    from lapa.data.joined import JoinedSource, parts_of

    if path.is_dir() and parts_of(path):
        return JoinedSource(path)
    from lapa.data.folder import FolderSource

    return FolderSource(path)


def select_split(source: ClipSource, split: str | None) -> list[int]:
    """Return the rows of `source.records` in `split`; all of them if the source names no splits or `split` is None.

    Raises:
        LapaError: if the source names splits, but not this one.
    """
    names = sorted({record.split for record in source.records if record.split})
    if split is None or not names:
        return list(range(len(source.records)))
    rows = [i for i, record in enumerate(source.records) if record.split == split]
    if not rows:
        raise LapaError(f"'{source.name}' has no split '{split}': it has {', '.join(names)}")
    return rows
