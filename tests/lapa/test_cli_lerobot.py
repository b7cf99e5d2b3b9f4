"""The verbs on a LeRobot data set: episode by episode, through the camera and by the numbers one names."""

import json

import numpy as np
import pytest

from lapa.cli import main
from lapa.data.source import open_source
from tests.lapa.data.test_lerobot_found import CAMERA, CAMERAS, LENGTHS, make


@pytest.fixture
def data(tmp_path):
    states = np.random.default_rng(0).normal(size=(sum(LENGTHS), 2)).astype(np.float32)
    state = {"dtype": "float32", "shape": [2], "names": ["shoulder", "elbow"]}
    features = CAMERAS | {"observation.state": state}
    return make(tmp_path / "set", columns={"observation.state": states.tolist()}, features=features)


def test_encode_goes_through_a_data_set_and_never_over_an_episodes_end(bundle, data, capsys):
    assert main(["encode", str(data), "--json"]) == 0
    clips = json.loads(capsys.readouterr().out)["clips"]
    assert [clip["name"] for clip in clips] == [f"episode_{i:06d}" for i in range(3)]
    for clip, length in zip(clips, LENGTHS, strict=True):
        assert clip["window"] == 2 and [action["t"] for action in clip["actions"]] == list(range(length - 2))
    file = open_source(data).path / "videos" / "observation.images.front" / "chunk-000" / "file-000.mp4"
    assert main(["encode", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clips"] == clips
    assert main(["encode", str(data), "--window", "6"]) == 0
    shown = capsys.readouterr().out
    assert "episode_000000: 7 frames" in shown and "episode_000001" not in shown
    assert main(["encode", str(data), "--camera", "top"]) == 1
    assert "observation.images.front" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["train-laq tiny", "label", "export clips"])
def test_every_verb_that_opens_data_knows_its_cameras(bundle, data, tmp_path, capsys, verb):
    laq = ["--laq", str(bundle / "laq")] if verb == "label" else []
    assert main([*verb.split(), "--data", str(data), "--camera", "nose", "--out", str(tmp_path / "out"), *laq]) == 1
    assert "no camera 'nose'" in capsys.readouterr().err


def test_an_index_says_how_motion_is_known(bundle, data, tmp_path, capsys):
    def index(name, *options):
        argv = ["index", "--data", str(data), "--out", str(tmp_path / name), "--num-rows", "12", *options]
        assert main([*argv, "--thumb-size", "0"]) == 0
        return json.loads((tmp_path / name / "meaning.json").read_text())

    by_angle = index("angles", "--camera", "wrist_left")
    assert by_angle["target"] == "flow"
    assert by_angle["note"] == "the recorded states (shoulder, elbow) name no end-effector position"
    capsys.readouterr()
    assert main(["index", "--data", str(data), "--out", str(tmp_path / "x"), "--state-xy", "a", "b"]) == 1
    assert "they are shoulder, elbow" in capsys.readouterr().err


def test_one_missing_video_ends_no_verb(bundle, tmp_path, capsys):
    root = make(tmp_path / "s", rows=lambda i: {f"videos/{CAMERA}/file_index": i % 2})
    assert main(["index", "--data", str(root), "--out", str(tmp_path / "i"), "--num-rows", "12"]) == 0
    assert "of 2 clips" in capsys.readouterr().out
    assert main(["encode", str(root)]) == 0
    assert "file-001.mp4" in capsys.readouterr().err
