"""Write LeRobotDataset v3.0, the field's own layout, in shards that parallel processes make independently.

A shard is a handful of episodes: one h264 file and one parquet file. Only when all are there are the numbers that
run through the whole data set (frame index, task index, statistics) filled in, and `meta/info.json` is written last:
where it exists, the data set is complete. Does not need lerobot.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float32

from lapa.data.lerobot_stats import joined_stats, picture_stats, vector_stats
from lapa.data.video_writer import write_video
from lapa.types import Frame, Frames

CAMERA = "observation.images.top"
DATA_PATH = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
CHUNK_SIZE = 1000
"""Files per chunk folder."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Episode:
    """One recorded episode: uint8 [t h w 3], float32 [t n], float32 [t a], and what was asked.

    `actions` is None where none were recorded: then in every episode of the data set.
    `extra` becomes further columns of meta/episodes (JSON-like values; the same keys in every episode).
    """

    frames: Frames
    states: Float32[np.ndarray, "t n"]
    actions: Float32[np.ndarray, "t a"] | None
    instruction: str
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """What holds for the whole data set."""

    fps: int
    robot_type: str
    state_names: tuple[str, ...]
    action_names: tuple[str, ...]
    """Empty where no actions were recorded."""
    image_size: int
    split: str = "train"
    num_validation: int = 0
    """So many of the last episodes are the split "validation"."""
    extra_info: dict[str, Any] = field(default_factory=dict)
    """Further entries of meta/info.json."""


def write_shard(folder: Path, name: str, episodes: Iterable[Episode], fps: int) -> None:
    """Write `folder/name.mp4`, `.parquet` and, last, `.json` (one row per episode); done when the JSON is there."""
    states, actions, rows = [], [], []

    def frames() -> Iterator[Frame]:
        for episode in episodes:
            yield from episode.frames
            states.append(episode.states)
            if episode.actions is not None:
                actions.append(episode.actions)
            rows.append(
                {
                    "length": len(episode.frames),
                    "instruction": episode.instruction,
                    "pixels": picture_stats(episode.frames),
                    "extra": episode.extra,
                }
            )

    write_video(folder / f"{name}.mp4", frames(), float(fps))
    columns = {"action": actions, "observation.state": states}
    table = pa.table({name: _lists(np.concatenate(values)) for name, values in columns.items() if values})
    pq.write_table(table, folder / f"{name}.parquet")
    _write_json(folder / f"{name}.json", {"episodes": rows})


def has_shard(folder: Path, name: str) -> bool:
    """Say whether a shard was written to its end, with all that is written today."""
    path = folder / f"{name}.json"
    return path.is_file() and all("pixels" in row for row in json.loads(path.read_text())["episodes"])


def join_shards(out: Path, folder: Path, names: list[str], spec: DatasetSpec) -> None:
    """Make the data set `out` of shards, in the order given; may be called again after a crash."""
    shards = [json.loads((folder / f"{name}.json").read_text()) for name in names]
    tables = [pq.read_table(folder / f"{name}.parquet") for name in names]
    sentences = [row["instruction"] for shard in shards for row in shard["episodes"]]
    task_index = {sentence: i for i, sentence in enumerate(dict.fromkeys(sentences))}
    rows: list[dict[str, Any]] = []
    whole: list[pa.Table] = []
    num_frames = 0
    for i, (name, shard, table) in enumerate(zip(names, shards, tables, strict=True)):
        place = {"chunk_index": i // CHUNK_SIZE, "file_index": i % CHUNK_SIZE}
        new = _episode_rows(shard["episodes"], len(rows), num_frames, place, spec.fps)
        full = _with_numbers(table, new, task_index, spec.fps)
        for row, episode in zip(new, shard["episodes"], strict=True):
            row |= _episode_stats(full, row["dataset_from_index"] - num_frames, row["length"], episode["pixels"])
        data = out / DATA_PATH.format(**place)
        data.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(full, data)
        video = out / VIDEO_PATH.format(video_key=CAMERA, **place)
        video.parent.mkdir(parents=True, exist_ok=True)
        if not video.exists():
            os.link(folder / f"{name}.mp4", video)
        rows += new
        whole.append(full)
        num_frames += len(table)
    meta = out / "meta"
    (meta / "episodes" / "chunk-000").mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), meta / "episodes" / "chunk-000" / "file-000.parquet")
    _write_tasks(meta / "tasks.parquet", task_index)
    pixels = [episode["pixels"] for shard in shards for episode in shard["episodes"]]
    _write_json(meta / "stats.json", _dataset_stats(pa.concat_tables(whole), pixels))
    _write_json(meta / "info.json", _info(spec, len(rows), num_frames, len(task_index)))


def _lists(values: np.ndarray) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])


