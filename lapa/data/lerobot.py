"""Read a LeRobotDataset (v3.0, and v2.0/v2.1) as a `ClipSource`: json, parquet and mp4, without lerobot.

v3.0 keeps many episodes in each parquet and video file and says in `meta/episodes` where each begins; v2.x has one
file of each kind per episode. Of several cameras the first is read, unless one is named. Pictures kept inside the
parquet files (dtype "image") are not read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lapa.data.identity import file_facts
from lapa.data.video import Video, open_video
from lapa.protocols import ClipRecord
from lapa.types import Clip, Frames, LapaError

VERSIONS = ("v3.0", "v2.1", "v2.0")


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where an episode lies: its number, its files, and the number of its first frame in the video file."""

    episode: int
    video: Path
    first_frame: int
    data: Path


class LeRobotSource:
    """A `ClipSource` over a LeRobotDataset.

    Attributes:
        path, name: the folder and its name.
        info: what meta/info.json says.
        camera: the feature the pictures are from, such as "observation.images.top".
        records: one per episode; `scene` is the episode's "family", and embodiment and environment are its own, where
            the data set has these columns.
        episodes: the rows of meta/episodes, as dictionaries.

    Raises:
        LapaError: if this is no such data set, or a part of its metadata is missing or damaged.
    """

    def __init__(self, path: str | Path, *, camera: str | None = None):
        self.path = Path(path)
        self.name = self.path.resolve().name
        self.info = _read_info(self.path)
        self.camera = _choose_camera(self.info, camera, self.name)
        self.episodes = _read_episodes(self.path, self.info)
        try:
            self._places = [self._place(row) for row in self.episodes]
            self.records: Sequence[ClipRecord] = [self._record(row) for row in self.episodes]
        except LapaError:
            raise
        except (KeyError, IndexError, TypeError, ValueError) as error:
            reason = f"lacks or garbles {error}"
            raise LapaError(f"the metadata of '{self.name}' {reason}: download or collect it again") from None
        self._video = _remember(open_video, 8)
        self._table = _remember(self._read_table, 16)

    def clip(self, i: int) -> Clip:
        """Decode episode `i`.

        Raises:
            LapaError: if its video is missing or damaged.
        """
        record = self.records[i]
        return Clip(
            frames=np.concatenate(list(self.chunks(i))),
            fps=record.fps,
            source=f"{self.name}/{record.name}",
            instruction=record.instruction,
        )

    def chunks(self, i: int) -> Iterator[Frames]:
        """Decode episode `i` in order, a block of frames at a time: uint8 [t h w 3].

        Where the video ends before the metadata says, those that are there.

        Raises:
            LapaError: if fewer than two can be read.
        """
        record, place = self.records[i], self._places[i]
        video: Video = self._video(place.video)
        return video.chunks(place.first_frame, place.first_frame + record.num_frames)

    def frames(self, i: int, indices: Sequence[int]) -> Frames:
        """Decode only these frames of episode `i`: uint8 [t h w 3].

        Raises:
            LapaError: if one lies outside the episode, or the video is missing or damaged.
        """
        record, place = self.records[i], self._places[i]
        outside = [t for t in indices if not 0 <= t < record.num_frames]
        if outside:
            raise LapaError(
                f"frame {outside[0]} is not in {record.name} of '{self.name}', "
                f"which has frames 0 to {record.num_frames - 1}"
            )
        video: Video = self._video(place.video)
        return video.frames([place.first_frame + t for t in indices])

    def actions(self, i: int) -> np.ndarray | None:
        """True actions of episode `i`, float32 [t a], or None where none were recorded.

        Where bodies are mixed, they are as many as the episode's own body has (`lapa/worlds/recording.py`).
        """
        actions = self._column(i, "action")
        body = (self.info.get("embodiments") or {}).get(self.records[i].embodiment)
        if actions is None or body is None:
            return actions
        num_own = len(body["action_names"])
        return actions[:, :num_own] if num_own else None

    def states(self, i: int) -> np.ndarray | None:
        """Recorded states of episode `i`, float32 [t n], or None where none were recorded."""
        return self._column(i, "observation.state")

    def identity(self, rows: Sequence[int]) -> list[Any]:
        """The camera, the metadata's files, and of each episode its files, where it lies in them and its record."""
        facts = lru_cache(maxsize=None)(lambda path: file_facts(path, self.path))
        metadata = [facts(path) for path in sorted((self.path / "meta").rglob("*")) if path.is_file()]
        episodes = [
            [facts(self._places[i].video), facts(self._places[i].data), self._places[i].first_frame, asdict(record)]
            for i, record in ((i, self.records[i]) for i in rows)
        ]
        return [self.camera, metadata, episodes]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))

    def __len__(self) -> int:
        return len(self.records)

    def _column(self, i: int, name: str) -> np.ndarray | None:
        place = self._places[i]
        table = self._table(place.data)
        if name not in table:
            return None
        values = table[name][table["episode_index"] == place.episode]
        if len(values) != self.records[i].num_frames:
            raise LapaError(
                f"'{place.data.name}' of '{self.name}' has {len(values)} rows for {self.records[i].name}, expected "
                f"{self.records[i].num_frames}: download or collect it again"
            )
        return values

    def _read_table(self, path: Path) -> dict[str, np.ndarray]:
        """Read the numeric columns that are used, each as an array with one row per frame."""
        table = _read_parquet(path, ("action", "observation.state", "episode_index"))
        if "episode_index" not in table.column_names:
            raise LapaError(f"'{path.name}' of '{self.name}' has no column episode_index: download or collect it again")
        return {name: _array(table[name]) for name in table.column_names}

    def _place(self, row: dict[str, Any]) -> _Place:
        episode = int(row["episode_index"])
        if self.info["codebase_version"] != "v3.0":
            numbers = {"episode_index": episode, "episode_chunk": episode // int(self.info.get("chunks_size", 1000))}
            video, data, first_frame = numbers, numbers, 0
        else:
            prefix = f"videos/{self.camera}"
            video = {name: row[f"{prefix}/{name}"] for name in ("chunk_index", "file_index")}
            data = {name: row[f"data/{name}"] for name in ("chunk_index", "file_index")}
            first_frame = round(row[f"{prefix}/from_timestamp"] * float(self.info["fps"]))
        return _Place(
            episode=episode,
            video=self._inside(self.info["video_path"].format(video_key=self.camera, **video)),
            first_frame=first_frame,
            data=self._inside(self.info["data_path"].format(**data)),
        )

    def _inside(self, relative: str) -> Path:
        """Resolve a path the metadata names; it must stay inside the data set."""
        if not (self.path / relative).resolve().is_relative_to(self.path.resolve()):
            raise LapaError(f"the metadata of '{self.name}' names '{relative}', which lies outside the data set")
        return self.path / relative

    def _record(self, row: dict[str, Any]) -> ClipRecord:
        episode = int(row["episode_index"])
        sentences = row.get("tasks") or [""]
        return ClipRecord(
            name=f"episode_{episode:06d}",
            num_frames=int(row["length"]),
            fps=float(self.info["fps"]),
            instruction=str(sentences[0]).strip() or None,
            split=_split_of(self.info.get("splits") or {}, episode),
            scene=str(row.get("family") or ""),
            embodiment=str(row.get("embodiment") or ""),
            environment=str(row.get("environment") or ""),
            site=str(row.get("site") or ""),
            success=None if row.get("success") is None else bool(row["success"]),
        )


def _remember(function: Callable, count: int) -> Callable:
    """Keep the last results, per source rather than for ever."""
    return lru_cache(maxsize=count)(function)


def _read_info(path: Path) -> dict[str, Any]:
    name, file = path.resolve().name, path / "meta" / "info.json"
    if not file.is_file():
        raise LapaError(f"'{path}' is no LeRobot data set: it has no meta/info.json")
    try:
        info = json.loads(file.read_bytes())
        version = info["codebase_version"]
        missing = [key for key in ("fps", "features", "data_path", "video_path") if not info.get(key)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise LapaError(f"meta/info.json of '{name}' is damaged: download or collect the data set again") from None
    if version not in VERSIONS:
        raise LapaError(f"'{name}' is in the LeRobot layout '{version}': expected one of {', '.join(VERSIONS)}")
    if missing:
        raise LapaError(f"meta/info.json of '{name}' names no {missing[0]}: download or collect the data set again")
    return info


def _choose_camera(info: dict[str, Any], wanted: str | None, name: str) -> str:
    cameras = [key for key, feature in info["features"].items() if feature.get("dtype") == "video"]
    if not cameras:
        raise LapaError(f"'{name}' has no camera stored as video: convert its pictures to video first")
    if wanted is not None and wanted not in cameras:
        raise LapaError(f"'{name}' has no camera '{wanted}': it has {', '.join(cameras)}")
    return wanted or cameras[0]


def _read_episodes(path: Path, info: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the episode table, in order, without their statistics."""
    if info["codebase_version"] != "v3.0":
        return _read_jsonl(path / "meta" / "episodes.jsonl")
    files = sorted((path / "meta" / "episodes").glob("*/*.parquet"))
    if not files:
        raise LapaError(f"'{path.resolve().name}' has no meta/episodes: download or collect it again")
    rows: list[dict[str, Any]] = []
    for file in files:
        table = _read_parquet(file)
        rows += table.select([name for name in table.column_names if not name.startswith("stats/")]).to_pylist()
    return sorted(rows, key=lambda row: row["episode_index"])


def _read_jsonl(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    except (OSError, ValueError):
        raise LapaError(f"'{path}' is missing or damaged: download the data set again") from None


def _read_parquet(path: Path, columns: tuple[str, ...] | None = None) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        return file.read([name for name in columns if name in file.schema_arrow.names] if columns else None)
    except (OSError, pa.ArrowException):
        raise LapaError(f"'{path}' is missing or damaged: download or collect the data set again") from None


def _array(column: pa.ChunkedArray) -> np.ndarray:
    """Lists become float32 [t a], numbers [t]."""
    values = column.combine_chunks()
    if not (pa.types.is_list(values.type) or pa.types.is_fixed_size_list(values.type)):
        return values.to_numpy(zero_copy_only=False)
    return values.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(len(values), -1)


def _split_of(splits: dict[str, str], episode: int) -> str:
    """Find the split whose range "first:last" holds the episode; "" if none does."""
    for name, span in splits.items():
        first, _, last = str(span).partition(":")
        if first.isdecimal() and last.isdecimal() and int(first) <= episode < int(last):
            return name
    return ""
