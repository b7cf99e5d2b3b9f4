"""Collecting: what is recorded, and that stopping and the number of processes change nothing."""

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from lapa.data.lerobot import LeRobotSource
from lapa.types import LapaError
from lapa.worlds.collect import CollectConfig, collect, episode_seed
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.sim import MAX_SPEED_M

COLLECT = """
import json, sys
from lapa.worlds.collect import collect
if __name__ == "__main__":
    collect(sys.argv[1], num_processes=1, **json.loads(sys.argv[2]))
"""
SETTINGS = {"num_episodes": 4, "seed": 11, "image_size": 32, "episodes_per_file": 2}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return collect(tmp_path_factory.mktemp("collected") / "data", num_processes=2, progress=False, **SETTINGS)


def contents(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_records_what_happened(recorded):
    source = LeRobotSource(recorded)
    assert len(source) == 4 and {record.split for record in source.records} == {"train"}
    for i, record in enumerate(source.records):
        states, actions = source.states(i), source.actions(i)
        assert source.clip(i).frames.shape == (record.num_frames, 32, 32, 3)
        assert states.shape == (record.num_frames, 26) and actions.shape == (record.num_frames, 2)
        assert np.abs(actions).max() <= MAX_SPEED_M + 1e-6
        moved = np.diff(states[:, :2], axis=0)
        assert np.corrcoef(moved[:, 0], actions[:-1, 0])[0, 1] > 0.8, "states and actions are out of step"


def test_an_episode_can_be_set_up_again_from_its_seed(recorded):
    source = LeRobotSource(recorded)
    env = TabletopEnv(TabletopConfig(image_size=32), render_mode="rgb_array")
    for i, row in enumerate(source.episodes):
        observation, info = env.reset(seed=row["seed"])
        assert np.array_equal(observation, source.states(i)[0])
        assert info["instruction"] == source.records[i].instruction and info["family"] == row["family"]
        assert list(info["blocks"]) == row["blocks"]
        error = np.abs(env.render().astype(float) - source.frames(i, [0])[0]).mean()
        assert error < 12, "the video does not show the recorded state"
    env.close()


def test_a_finished_data_set_is_returned_as_it_is(recorded):
    before = {path: path.stat().st_mtime_ns for path in recorded.rglob("*")}
    assert collect(recorded, progress=False, **SETTINGS) == recorded
    assert before == {path: path.stat().st_mtime_ns for path in recorded.rglob("*")}


def test_a_killed_run_continues_and_gives_the_same_files(recorded, tmp_path):
    run = [sys.executable, "-c", COLLECT, str(tmp_path / "data"), json.dumps(SETTINGS)]
    process = subprocess.Popen(run, stderr=subprocess.DEVNULL)
    first = tmp_path / "data" / ".parts" / "shard-00000.json"
    deadline = time.monotonic() + 60
    while not first.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert first.exists() and not (tmp_path / "data" / "meta" / "info.json").exists(), "it was not stopped half-way"
    made = first.stat().st_mtime_ns
    again = subprocess.Popen(run, stderr=subprocess.DEVNULL)
    while first.exists() and again.poll() is None:
        assert first.stat().st_mtime_ns == made, "a finished shard was made again"
        time.sleep(0.05)
    assert again.wait() == 0
    assert contents(tmp_path / "data") == contents(recorded)


def test_seeds_share_no_episode():
    assert len({episode_seed(seed, episode) for seed in (0, 7, 100000) for episode in range(500)}) == 1500


def test_other_settings_or_other_things_in_the_folder_are_refused(recorded, tmp_path):
    with pytest.raises(LapaError, match="seed 11"):
        collect(recorded, **(SETTINGS | {"seed": 12}))
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(LapaError, match="something else"):
        collect(tmp_path, **SETTINGS)
    with pytest.raises(LapaError, match="moon"):
        CollectConfig(world="moon")
    with pytest.raises(LapaError, match="num_episodes 0"):
        CollectConfig(num_episodes=0)
    with pytest.raises(LapaError, match="image_size 33"):
        CollectConfig(image_size=33)
