"""Two numbers of a state are an end effector's place only if they are named so; else nobody knows."""

import json

import numpy as np
import pytest

from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.state_xy import find_state, names_of
from lapa.data.transitions import Transitions
from lapa.eval.targets import motion_of, targets_of, why_flow
from lapa.types import LapaError
from lapa.worlds.recording import CollectConfig, dataset_spec


def state(names, key="observation.state", **more):
    return find_state({key: {"dtype": "float32", "shape": [len(names)], "names": names, **more}})


@pytest.mark.parametrize(
    ("names", "xy"),
    [
        (["x", "y", "z", "roll", "pitch", "yaw"], (0, 1)),
        ({"axes": ["x", "y", "z"]}, (0, 1)),
        (["gripper", "eef_pos_x", "eef_pos_y", "eef_pos_z"], (1, 2)),
        (["ee.x", "ee.y", "ee.wx"], (0, 1)),
        (["tcp_y", "tcp_x"], (1, 0)),
        (["panda_hand_x", "panda_hand_y"], (0, 1)),
        (["cube_x", "cube_y", "pusher_x", "pusher_y"], (2, 3)),
        (["position_x", "position_y"], (0, 1)),
        (["x.pos", "y.pos"], (0, 1)),
        (["shoulder_pan.pos", "shoulder_lift.pos"], None),
        ({"motors": ["motor_0", "motor_1"]}, None),
        (["cube_x", "cube_y"], None),
        (["x.vel", "y.vel", "theta.vel"], None),
        (["eef_delta_x", "eef_delta_y"], None),
        (["ee_rot_x", "ee_rot_y"], None),
        (["eef_x", "tcp_y"], None),
        (["x", "z"], None),
        ([], None),
    ],
)
def test_only_what_is_named_an_end_effector_is_one(names, xy):
    assert state(names).xy == xy


def test_units_are_read():
    assert state(["x", "y"], units="mm").scale == state(["ee_x_mm", "ee_y_mm"]).scale == 0.001
    assert state(["x", "y"], units=["meters", "m"]).scale == 1.0 == state(["x", "y"]).scale
    assert state(["x", "y"], units="rad").xy is None and state(["x", "y"], units=["m", "deg"]).xy is None
    assert state(["x", "y"], unit="pixels").xy is None


def test_names_are_found_at_any_depth():
    assert names_of({"names": {"motors": ["a", "b"], "more": [["c"]]}}) == ("a", "b", "c") and names_of({}) == ()


def test_the_end_effector_may_have_a_feature_of_its_own():
    features = {
        "observation.state": {"dtype": "float32", "shape": [2], "names": ["joint_0", "joint_1"]},
        "observation.state.cartesian_position": {"dtype": "float32", "shape": [3], "names": ["x", "y", "z"]},
        "observation.environment_state": {"dtype": "float32", "shape": [2], "names": ["x", "y"]},
    }
    assert find_state(features).feature == "observation.state.cartesian_position"
    del features["observation.state.cartesian_position"]
    assert find_state(features).feature == "observation.state" and find_state(features).xy is None
    assert find_state({"action": features["observation.state"]}) is None


def record(root, names, scale=1.0):
    frames = np.zeros((6, 32, 48, 3), np.uint8)
    for t in range(6):
        frames[t, 8:20, 4 + 4 * t : 16 + 4 * t] = np.random.default_rng(0).integers(100, 255, (12, 12, 3))
    values = (np.arange(6)[:, None] * np.array([0.01, 0.02])).astype(np.float32) * np.float32(scale)
    episode = Episode(frames=frames, states=values, actions=None, instruction="go")
    write_shard(root / "parts", "a", [episode], fps=10)
    spec = DatasetSpec(fps=10, robot_type="r", state_names=names, action_names=(), image_size=32)
    join_shards(root / "data", root / "parts", ["a"], spec)
    return root / "data"


WHERE = Transitions(clip=np.array([0, 0]), t=np.array([0, 2]), window=np.array([2, 2]))


def test_joint_angles_are_no_metres_and_the_picture_is_asked_instead(tmp_path):
    source = open_source(record(tmp_path, ("shoulder.pos", "elbow.pos")))
    targets = targets_of(source, WHERE)
    assert motion_of(targets) == "flow" and "displacement" not in targets and targets["flow"][0, 0] > 0.01
    assert why_flow(source) == "the recorded states (shoulder.pos, elbow.pos) name no end-effector position"
    assert source.states(0).shape == (6, 2)


def test_a_user_may_name_the_columns(tmp_path):
    root = record(tmp_path, ("a", "b"))
    source = open_source(root, state_xy=("b", "a"))
    moved = targets_of(source, WHERE)["displacement"]
    np.testing.assert_allclose(moved, [[0.04, 0.02]] * 2, atol=1e-6)
    assert why_flow(open_source(root)) and not source.why_no_positions
    with pytest.raises(LapaError, match="no numbers 'c' and 'a' in a unit of length: they are a, b"):
        open_source(root, state_xy=("c", "a"))


def test_millimetres_become_metres(tmp_path):
    root = record(tmp_path, ("ee_x", "ee_y"), scale=1000)
    info = json.loads((root / "meta" / "info.json").read_text())
    info["features"]["observation.state"]["units"] = "mm"
    (root / "meta" / "info.json").write_text(json.dumps(info))
    np.testing.assert_allclose(targets_of(open_source(root), WHERE)["displacement"], [[0.02, 0.04]] * 2, atol=1e-6)


@pytest.mark.parametrize("bodies", [("arm",), ("arm", "hand")])
def test_what_collect_records_goes_on_being_read(bodies):
    spec = dataset_spec(CollectConfig(embodiments=bodies, num_episodes=2))
    assert state(list(spec.state_names)).xy == (0, 1) and spec.state_names[:2] == ("pusher_x", "pusher_y")
