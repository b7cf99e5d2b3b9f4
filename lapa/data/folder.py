"""A folder of videos as a data set, with what `metadata.jsonl` beside them says (the VideoFolder layout).

Anybody's videos: files and folders of pictures, at any depth, instructions optional, no actions. Opening lists names;
frame counts are read when `records` is first asked for, and nothing is ever written into the folder.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from lapa.data.identity import file_facts, video_facts
from lapa.data.labels import LABELS
from lapa.data.left_out import leave_out
from lapa.data.readers import PICTURE_SUFFIXES, natural_key
from lapa.data.video import VIDEO_SUFFIXES, Video, open_video, read_frames
from lapa.protocols import ClipRecord
from lapa.types import Clip, Frames, LapaError

METADATA = "metadata.jsonl"

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """One line of `metadata.jsonl`."""

    instruction: str | None = None
    split: str = ""
    scene: str = ""
    embodiment: str = ""
    environment: str = ""
    site: str = ""
    fps: float | None = None


class FolderSource:
    """A `ClipSource` over the videos under a folder, or over a single video file.

    Attributes:
        path, name: the folder or file and its name.

    Raises:
        LapaError: if nothing is there, the folder holds no video, or its metadata is damaged.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.name = self.path.resolve().name
        if self.path.is_file():
            self._folder, names = self.path.parent, [self.path.name]
        elif self.path.is_dir():
            self._folder, names = self.path, _list_videos(self.path)
        else:
            raise LapaError(f"there is nothing at '{path}': give a video or a folder of videos")
        if not names:
            known = "videos (mp4, webm, mov, gif) or folders of pictures"
            raise LapaError(f"the folder '{self.name}' holds no videos: expected {known}")
        facts = _read_metadata(self._folder / METADATA)
        if self.path.is_dir():
            _warn_missing(self._folder, facts, names)
        self._videos = [self._folder / name for name in names]
        self._names = [name if name != "." else self.name for name in names]
        self._facts = [facts.get(name, _Facts()) for name in names]
        self._video = lru_cache(maxsize=2)(self._open_anew)

    @cached_property
    def records(self) -> Sequence[ClipRecord]:
        """One record per clip, from the files' headers; one that cannot be opened has 0 frames, and `clip` says why."""
        return [self._record(i) for i in range(len(self._names))]

    def clip(self, i: int) -> Clip:
        """Decode clip `i`.

        Raises:
            LapaError: if fewer than two frames of it can be read.
        """
        video = self._open(i)
        return Clip(
            frames=read_frames(video),
            fps=video.fps,
            source=f"{self.name}/{self._names[i]}" if len(self) > 1 else self._names[i],
            instruction=self._facts[i].instruction,
        )

    def chunks(self, i: int) -> Iterator[Frames]:
        """Decode clip `i` in order, a block of frames at a time: uint8 [t h w 3].

        Raises:
            LapaError: as `clip`.
        """
        return self._open(i).chunks()

    def frames(self, i: int, indices: Sequence[int]) -> Frames:
        """Decode only these frames of clip `i`: uint8 [t h w 3]."""
        return self._open(i).frames(indices)

    def actions(self, i: int) -> np.ndarray | None:
        """None: videos carry no actions."""
        return None

    def states(self, i: int) -> np.ndarray | None:
        """None: videos carry no states."""
        return None

    def positions(self, i: int) -> np.ndarray | None:
        """None: videos carry no states."""
        return None

    def identity(self, rows: Sequence[int]) -> list[Any]:
        """The clips' files, what the metadata says of each clip, and the metadata's own file."""
        clips = [[video_facts(self._videos[i], self._folder), asdict(self._facts[i])] for i in rows]
        return [file_facts(self._folder / METADATA, self._folder), clips]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self._names)))

    def __len__(self) -> int:
        return len(self._names)

    def _open(self, i: int) -> Video:
        return self._video(i, repr(video_facts(self._videos[i], self._folder)))

    def _open_anew(self, i: int, _: str) -> Video:
        return open_video(self._videos[i], fps=self._facts[i].fps)

    def _record(self, i: int) -> ClipRecord:
        facts = self._facts[i]
        try:
            video = open_video(self._videos[i])
            num_frames, fps = video.num_frames, video.fps
            if video.note:
                leave_out(f"a part of {self._names[i]} of '{self.name}' ({video.note})")
        except LapaError as error:
            leave_out(str(error))
            num_frames, fps = 0, 0.0
        return ClipRecord(
            name=self._names[i],
            num_frames=num_frames,
            fps=facts.fps or fps,
            instruction=facts.instruction,
            split=facts.split,
            scene=facts.scene,
            embodiment=facts.embodiment,
            environment=facts.environment,
            site=facts.site,
        )


def _list_videos(root: Path) -> list[str]:
    """List video files and folders of pictures under `root`, as posix paths relative to it, in natural order."""
    found = []
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        relative = Path(folder).relative_to(root)
        suffixes = {name: Path(name).suffix.lower() for name in files if not name.startswith(".")}
        videos = [relative / name for name, suffix in suffixes.items() if suffix in VIDEO_SUFFIXES]
        if not videos and sum(suffix in PICTURE_SUFFIXES for suffix in suffixes.values()) >= 2:
            videos = [relative]
        found += videos
    return [path.as_posix() for path in sorted(found, key=natural_key)]


def _warn_missing(root: Path, facts: dict[str, _Facts], names: list[str]) -> None:
    missing = sorted(facts.keys() - set(names))
    if missing:
        place = f"'{root.name}/{METADATA}'"
        log.warning(
            "%d of %d files named in %s are not there, such as '%s'", len(missing), len(facts), place, missing[0]
        )


def _read_metadata(path: Path) -> dict[str, _Facts]:
    """Read what `metadata.jsonl` says about each file; empty where there is none."""
    if not path.is_file():
        return {}
    facts = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        where = f"line {number} of '{path.parent.name}/{path.name}'"
        try:
            row = json.loads(line)
        except ValueError:  # of json and of utf-8 alike
            raise LapaError(
                f'{where} is not valid JSON: expected one object, such as {{"file_name": "a.mp4"}}'
            ) from None
        name = _file_name(row, where)
        facts[name] = _parse_facts(row, where)
    return facts


def _file_name(row: Any, where: str) -> str:
    """Return the row's file name, normalised; it must stay inside the folder."""
    name = row.get("file_name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not name:
        raise LapaError(f'{where} names no file: expected one object, such as {{"file_name": "a.mp4"}}')
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts:
        raise LapaError(f"{where} names '{name}', outside the folder: expected a relative name without '..'")
    return path.as_posix()


def _parse_facts(row: dict[str, Any], where: str) -> _Facts:
    texts: dict[str, str | None] = {}
    for key in ("instruction", "split", *LABELS):
        value = row.get(key)
        if key in LABELS and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if value is not None and not isinstance(value, str):
            raise LapaError(f"{where} has {key} {value!r}: expected a text in quotes, or null")
        texts[key] = (value or "").strip()
    fps = row.get("fps") if row.get("true_fps") is None else row["true_fps"]
    if fps is not None and (isinstance(fps, bool) or not isinstance(fps, int | float) or not 0 < fps <= 1000):
        raise LapaError(f"{where} has a frame rate of {fps!r}: expected frames per second, such as 10")
    texts["instruction"] = texts["instruction"] or None
    return _Facts(**texts, fps=None if fps is None else float(fps))
