"""A folder of videos as a data set, with what `metadata.jsonl` or `.csv` beside them says (see `metadata.py`).

Anybody's videos: files and folders of pictures, at any depth, instructions optional, no actions. Opening lists names;
frame counts are read when `records` is first asked for, and nothing is ever written into the folder.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lapa.data.identity import file_facts, video_facts
from lapa.data.left_out import leave_out
from lapa.data.listing import list_videos, walk
from lapa.data.metadata import Facts, metadata_file, read_metadata, same_name
from lapa.data.splits import kind_of_split
from lapa.data.video import Video, open_video, read_frames
from lapa.protocols import ClipRecord
from lapa.types import Clip, Frames, LapaError

log = logging.getLogger(__name__)


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
            self._folder, folders, names = self.path.parent, [self.path.parent], [self.path.name]
        elif self.path.is_dir():
            self._folder, names = self.path, list_videos(self.path)
            folders = [folder for folder, _ in walk(self.path)]
        else:
            raise LapaError(f"there is nothing at '{path}': give a video or a folder of videos")
        if not names:
            known = "videos (mp4, webm, mov, gif) or folders of pictures"
            raise LapaError(f"the folder '{self.name}' holds no videos: expected {known}")
        self._metadata, facts = _find_facts(self._folder, folders, names)
        splits = _splits_of_folders(names)
        self._facts = [replace(each, split=each.split or split) for each, split in zip(facts, splits, strict=True)]
        self._videos = [self._folder / name for name in names]
        self._names = [name if name != "." else self.name for name in names]
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
        """The clips' files, what the metadata says of each clip, and the metadata's own files."""
        clips = [[video_facts(self._videos[i], self._folder), asdict(self._facts[i])] for i in rows]
        return [[file_facts(path, self._folder) for path in self._metadata], clips]

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


def _splits_of_folders(names: list[str]) -> list[str]:
    """Return each file's split by its topmost folder, where one of these is called train; else ""."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    if not any(kind_of_split(top) == "train" for top in tops):
        return [""] * len(names)
    return [top if kind_of_split(top) else "" for top in tops]


def _find_facts(root: Path, folders: Iterable[Path], names: list[str]) -> tuple[list[Path], list[Facts]]:
    """Read all metadata under `root`: the files, and what the nearest one above each video says of it."""
    files = [path for folder in folders if (path := metadata_file(folder))]
    known: dict[str, Facts] = {}
    for path in sorted(files, key=lambda path: len(path.parts)):
        place = path.parent.relative_to(root)
        facts = {same_name((place / name).as_posix()): each for name, each in read_metadata(path).items()}
        _warn_missing(root, path, facts, {same_name(name) for name in names})
        known |= facts
    return files, [known.get(same_name(name), Facts()) for name in names]


def _warn_missing(root: Path, path: Path, facts: dict[str, Facts], names: set[str]) -> None:
    missing = sorted(name for name in facts.keys() - names if not (root / name).exists())
    if missing:
        place = f"'{path.parent.name}/{path.name}'"
        log.warning(
            "%d of %d files named in %s are not there, such as '%s'", len(missing), len(facts), place, missing[0]
        )
