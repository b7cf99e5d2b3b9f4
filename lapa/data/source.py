"""One door to data sets: whatever lies at a path is opened as a `ClipSource`."""

from __future__ import annotations

from pathlib import Path

from lapa.protocols import ClipSource
from lapa.types import LapaError


def open_source(path: str | Path, *, camera: str = "", state_xy: tuple[str, str] | None = None) -> ClipSource:
    """Open a data set: a LeRobotDataset (has meta/info.json), a folder of several, else of videos, or one video.

    A LeRobotDataset may also be given as the hub's client keeps it (datasets--ORG--NAME), and a folder of several may
    keep them one level deeper (ORG/NAME). A video file that lies in a LeRobotDataset is the episodes in it.

    Args:
        path: where it lies.
        camera: of a LeRobotDataset, by the feature's name or its last part; "" takes one that sees the scene in colour.
        state_xy: names of the numbers of the recorded state that are the end effector's x and y, in metres.

    Raises:
        LapaError: if nothing readable is there, or it has no such camera or state.
    """
    path = Path(path)
    if not path.exists():
        raise LapaError(f"'{path}' does not exist: give a folder of videos, a LeRobot data set or a video file")
    found = _open_lerobot(path, camera, state_xy)
    if found is not None:
        return found
    if camera or state_xy:
        what = f"cameras to choose '{camera}' from" if camera else "recorded states to take x and y from"
        raise LapaError(f"'{path}' is no LeRobot data set: it has no {what}")
    from lapa.data.folder import FolderSource

    return FolderSource(path)


def is_lerobot(path: str | Path) -> bool:
    """Tell a LeRobotDataset, several of them, or a video file of one from other videos."""
    from lapa.data.lerobot_places import dataset_at, file_of_dataset, parts_of

    path = Path(path)
    if path.is_file():
        return file_of_dataset(path) is not None
    return dataset_at(path) is not None or bool(parts_of(path))


def _open_lerobot(path: Path, camera: str, state_xy: tuple[str, str] | None) -> ClipSource | None:
    """Open one LeRobotDataset, several, or the episodes of one of its video files; None if it is none of these."""
    from lapa.data.lerobot import LeRobotSource
    from lapa.data.lerobot_places import dataset_at, file_of_dataset, parts_of

    if path.is_file():
        found = file_of_dataset(path)
        if found is None:
            return None
        from lapa.data.subset import Subset

        source = LeRobotSource(found.root, camera=camera or found.camera, state_xy=state_xy)
        return Subset(source, source.rows_in(path.resolve())) if source.rows_in(path.resolve()) else None
    root = dataset_at(path)
    if root is not None:
        return LeRobotSource(root, camera=camera, state_xy=state_xy)
    if not parts_of(path):
        return None
    from lapa.data.joined import JoinedSource

    return JoinedSource(path, camera=camera, state_xy=state_xy)
