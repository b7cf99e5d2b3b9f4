"""Collecting: what is recorded, and that stopping and the number of processes change nothing."""

import json
import shutil
import subprocess
import sys
import time
from typing import get_args, get_type_hints

import numpy as np
import pytest

from lapa.cli.collect import Collect
from lapa.data.lerobot import LeRobotSource
from lapa.finished import OtherOptions
from lapa.train.finetune import gather
from lapa.types import LapaError
from lapa.worlds.collect import collect
from lapa.worlds.recording import CollectConfig, episode_seed
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.bodies.body import MAX_SPEED_M
from lapa.worlds.tabletop.env import TabletopConfig, TabletopEnv
from lapa.worlds.tabletop.environments import ENVIRONMENTS

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


def test_a_data_set_is_recorded_anew_only_where_that_is_asked_for(tmp_path):
    few = SETTINGS | {"num_episodes": 1}
    out = collect(tmp_path / "data", num_processes=1, progress=False, **few)
    (out / "notes.txt").write_text("mine")
    with pytest.raises(OtherOptions, match="seed"):
        collect(out, progress=False, **(few | {"seed": 12}))
    collect(out, num_processes=1, progress=False, overwrite=True, **(few | {"seed": 12}))
    assert json.loads((out / ".collect.json").read_text())["seed"] == 12
    assert LeRobotSource(out).records and (out / "notes.txt").is_file()


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


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    settings = {"embodiments": ("arm", "paddle", "hand"), "environments": ("sim", "real"), "num_episodes": 6}
    out = tmp_path_factory.mktemp("mixed") / "data"
    return LeRobotSource(collect(out, num_processes=1, progress=False, **(SETTINGS | settings)))


def test_a_mixed_data_set_goes_round_its_kinds_and_says_whose_episode_it_is(mixed):
    kinds = [(record.embodiment, record.environment) for record in mixed.records]
    assert kinds == [(body, place) for place in ("sim", "real") for body in ("arm", "paddle", "hand")]
    assert mixed.info["robot_type"] == "tabletop"
    assert mixed.info["features"]["action"]["names"] == ["delta_x", "delta_y", "delta_yaw"]


def test_each_body_of_a_mixed_data_set_has_its_own_actions_and_all_share_the_state(mixed):
    for i, record in enumerate(mixed.records):
        actions, states = mixed.actions(i), mixed.states(i)
        assert states.shape == (record.num_frames, 26)
        assert mixed.clip(i).frames.shape == (record.num_frames, 32, 32, 3)
        if record.embodiment == "hand":
            assert actions is None
            continue
        assert actions.shape == (record.num_frames, {"arm": 2, "paddle": 3}[record.embodiment])
        moved = np.diff(states[:, :2], axis=0)
        assert np.corrcoef(moved.ravel(), actions[:-1, :2].ravel())[0, 1] > 0.8


def test_bodies_with_different_actions_cannot_be_finetuned_on_together(mixed, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path))
    with pytest.raises(LapaError, match="one embodiment"):
        gather(mixed, [0, 1], 32)
    with pytest.raises(LapaError, match="no action"):
        gather(mixed, [2, 5], 32)
    with pytest.raises(LapaError, match="one embodiment"):
        gather(mixed, [0, 2], 32)  # an arm's clip and one of a hand, which has no actions


def test_a_clip_whose_actions_cannot_be_read_is_left_out_and_named(mixed, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path))
    source = LeRobotSource(mixed.path)

    def actions(row):
        if row == 0:
            raise LapaError("it breaks off")
        return mixed.actions(row)

    source.actions = actions
    table = gather(source, [0, 3], 32)
    assert set(table.clip) == {3} and len(table.actions) == source.records[3].num_frames
    assert np.array_equal(table.actions, mixed.actions(3))
    assert f"left out: what was recorded beside {source.records[0].name}" in caplog.text


def test_an_episode_of_a_mixed_data_set_can_be_set_up_again(mixed):
    for i, row in enumerate(mixed.episodes):
        kind = {name: row[name] for name in ("embodiment", "environment")}
        env = TabletopEnv(image_size=32, render_mode="rgb_array", **kind)
        observation, _ = env.reset(seed=row["seed"])
        assert np.array_equal(observation[:26], mixed.states(i)[0])
        assert np.abs(env.render().astype(float) - mixed.frames(i, [0])[0]).mean() < 12
        env.close()


