"""The clips to choose from: folders given at the start, and uploads. Decoded clips live in one bounded cache.

A clip's id is "group/name" or "upload/random"; ids come back from browsers and are only ever looked up, never opened as
paths.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lapa.limits import read_fitting
from lapa.protocols import ClipSource
from lapa.types import Clip, Frame, LapaError

CACHE_BYTES = 600 * 2**20
UPLOADS_KEPT = 60
UPLOAD_AGE_S = 2 * 3600.0


class BoundedCache:
    """The most recently used values, up to a total size; safe to use from several threads."""

    def __init__(self, capacity: int, size: Callable[[Any], int] = lambda value: 1):
        self._capacity, self._size = capacity, size
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self._used, self._lock = 0, threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any] | None = None) -> Any:
        """Return the value of `key`; make it (outside the lock) if it is not there, None if there is no `make`."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        if make is None:
            return None
        return self.put(key, make())

    def put(self, key: Hashable, value: Any) -> Any:
        """Keep `value`, dropping what was used longest ago."""
        with self._lock:
            if key in self._values:
                self._used -= self._size(self._values.pop(key))
            self._values[key] = value
            self._used += self._size(value)
            while self._used > self._capacity and len(self._values) > 1:
                self._used -= self._size(self._values.popitem(last=False)[1])
        return value


@dataclass(frozen=True)
class Upload:
    """A visitor's video after the gate: where its copy lies, and a sentence about damage, or ""."""

    path: Path
    note: str


@dataclass(frozen=True)
class Entry:
    """One clip that can be chosen: its id, what people read, and how many frames it has."""

    id: str
    title: str
    instruction: str
    group: str
    num_frames: int


class Shelf:
    """All clips, by id.

    Args:
        sources: group name -> source; the group of a bundle's own videos carries the bundle's name.
        open_upload: checks an uploaded file and keeps a copy of it; raises LapaError.
        open_clip: decodes a video file.
    """

    def __init__(
        self,
        sources: Mapping[str, ClipSource],
        *,
        open_upload: Callable[[Path], Upload],
        open_clip: Callable[[Path], Clip],
    ):
        self.sources = dict(sources)
        self._open_upload, self._open_clip = open_upload, open_clip
        self._rows: dict[str, dict[str, int]] = {}
        self._uploads: OrderedDict[str, tuple[Path, str, float, int]] = OrderedDict()
        self._clips = BoundedCache(CACHE_BYTES, lambda clip: clip.frames.nbytes)
        self._first_frames = BoundedCache(64 * 2**20, lambda frame: frame.nbytes)

    def __contains__(self, clip_id: str) -> bool:
        return clip_id in self._uploads or self._row(clip_id) is not None

    def entries(self, group: str) -> Iterator[Entry]:
        """List the clips of one group of the shelf."""
        for record in self.sources[group].records:
            yield Entry(f"{group}/{record.name}", record.name, record.instruction or "", group, record.num_frames)

    def entry(self, clip_id: str) -> Entry:
        """Return what is known of a clip without decoding it.

        Raises:
            LapaError: if it is not on the shelf.
        """
        if clip_id in self._uploads:
            _, title, _, num_frames = self._uploads[clip_id]
            return Entry(clip_id, title, "", "upload", num_frames)
        group, i = self._lookup(clip_id)
        record = self.sources[group].records[i]
        return Entry(clip_id, record.name, record.instruction or "", group, record.num_frames)

    def find(self, group: str, name: str) -> str | None:
        """Return the id of a group's clip by its name in the data set, or None if it is not on this machine."""
        clip_id = f"{group}/{name}"
        return clip_id if self._row(clip_id) is not None else None

    def clip(self, clip_id: str) -> Clip:
        """Decode a clip, or take it from the cache.

        Raises:
            LapaError: if it is not on the shelf or cannot be decoded.
        """
        return self._clips.get(clip_id, lambda: self._decode(clip_id))

    def first_frame(self, clip_id: str) -> Frame:
        """Return a clip's first frame, decoding nothing else."""
        return self._first_frames.get(clip_id, lambda: self._decode_first(clip_id))

    def add_upload(self, path: Path, title: str) -> tuple[str, str]:
        """Take in a visitor's video; return its id, which nobody else can guess, and what to say about it, or "".

        Raises:
            LapaError: if it is too large, too long or no video.
        """
        upload = self._open_upload(path)
        clip = self._open_clip(upload.path)
        clip_id = f"upload/{secrets.token_urlsafe(9)}"
        self._drop_old_uploads()
        self._uploads[clip_id] = (upload.path, title[:80], time.monotonic(), clip.num_frames)
        self._clips.put(clip_id, clip)
        return clip_id, upload.note

    def _row(self, clip_id: str) -> int | None:
        """Return a clip's row in its source; a source's records are read when first asked for."""
        group, _, name = clip_id.partition("/")
        if group not in self.sources:
            return None
        if group not in self._rows:
            self._rows[group] = {record.name: i for i, record in enumerate(self.sources[group].records)}
        return self._rows[group].get(name)

    def _lookup(self, clip_id: str) -> tuple[str, int]:
        row = self._row(clip_id)
        if row is None:
            raise LapaError(f"there is no clip '{clip_id[:80]}' here: choose one from the list or upload a video")
        return clip_id.partition("/")[0], row

    def _decode(self, clip_id: str) -> Clip:
        if clip_id in self._uploads:
            return self._open_clip(self._uploads[clip_id][0])
        group, i = self._lookup(clip_id)
        record = self.sources[group].records[i]
        if record.num_frames < 1:
            raise LapaError(f"'{clip_id}' cannot be read: choose another clip")
        return Clip(
            frames=read_fitting(self.sources[group].chunks(i), record.num_frames),
            fps=record.fps,
            source=clip_id,
            instruction=record.instruction,
        )

    def _decode_first(self, clip_id: str) -> Frame:
        if clip_id in self._uploads:
            return self.clip(clip_id).frames[0].copy()
        group, i = self._lookup(clip_id)
        return self.sources[group].frames(i, [0])[0]

    def _drop_old_uploads(self) -> None:
        oldest_kept = time.monotonic() - UPLOAD_AGE_S
        for clip_id, (copy, _, added, _) in list(self._uploads.items()):
            if added < oldest_kept or len(self._uploads) >= UPLOADS_KEPT:
                del self._uploads[clip_id]
                copy.unlink(missing_ok=True)
