"""Where LeRobotDatasets lie: in a folder, in the hub's cache, in LeRobot's home of ORG/NAME, above a video file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

INFO = Path("meta") / "info.json"


@dataclass(frozen=True, kw_only=True)
class FileOfDataset:
    """A video file's data set, and the camera whose it is."""

    root: Path
    camera: str


def dataset_at(path: Path) -> Path | None:
    """Return the folder of the data set that `path` is: itself, or the newest snapshot of a datasets--ORG--NAME."""
    if (path / INFO).is_file():
        return path
    snapshots = path if path.name == "snapshots" else path / "snapshots"
    found = [info.parent.parent for info in snapshots.glob("*/meta/info.json")]
    main = snapshots.parent / "refs" / "main"
    named = main.read_text().strip() if main.is_file() else ""
    return max(found, key=lambda root: (root.name == named, root.stat().st_mtime_ns), default=None)


def parts_of(path: Path) -> dict[str, Path]:
    """Return the data sets under a folder by name: NAME, ORG/NAME, or those of the hub's client, in their order."""
    found = {}
    for info in [*path.glob("*/meta/info.json"), *path.glob("*/*/meta/info.json")]:
        root = info.parent.parent
        if root.parent.name != "snapshots":
            found[root.relative_to(path).as_posix()] = root
    for folder in [*path.glob("datasets--*--*"), *path.glob("hub/datasets--*--*")]:
        root = dataset_at(folder)
        if root is not None:
            found.setdefault("/".join(folder.name.split("--")[1:]), root)
    return dict(sorted(found.items()))


def file_of_dataset(file: Path) -> FileOfDataset | None:
    """Find the data set that a video file is a part of: a folder above it whose info.json names its camera."""
    for root in file.absolute().parents:
        if not (root / INFO).is_file():
            continue
        try:
            features = json.loads((root / INFO).read_bytes())["features"]
            cameras = [key for key in features if features[key].get("dtype") == "video"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        inside = set(file.absolute().relative_to(root).parts)
        return next((FileOfDataset(root=root, camera=camera) for camera in cameras if camera in inside), None)
    return None
