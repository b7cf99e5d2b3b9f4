"""Several data sets in a folder are one: each clip comes from its own part, under a name that says which."""

import numpy as np
import pytest

from lapa.data.joined import JoinedSource
from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.splits import select_split
from lapa.types import LapaError


def grey(value, length):
    frames = np.full((length, 32, 48, 3), value, np.uint8)
    states = np.full((length, 2), value, np.float32)
    return Episode(frames=frames, states=states, actions=states / 10, instruction=f"grey {value}", extra={})


@pytest.fixture
def folder(tmp_path):
    for name, values, split in (("dark", (20, 60), "train"), ("light", (180, 220), "validation")):
        parts = tmp_path / "parts" / name
        write_shard(parts, "a", [grey(value, 3 + i) for i, value in enumerate(values)], fps=10)
        spec = DatasetSpec(
            fps=10, robot_type="none", state_names=("x", "y"), action_names=("dx", "dy"), image_size=32, split=split
        )
        join_shards(tmp_path / "both" / name, parts, ["a"], spec)
    return tmp_path / "both"


def test_a_folder_of_data_sets_is_one(folder):
    source = open_source(folder)
    assert isinstance(source, JoinedSource) and source.name == "both"
    assert [record.name for record in source.records] == [
        "dark/episode_000000", "dark/episode_000001", "light/episode_000000", "light/episode_000001",
    ]  # fmt: skip
    for i, value in enumerate((20, 60, 180, 220)):
        assert source.records[i].instruction == f"grey {value}" and source.records[i].num_frames == 3 + i % 2
        assert np.abs(source.clip(i).frames.astype(int) - value).max() <= 3
        assert np.abs(source.frames(i, [2, 0]).astype(int) - value).max() <= 3
        assert (source.states(i) == value).all() and np.allclose(source.actions(i), value / 10)
        assert source.clip(i).source == f"both/{source.records[i].name}"
    assert select_split(source, "train") == [0, 1] and select_split(source, "validation") == [2, 3]


def test_a_part_that_cannot_be_read_is_named(folder):
    (folder / "light" / "meta" / "info.json").write_text("{")
    with pytest.raises(LapaError, match="light"):
        open_source(folder)