def test_no_actions_are_recorded_of_a_hand(tmp_path):
    out = collect(tmp_path / "hands", num_processes=1, progress=False, **(SETTINGS | {"embodiments": ("hand",)}))
    source = LeRobotSource(out)
    assert "action" not in source.info["features"] and source.info["robot_type"] == "tabletop_hand"
    assert source.info["features"]["observation.state"]["names"][-2:] == ["lift", "wrist"]
    assert all(source.actions(i) is None and source.states(i).shape[1] == 28 for i in range(len(source)))


def test_scenes_with_several_tasks_look_alike_in_them(tmp_path):
    settings = {"environments": ("real",), "tasks_per_scene": 2, "num_episodes": 2}
    source = LeRobotSource(collect(tmp_path / "data", num_processes=1, progress=False, **(SETTINGS | settings)))
    first, second = (source.frames(i, [0])[0].astype(float) for i in range(2))
    assert source.records[0].instruction != source.records[1].instruction
    assert np.abs(first - second).mean() < 6, "the same scene was seen by another camera"


def test_a_data_set_from_before_there_were_several_bodies_is_still_finished(recorded, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(recorded, old)
    note = old / ".collect.json"
    known = json.loads(note.read_text())
    note.write_text(json.dumps({key: known[key] for key in known if key not in ("embodiments", "environments")}))
    assert collect(old, progress=False, **SETTINGS) == old
    with pytest.raises(LapaError, match="embodiments"):
        collect(old, progress=False, **(SETTINGS | {"embodiments": ("paddle",)}))


def test_the_command_line_offers_every_body_and_environment():
    types = get_type_hints(Collect)
    assert get_args(get_args(types["embodiment"])[0]) == tuple(BODIES)
    assert get_args(get_args(types["environment"])[0]) == tuple(ENVIRONMENTS)


def test_seeds_share_no_episode():
    assert len({episode_seed(seed, episode) for seed in (0, 7, 100000) for episode in range(500)}) == 1500


def test_other_settings_or_other_things_in_the_folder_are_refused(recorded, tmp_path):
    with pytest.raises(LapaError, match="seed 11 instead of 12"):
        collect(recorded, **(SETTINGS | {"seed": 12}))
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(LapaError, match="something else"):
        collect(tmp_path, **SETTINGS)
    with pytest.raises(LapaError, match="moon"):
        CollectConfig(world="moon")
    with pytest.raises(LapaError, match="num_episodes 0"):
        CollectConfig(num_episodes=0)
    with pytest.raises(LapaError, match="octopus"):
        CollectConfig(embodiments=("arm", "octopus"))
    with pytest.raises(LapaError, match="none twice"):
        CollectConfig(environments=("sim", "sim"))
    with pytest.raises(LapaError, match="image_size 33"):
        CollectConfig(image_size=33)


def test_a_scene_is_seen_with_several_tasks(tmp_path):
    settings = SETTINGS | {"num_episodes": 6, "tasks_per_scene": 3, "num_validation": 3, "episodes_per_file": 3}
    source = LeRobotSource(collect(tmp_path / "data", num_processes=1, progress=False, **settings))
    assert [record.split for record in source.records] == ["train"] * 3 + ["validation"] * 3
    for scene in ([0, 1, 2], [3, 4, 5]):
        starts = [source.states(i)[0] for i in scene]
        assert np.array_equal(starts[0], starts[1]) and np.array_equal(starts[0], starts[2])
        assert len({source.episodes[i]["blocks"][0] for i in scene}) == 3, "each task is about a block of its own"
    assert not np.array_equal(source.states(0)[0], source.states(3)[0])


def test_impossible_numbers_are_refused():
    for wrong in ({"tasks_per_scene": 0}, {"tasks_per_scene": 9}, {"num_validation": 4}):
        with pytest.raises(LapaError, match=str(next(iter(wrong.values())))):
            CollectConfig(**SETTINGS | wrong)