def _episode_rows(episodes: list[dict], first: int, start: int, place: dict[str, int], fps: int) -> list[dict]:
    rows, shard_start = [], start
    for i, episode in enumerate(episodes):
        end = start + episode["length"]
        rows.append(
            {
                "episode_index": first + i,
                "tasks": [episode["instruction"]],
                "length": episode["length"],
                "data/chunk_index": place["chunk_index"],
                "data/file_index": place["file_index"],
                "dataset_from_index": start,
                "dataset_to_index": end,
                f"videos/{CAMERA}/chunk_index": place["chunk_index"],
                f"videos/{CAMERA}/file_index": place["file_index"],
                f"videos/{CAMERA}/from_timestamp": (start - shard_start) / fps,
                f"videos/{CAMERA}/to_timestamp": (end - shard_start) / fps,
                "meta/episodes/chunk_index": 0,
                "meta/episodes/file_index": 0,
                **episode["extra"],
            }
        )
        start = end
    return rows


def _with_numbers(table: pa.Table, rows: list[dict], task_index: dict[str, int], fps: int) -> pa.Table:
    """Add the columns that count."""
    lengths = [row["length"] for row in rows]
    frame = np.concatenate([np.arange(length) for length in lengths])
    columns = {
        "timestamp": (frame / fps).astype(np.float32),
        "frame_index": frame.astype(np.int64),
        "episode_index": np.repeat([row["episode_index"] for row in rows], lengths).astype(np.int64),
        "index": np.arange(rows[0]["dataset_from_index"], rows[-1]["dataset_to_index"], dtype=np.int64),
        "task_index": np.repeat([task_index[row["tasks"][0]] for row in rows], lengths).astype(np.int64),
    }
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table


def _matrix(table: pa.Table, name: str) -> np.ndarray:
    column = table[name].combine_chunks()
    values = column.flatten() if pa.types.is_fixed_size_list(column.type) else column
    return values.to_numpy(zero_copy_only=False).reshape(len(table), -1)


def _episode_stats(table: pa.Table, start: int, length: int, pixels: dict[str, Any]) -> dict[str, list]:
    """Return the columns stats/FEATURE/KIND of an episode."""
    part = table.slice(start, length)
    stats = {name: vector_stats(_matrix(part, name)) for name in table.column_names} | {CAMERA: pixels}
    return {f"stats/{name}/{key}": value for name in stats for key, value in stats[name].items()}


def _dataset_stats(table: pa.Table, pixels: list[dict[str, Any]]) -> dict[str, Any]:
    stats = {name: vector_stats(_matrix(table, name)) for name in table.column_names}
    return stats | {CAMERA: joined_stats(pixels)}


def _write_tasks(path: Path, task_index: dict[str, int]) -> None:
    """Write the sentences as a pandas index, as lerobot expects them."""
    index = "__index_level_0__"
    column = {"field_name": "task_index", "name": "task_index", "pandas_type": "int64", "numpy_type": "int64"}
    label = {"field_name": index, "name": None, "pandas_type": "unicode", "numpy_type": "object"}
    columns = [column | {"metadata": None}, label | {"metadata": None}]
    pandas = {"index_columns": [index], "column_indexes": [], "columns": columns}
    table = pa.table({"task_index": pa.array(task_index.values(), pa.int64()), index: pa.array(task_index)})
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(pandas)}), path)


def _info(spec: DatasetSpec, num_episodes: int, num_frames: int, num_tasks: int) -> dict[str, Any]:
    size = spec.image_size
    video = {
        "video.height": size, "video.width": size, "video.channels": 3, "video.codec": "h264",
        "video.pix_fmt": "yuv420p", "video.is_depth_map": False, "video.fps": spec.fps, "has_audio": False,
    }  # fmt: skip
    counted = {"frame_index": "int64", "episode_index": "int64", "index": "int64", "task_index": "int64"}
    features: dict[str, Any] = {"action": _vector(spec.action_names)} if spec.action_names else {}
    features |= {
        "observation.state": _vector(spec.state_names),
        CAMERA: {"dtype": "video", "shape": [size, size, 3], "names": ["height", "width", "channels"], "info": video},
    }
    for name, dtype in {"timestamp": "float32", **counted}.items():
        features[name] = {"dtype": dtype, "shape": [1], "names": None}
    return {
        "codebase_version": "v3.0",
        "robot_type": spec.robot_type,
        "total_episodes": num_episodes,
        "total_frames": num_frames,
        "total_tasks": num_tasks,
        "chunks_size": CHUNK_SIZE,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": spec.fps,
        "splits": _splits(spec, num_episodes),
        "data_path": DATA_PATH,
        "video_path": VIDEO_PATH,
        "features": features,
        **spec.extra_info,
    }


def _vector(names: tuple[str, ...]) -> dict[str, Any]:
    return {"dtype": "float32", "shape": [len(names)], "names": list(names)}


def _write_json(path: Path, value: Any) -> None:
    """Write so that the file is either whole or absent."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value, indent=1))
    os.replace(part, path)


def _splits(spec: DatasetSpec, num_episodes: int) -> dict[str, str]:
    first_held = num_episodes - spec.num_validation
    held = {"validation": f"{first_held}:{num_episodes}"} if spec.num_validation else {}
    return {spec.split: f"0:{first_held}"} | held
