"""Read a LeRobotDataset (layouts v2.x and v3.x) as a `ClipSource`: json, parquet and mp4, without lerobot.

One of its cameras is looked through, stored as video or as pictures. A clip is an episode, or, where its task or
subtask changes on the way, the part of it with one: so an instruction is always that of the frames it stands beside.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lapa.data.identity import file_facts
from lapa.data.lerobot_cameras import cameras_of, choose_camera
from lapa.data.lerobot_data import EpisodeColumns, first_cells
from lapa.data.lerobot_meta import (
    dataset_name,
    inside,
    is_v3,
    read_episodes,
    read_info,
    read_sentences,
    split_of,
    true_fps,
)
from lapa.data.lerobot_pictures import decode_stored, read_stored
from lapa.data.lerobot_tasks import SUBTASKS, Segment, cut, sentences_of, subtasks_at
from lapa.data.lerobot_video import Span, TimedVideo
from lapa.data.state_xy import StateLayout, find_state
from lapa.data.video import explain_too_short
from lapa.protocols import ClipRecord
from lapa.types import Clip, Frames, LapaError

PICTURES = 16
"""Stored pictures that are decoded at a time."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where an episode lies: its number and frames, its files, and when it is shown in the video file.

    `video` is None where the pictures are in `data`.
    """

    episode: int
    length: int
    data: Path
    video: Path | None
    span: Span


class LeRobotSource:
    """A `ClipSource` over a LeRobotDataset.

    Args:
        path: the folder.
        camera: the feature the pictures are from, such as "observation.images.top", or the last part of its name;
            "" takes one that sees the scene in colour.
        state_xy: names of the numbers of the state that are the end effector's x and y, where they are not named so.

    Attributes:
        path, name: the folder and its name.
        info: what meta/info.json says.
        camera: the feature the pictures are from. cameras: all there are.
        state: what the states are; None where none were recorded.
        records: one per episode, or per part of it with one instruction ("episode_000012#1"); `scene` is the episode's
            "family", and embodiment and environment are its own, where the data set has these columns.
        episodes: the rows of meta/episodes, as dictionaries.

    Raises:
        LapaError: if this is no such data set, a part of its metadata is missing or damaged, or there is no such camera
            or state.
    """

    def __init__(self, path: str | Path, *, camera: str = "", state_xy: tuple[str, str] | None = None):
        self.path = Path(path)
        self.name = dataset_name(self.path)
        self.info = read_info(self.path)
        features = self.info["features"]
        self.cameras = cameras_of(features)
        self.camera = choose_camera(features, camera, self.name)
        self.state: StateLayout | None = find_state(features, state_xy, self.name)
        self.episodes = read_episodes(self.path, self.info)
        used = ["action", "task_index", "subtask_index", *([self.state.feature] if self.state else [])]
        self._columns = EpisodeColumns(self.name, tuple(used))
        try:
            self._fps = true_fps(self.info, self.episodes, self.camera)
            self._places = [self._place(row) for row in self.episodes]
            self._segments = self._cut_episodes(features)
            self.records: Sequence[ClipRecord] = [self._record(segment) for segment in self._segments]
        except LapaError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            reason = f"lacks or garbles {error}"
            raise LapaError(f"the metadata of '{self.name}' {reason}: download or collect it again") from None
        self._video = lru_cache(maxsize=8)(TimedVideo)
        self._stored = lru_cache(maxsize=2)(read_stored)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the numbers of the states; () where they have none."""
        return self.state.names if self.state else ()

    @property
    def state_xy(self) -> tuple[int, int] | None:
        """Which of them are the end effector's x and y; None where none is named so."""
        return self.state.xy if self.state else None

    @property
    def why_no_positions(self) -> str:
        """Say why `positions` are not known; "" where they are."""
        return self.state.why_not if self.state else "no states were recorded"

    def clip(self, i: int) -> Clip:
        """Decode clip `i`; as far as it goes, where the video is shorter than the metadata says.

        Raises:
            LapaError: if its video is missing or damaged, or has fewer than two frames of it.
        """
        record = self.records[i]
        return Clip(
            frames=np.concatenate(list(self.chunks(i))),
            fps=record.fps,
            source=f"{self.name}/{record.name}",
            instruction=record.instruction,
        )

    def chunks(self, i: int) -> Iterator[Frames]:
        """Decode clip `i` in order, a block of frames at a time: uint8 [t h w 3].

        Where the video ends before the metadata says, those that are there.

        Raises:
            LapaError: if fewer than two can be read.
        """
        record, num = self.records[i], self._num_readable(i)
        if num < 2:
            raise LapaError(explain_too_short(Path(record.name), f"{num} of its {record.num_frames} are there"))
        if num < record.num_frames:
            log.warning("'%s' of '%s' ends after %d of its %d frames", record.name, self.name, num, record.num_frames)
        segment, place = self._segments[i], self._places[self._segments[i].row]
        if place.video:
            wanted = self._numbers(place)[segment.first : segment.first + num]
            yield from self._video(place.video).chunks(wanted)
            return
        for start in range(0, num, PICTURES):
            yield self._read(i, range(start, min(start + PICTURES, num)))

    def frames(self, i: int, indices: Sequence[int]) -> Frames:
        """Decode only these frames of clip `i`: uint8 [t h w 3].

        Raises:
            LapaError: if one lies outside the clip, or the video is missing or damaged.
        """
        num = self._num_readable(i)
        outside = [t for t in indices if not 0 <= t < num]
        if outside:
            raise LapaError(
                f"frame {outside[0]} is not in {self.records[i].name} of '{self.name}', which has frames 0 to {num - 1}"
            )
        return self._read(i, indices)

    def actions(self, i: int) -> np.ndarray | None:
        """True actions of clip `i`, float32 [t a], or None where none were recorded.

        Where bodies are mixed, they are as many as the episode's own body has (`lapa/worlds/recording.py`).
        """
        actions = self._vectors(i, "action")
        body = (self.info.get("embodiments") or {}).get(self.records[i].embodiment)
        if actions is None or body is None:
            return actions
        num_own = len(body["action_names"])
        return actions[:, :num_own] if num_own else None

    def states(self, i: int) -> np.ndarray | None:
        """Recorded states of clip `i`, float32 [t n], lengths in metres; None where none were recorded."""
        states = self._vectors(i, self.state.feature) if self.state else None
        return states if states is None or self.state.scale == 1.0 else states * np.float32(self.state.scale)

    def positions(self, i: int) -> np.ndarray | None:
        """Where the end effector was, float32 [t 2], metres; None where the states do not name it."""
        states = self.states(i) if self.state_xy else None
        return None if states is None else states[:, list(self.state_xy)]

    def identity(self, rows: Sequence[int]) -> list[Any]:
        """The camera, the metadata's files, and of each clip its files, where it lies in them and its record."""
        facts = lru_cache(maxsize=None)(lambda path: path and file_facts(path, self.path))
        metadata = [facts(path) for path in sorted((self.path / "meta").rglob("*")) if path.is_file()]
        places = [(self._segments[i], self._places[self._segments[i].row]) for i in rows]
        clips = [
            [facts(place.video), facts(place.data), asdict(place.span), segment.first, asdict(self.records[i])]
            for i, (segment, place) in zip(rows, places, strict=True)
        ]
        return [self.camera, metadata, clips]

    def rows_in(self, video: Path) -> list[int]:
        """Return the clips that lie in a video file."""
        found = {row for row, place in enumerate(self._places) if place.video and place.video.resolve() == video}
        return [i for i, segment in enumerate(self._segments) if segment.row in found]

    def __iter__(self) -> Iterator[Clip]:
        return (self.clip(i) for i in range(len(self.records)))

    def __len__(self) -> int:
        return len(self.records)

    def _num_readable(self, i: int) -> int:
        segment, place = self._segments[i], self._places[self._segments[i].row]
        there = len(self._numbers(place) if place.video else self._stored(place.data, self.camera, place.episode))
        return max(0, min(segment.num_frames, there - segment.first))

    def _read(self, i: int, indices: Sequence[int]) -> Frames:
        segment, place = self._segments[i], self._places[self._segments[i].row]
        wanted = [segment.first + t for t in indices]
        if place.video:
            return self._video(place.video).frames(self._numbers(place)[wanted].tolist())
        stored = self._stored(place.data, self.camera, place.episode)
        return decode_stored([stored[t] for t in wanted], self.records[i].name, self._inside)

    def _numbers(self, place: _Place) -> np.ndarray:
        return self._video(place.video).numbers(place.span, place.length, self._fps)

    def _vectors(self, i: int, name: str) -> np.ndarray | None:
        segment, place = self._segments[i], self._places[self._segments[i].row]
        values = self._columns.of(place.data, place.episode, name, place.length)
        if values is None:
            return None
        vectors = values.reshape(len(values), -1).astype(np.float32)
        return vectors[segment.first : segment.first + segment.num_frames]

    def _cut_episodes(self, features: Mapping[str, Any]) -> list[Segment]:
        """Cut each episode where its instruction changes."""
        tasks, subtasks = (read_sentences(self.path, kind) for kind in ("task", "subtask"))
        said_in, segments = lru_cache(maxsize=2)(first_cells), []
        for row in range(len(self.episodes)):
            listed, place = sentences_of(self.episodes[row].get("tasks"), tasks), self._places[row]
            sentences = [listed[0] if listed else ""] * place.length
            try:
                if len(listed) != 1 and tasks:
                    sentences = self._by_number(place, "task_index", tasks) or sentences
                if SUBTASKS in features:
                    said = said_in(place.data, SUBTASKS).get(place.episode) or []
                    sentences = _over(subtasks_at(said, np.arange(place.length) / self._fps), sentences)
                elif subtasks and "subtask_index" in features:
                    sentences = _over(self._by_number(place, "subtask_index", subtasks), sentences)
            except LapaError as error:
                log.warning("episode %d keeps its first task: %s", place.episode, error)
            segments += cut(row, sentences)
        return segments

    def _by_number(self, place: _Place, column: str, known: Mapping[int, str]) -> list[str]:
        """Return the sentence of each frame; [] where the frames have no such numbers."""
        numbers = self._columns.of(place.data, place.episode, column, place.length)
        return [] if numbers is None else [known.get(int(n), "").strip() for n in numbers.reshape(-1)]

    def _place(self, row: Mapping[str, Any]) -> _Place:
        episode, prefix = int(row["episode_index"]), f"videos/{self.camera}"
        is_video = self.info["features"][self.camera]["dtype"] == "video"
        numbers = {"episode_index": episode, "episode_chunk": episode // int(self.info.get("chunks_size") or 1000)}
        data, video, span = dict(numbers), dict(numbers), Span()
        if is_v3(self.info):
            data |= {name: row[f"data/{name}"] for name in ("chunk_index", "file_index")}
        if is_v3(self.info) and is_video:
            video |= {name: row[f"{prefix}/{name}"] for name in ("chunk_index", "file_index")}
            span = Span(start=float(row[f"{prefix}/from_timestamp"]), end=row.get(f"{prefix}/to_timestamp"))
        if is_video and not self.info.get("video_path"):
            raise LapaError(f"meta/info.json of '{self.name}' names no video_path: download the data set again")
        return _Place(
            episode=episode,
            length=int(row["length"]),
            data=self._inside(self.info["data_path"].format(**data)),
            video=self._inside(self.info["video_path"].format(video_key=self.camera, **video)) if is_video else None,
            span=span,
        )

    def _inside(self, relative: str) -> Path:
        return inside(self.path, relative, self.name)

    def _record(self, segment: Segment) -> ClipRecord:
        row, episode = self.episodes[segment.row], self._places[segment.row].episode
        return ClipRecord(
            name=f"episode_{episode:06d}" + (f"#{segment.number}" if segment.is_part else ""),
            num_frames=segment.num_frames,
            fps=self._fps,
            instruction=segment.instruction or None,
            split=split_of(self.info.get("splits") or {}, episode),
            scene=str(row.get("family") or ""),
            embodiment=str(row.get("embodiment") or ""),
            environment=str(row.get("environment") or ""),
            site=str(row.get("site") or ""),
            success=None if row.get("success") is None else bool(row["success"]),
        )


def _over(sentences: Sequence[str], others: Sequence[str]) -> list[str]:
    """Take the others where there is none."""
    return [one or other for one, other in zip(sentences or others, others, strict=True)]
