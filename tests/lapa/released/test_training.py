"""Going on from a released policy: another data set's labels, or a robot's actions, and back to the authors' format."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from lapa import presets
from lapa.checkpoint import fingerprint, read_config
from lapa.data.source import open_source
from lapa.eval.policy import evaluate_policy
from lapa.frames import pixels_from_uint8, resize
from lapa.models.load import load_laq
from lapa.models.load_policy import load_policy, load_robot
from lapa.released.params_stream import scan_params
from lapa.released.policy import load_released_policy
from lapa.released.policy_export import export_policy
from lapa.released.policy_import import ImportPolicyConfig, import_policy
from lapa.released.policy_store import fingerprint_policy
from lapa.released.sight import squash
from lapa.train import finetune, label, policy
from lapa.train.loop import LoopConfig
from lapa.train.released_finetune import ReleasedFinetuneStage
from lapa.types import LapaError
from tests.lapa.conftest import save_tiny_laq
from tests.lapa.released.conftest import SHAPE
from tests.lapa.train.test_policy_stages import record

QUICK = LoopConfig(num_steps=4, batch_size=2, warmup_steps=1, log_every=2, eval_every=4, save_every=2, lr=1e-2)
HOW = [(0, "fp32"), (2, "fp32"), (2, "bf16")]
"""Rank of the additions and arithmetic: stored bfloat16 weights take part in either."""


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


def train(labelled, imported, rank, num_steps=4, precision="auto"):
    base, loop = presets.policy("tiny"), dataclasses.replace(QUICK, num_steps=num_steps, precision=precision)
    return dataclasses.replace(
        base, labels=str(labelled / "labels"), init=str(imported), lora_rank=rank, loop=loop, keep_best=False
    )


def imported_again(policy_out, released_files, laq, tmp_path, **more):
    """The policy after the way back and in again: exported for the authors' code, then imported from that."""
    back = export_policy(policy_out, tmp_path / "back")
    files = {"params": back / "params", "tokenizer": back / "tokenizer.model", "vqgan": released_files["vqgan"]}
    bins = back / "action_bins.csv" if (back / "action_bins.csv").is_file() else None
    config = ImportPolicyConfig(num_heads=SHAPE.num_heads, **more)
    return import_policy(**files, out=tmp_path / "again", config=config, laq=laq, bins=bins)


@pytest.mark.parametrize(("rank", "precision"), HOW)
def test_train_policy_goes_on_from_a_released_one(
    tmp_path, labelled, imported, released_files, picture, rank, precision
):
    out = policy.run(train(labelled, imported, rank, precision=precision), out=tmp_path / "policy")
    config, report = read_config(out, "policy"), json.loads((out / "report.json").read_text())
    assert config["parents"]["laq"] == fingerprint(labelled / "laq") and {"nll_right", "accuracy"} <= set(report)
    trained = load_policy(out, labelled / "laq", precision="fp32")
    assert trained.window_s == read_config(labelled / "laq")["stage"]["window_s"]
    assert not np.allclose(trained.prior, 1 / 8)
    assert trained.predict(picture, "push the red star").distributions.shape == (4, 8)
    assert not (out / "resume.safetensors").exists()
    again = load_policy(
        imported_again(out, released_files, labelled / "laq", tmp_path), labelled / "laq", precision="fp32"
    )
    assert len(scan_params(tmp_path / "back" / "params")) == 16
    tokens, frames, texts = np.array([[2, 0, 7, 1]] * 2), [picture, picture[::-1]], ["push", "take the red star"]
    logs = trained.log_probs(frames, texts, tokens)
    assert np.array_equal(again.log_probs(frames, texts, tokens), logs)
    start = load_released_policy(imported, precision="fp32").log_probs(frames, texts, tokens)
    assert np.abs(logs - start).max() > 0.05  # it did learn something to carry there and back


def test_a_second_data_set_is_learnt_after_the_first_one(tmp_path, labelled, imported):
    first = policy.run(train(labelled, imported, 2), out=tmp_path / "first")
    second = open_source(record(tmp_path, "second", 10, seed=11))
    config = label.LabelConfig(data=str(second.path), laq=str(labelled / "laq"), num_validation=2, stride=2)
    label.run(config, out=tmp_path / "labels")
    stage = dataclasses.replace(train(tmp_path, first, 2, num_steps=16), keep_best=True)
    out = policy.run(stage, out=tmp_path / "policy")
    laq = load_laq(labelled / "laq")
    before, after = (
        evaluate_policy(load_policy(path, labelled / "laq", precision="fp32"), laq, second, num_pairs=24)
        for path in (first, out)
    )
    assert after["nll_right"] < before["nll_right"] - 0.05
    assert read_config(out)["parents"]["policy"] == fingerprint_policy(first)
    export_policy(out, tmp_path / "back")
    assert json.loads((out / "provenance.json").read_text())["trained_from"]["name"] == "params"


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
    other = tmp_path / "other"
    shutil.copytree(imported, other)
    (other / "config.json").write_text(json.dumps(read_config(imported) | {"model": shape}))
    with pytest.raises(LapaError, match="chooses 5 tokens out of 8 codes"):
        policy.run(train(labelled, other, 2), out=tmp_path / "out")


@pytest.mark.parametrize(("rank", "precision"), HOW)
def test_finetune_makes_a_robot_of_a_released_policy(
    tmp_path, labelled, imported, released_files, picture, rank, precision
):
    config = dataclasses.replace(
        presets.finetune("tiny"),
        init=str(imported),
        data=str(labelled / "data"),
        num_episodes=2,
        num_validation=1,
        num_bins=5,
        lora_rank=rank,
        loop=dataclasses.replace(QUICK, precision=precision),
    )
    out = finetune.run(config, out=tmp_path / "robot")
    source = open_source(labelled / "data")
    robot = load_robot(out, labelled / "laq", precision="fp32")
    action = robot.act(picture, "push the red star")
    assert action.shape == source.actions(0).shape[1:] and np.isfinite(action).all()
    again = load_robot(
        imported_again(out, released_files, None, tmp_path, crop=False), labelled / "laq", precision="fp32"
    )
    names = {leaf.name: leaf.shape for leaf in scan_params(tmp_path / "back" / "params")}
    assert len(names) == 18 and names["action_head/kernel"][1] == max(robot.bins.num_bins)
    for temperature in (0.0, 1.0):
        one, other = (
            r.act(picture, "push", temperature=temperature, rng=np.random.default_rng(5)) for r in (robot, again)
        )
        assert np.allclose(one, other, atol=1e-4)


def test_finetuning_sees_frames_as_the_robot_will(labelled, imported):
    """The cache's frames have the released policy's own resize, not the smoother one that ours are shown."""
    config = dataclasses.replace(
        presets.finetune("tiny"), init=str(imported), data=str(labelled / "data"), num_episodes=2, num_validation=1
    )
    stage = ReleasedFinetuneStage(config, str(imported))
    store, source = stage.train.store, open_source(labelled / "data")
    frames = source.clip(store.rows[0]).frames
    seen = np.stack(list(store.clip(0)))
    assert np.array_equal(seen, [squash(frame) for frame in frames])
    assert not np.array_equal(seen, [resize(frame, 256, 256) for frame in frames])
    codes = stage._look(pixels_from_uint8(seen))
    assert torch.equal(codes, stage.reader.look(frames))
