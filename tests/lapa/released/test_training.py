"""Going on from a released policy: another data set's labels, or a robot's actions, and back to the authors' format."""

import dataclasses
import json

import numpy as np
import pytest

from lapa import presets
from lapa.checkpoint import fingerprint, read_config
from lapa.data.source import open_source
from lapa.models.load_policy import load_policy, load_robot
from lapa.released.params_stream import scan_params
from lapa.released.policy_export import export_policy
from lapa.train import finetune, label, policy
from lapa.train.loop import LoopConfig
from lapa.types import LapaError
from tests.lapa.conftest import save_tiny_laq
from tests.lapa.train.test_policy_stages import record

QUICK = LoopConfig(num_steps=4, batch_size=2, warmup_steps=1, log_every=2, eval_every=4, save_every=2, lr=1e-2)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A data set with instructions and actions, a quantizer, and its labels."""
    folder = tmp_path_factory.mktemp("labelled")
    record(folder, "data", 6, seed=3)
    save_tiny_laq(folder / "laq")
    config = label.LabelConfig(data=str(folder / "data"), laq=str(folder / "laq"), num_validation=2, stride=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAPA_CACHE", str(folder / "cache"))
        label.run(config, out=folder / "labels")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path / "cache"))


def train(labelled, imported, rank, num_steps=4):
    base, loop = presets.policy("tiny"), dataclasses.replace(QUICK, num_steps=num_steps)
    return dataclasses.replace(
        base, labels=str(labelled / "labels"), init=str(imported), lora_rank=rank, loop=loop, keep_best=False
    )


@pytest.mark.parametrize("rank", [0, 2])
def test_train_policy_goes_on_from_a_released_one(tmp_path, labelled, imported, picture, rank):
    out = policy.run(train(labelled, imported, rank), out=tmp_path / "policy")
    config, report = read_config(out, "policy"), json.loads((out / "report.json").read_text())
    assert config["parents"]["laq"] == fingerprint(labelled / "laq") and {"nll_right", "accuracy"} <= set(report)
    trained = load_policy(out, labelled / "laq", precision="fp32")
    assert trained.window_s == read_config(labelled / "laq")["stage"]["window_s"]
    assert not np.allclose(trained.prior, 1 / 8)
    assert trained.predict(picture, "push the red star").distributions.shape == (4, 8)
    export_policy(out, tmp_path / "back")
    before = [leaf.name for leaf in scan_params(tmp_path / "back" / "params")]
    assert len(before) == 16 and not (out / "resume.safetensors").exists()


def test_a_stopped_run_ends_with_the_same_weights(tmp_path, labelled, imported):
    whole = policy.run(train(labelled, imported, 2), out=tmp_path / "whole")
    stage = train(labelled, imported, 2)
    from lapa.train import loop, released_policy

    real, saved = loop._save, []

    def stops(*args):
        real(*args)
        saved.append(args)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_save", stops)
        with pytest.raises(KeyboardInterrupt):
            policy.run(stage, out=tmp_path / "halves")
    assert len(saved) == 1 and released_policy.NUM_EVALUATED > 0
    halves = policy.run(stage, out=tmp_path / "halves")
    for name in ("model-outer.safetensors", "model-layer-01.safetensors"):
        assert (halves / name).read_bytes() == (whole / name).read_bytes()


def test_labels_of_another_size_are_refused(tmp_path, labelled, imported):
    shape = read_config(imported)["model"] | {"code_seq_len": 5}
    import shutil

    other = tmp_path / "other"
    shutil.copytree(imported, other)
    (other / "config.json").write_text(json.dumps(read_config(imported) | {"model": shape}))
    with pytest.raises(LapaError, match="chooses 5 tokens out of 8 codes"):
        policy.run(train(labelled, other, 2), out=tmp_path / "out")


@pytest.mark.parametrize("rank", [0, 2])
def test_finetune_makes_a_robot_of_a_released_policy(tmp_path, labelled, imported, picture, rank):
    config = dataclasses.replace(
        presets.finetune("tiny"),
        init=str(imported),
        data=str(labelled / "data"),
        num_episodes=2,
        num_validation=1,
        num_bins=5,
        lora_rank=rank,
        loop=QUICK,
    )
    out = finetune.run(config, out=tmp_path / "robot")
    source = open_source(labelled / "data")
    robot = load_robot(out, labelled / "laq", precision="fp32")
    action = robot.act(picture, "push the red star")
    assert action.shape == source.actions(0).shape[1:] and np.isfinite(action).all()
    export_policy(out, tmp_path / "back")
    names = {leaf.name: leaf.shape for leaf in scan_params(tmp_path / "back" / "params")}
    assert len(names) == 18 and names["action_head/kernel"][1] == max(robot.bins.num_bins)
    assert (tmp_path / "back" / "action_bins.csv").is_file()
