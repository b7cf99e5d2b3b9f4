"""label, train-policy, finetune, and their measure: a square that obeys, from videos to actions."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch

from lapa.checkpoint import fingerprint, load_checkpoint, save_checkpoint
from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.data.source import open_source
from lapa.data.video import write_video
from lapa.eval.policy import evaluate_policy
from lapa.finished import OtherOptions
from lapa.frames import pixels_from_uint8, to_pixels
from lapa.models.action_bins import ActionBins
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.models.policy import PolicyConfig, load_policy
from lapa.models.robot import load_robot
from lapa.protocols import Actor
from lapa.train import finetune, label, policy
from lapa.train import laq as laq_stage
from lapa.train.loop import LoopConfig
from lapa.types import LapaError

LAQ_CONFIG = LAQConfig(image_size=64, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4)
WORDS = ("slide the square to the left", "slide the square to the right")
LOOP = LoopConfig(num_steps=8, batch_size=16, warmup_steps=2, log_every=2, eval_every=4, save_every=3, precision="no")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    torch.set_num_threads(1)


def record(folder, name, num_episodes, seed):
    """Write episodes of a square that slides 3 px a frame to where its instruction says."""
    rng, episodes = np.random.default_rng(seed), []
    for number in range(num_episodes):
        way = 1 if number % 2 else -1
        x = 28 + way * 3 * np.arange(7) + rng.integers(-4, 5)
        frames = np.full((7, 64, 64, 3), 90, np.uint8)
        for frame, left in zip(frames, x):
            frame[24:40, left : left + 10] = (240, 200, 40)
        actions = np.stack([np.full(7, way * 3.0), np.zeros(7)], 1).astype(np.float32)
        states = np.stack([x, x * 0], 1).astype(np.float32)
        extra = {"family": "slide"}
        episodes.append(
            Episode(frames=frames, states=states, actions=actions, instruction=WORDS[number % 2], extra=extra)
        )
    write_shard(folder / f"{name}-parts", "a", episodes, fps=10)
    spec = DatasetSpec(fps=10, robot_type="none", state_names=("x", "y"), action_names=("dx", "dy"), image_size=64)
    join_shards(folder / name, folder / f"{name}-parts", ["a"], spec)
    return folder / name


def save_laq(path, seed=0):
    """Write a quantizer with random weights whose codes lie where its latents do."""
    torch.manual_seed(seed)
    laq = LAQ(LAQ_CONFIG)
    with torch.no_grad():
        laq.quantizer.codebook.mul_(0.05)
    return save_checkpoint(path, kind="laq", model=LAQ_CONFIG, tensors=laq.state_dict(), stage={"window_s": 0.2})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data set of 30 episodes, a fresh one of 12, and a quantizer."""
    folder = tmp_path_factory.mktemp("stages")
    record(folder, "data", 30, seed=0)
    record(folder, "fresh", 12, seed=1)
    save_laq(folder / "laq")
    return folder


@pytest.fixture(scope="module")
def labels(folder):
    config = label.LabelConfig(data=str(folder / "data"), laq=str(folder / "laq"), num_validation=6)
    return label.run(config, out=folder / "labels")


@pytest.fixture(scope="module")
def config(labels):
    model = PolicyConfig(width=32, num_layers=2, num_heads=2, merge=1, vocab_size=300, dropout=0.1)
    return policy.TrainPolicyConfig(labels=str(labels), model=model, loop=LOOP)


@pytest.fixture(scope="module")
def longer(config):
    loop = dataclasses.replace(LOOP, num_steps=200, batch_size=32, lr=3e-3, eval_every=100, save_every=200)
    return dataclasses.replace(config, loop=loop)


@pytest.fixture(scope="module")
def trained(longer, folder):
    return policy.run(longer, out=folder / "policy")


def test_labels_are_what_the_quantizer_says_of_each_pair(labels, folder):
    found, source, laq = label.load_labels(labels), open_source(folder / "data"), load_laq(folder / "laq")
    assert len(found) == 30 * 5 and found.laq_sha256 == fingerprint(folder / "laq")
    pairs = [(int(clip), int(t)) for clip, t in zip(found.clip, found.t)]
    frames = [source.frames(clip, [t, t + 2]) for clip, t in pairs]
    one_by_one = [laq.encode(to_pixels(pair[:1], 64), to_pixels(pair[1:], 64)).tokens[0].tolist() for pair in frames]
    assert found.tokens.tolist() == one_by_one
    held = {int(clip) for clip in found.clip[found.held]}
    assert len(held) == 6 and not held & {int(clip) for clip in found.clip[~found.held]}


def test_labels_say_what_they_are_and_older_folders_are_read(labels, folder, tmp_path):
    made = label.load_labels(labels)
    assert (made.kind, made.num_choices) == ("tokens", (8, 8, 8, 8))
    old = tmp_path / "old"
    shutil.copytree(labels, old)
    facts = json.loads((old / "config.json").read_text())
    del facts["clips"], facts["labels"], facts["stage"]["labeler"], facts["stage"]["num_bins"]
    (old / "config.json").write_text(json.dumps(facts))
    begun = json.loads((old / "options.json").read_text())
    del begun["options"]["labeler"], begun["options"]["num_bins"]
    (old / "options.json").write_text(json.dumps(begun))
    read = label.load_labels(old)
    assert (read.kind, read.num_choices) == ("tokens", ()) and np.array_equal(read.tokens, made.tokens)
    read.check_clips(open_source(made.config.data), old)
    assert label.run(made.config, out=old) == old, "what was finished before there were other labelers still is"


def test_labels_of_a_folder_whose_clips_have_changed_since_are_refused(folder, config, tmp_path):
    videos, lines = tmp_path / "videos", []
    for number in range(4):
        name, frames = f"b{number}.mp4", np.full((9, 64, 64, 3), 40 * number, np.uint8)
        write_video(videos / name, frames, 10)
        lines.append(json.dumps({"file_name": name, "instruction": WORDS[number % 2]}))
    (videos / "metadata.jsonl").write_text("\n".join(lines))
    asked = label.LabelConfig(data=str(videos), laq=str(folder / "laq"), num_validation=1)
    out = label.run(asked, out=tmp_path / "labels")
    wanted = dataclasses.replace(config, labels=str(out))
    policy.PolicyStage(dataclasses.replace(wanted, data=str(videos), laq=str(folder / "laq")), label.load_labels(out))
    write_video(videos / "a.mp4", np.zeros((9, 64, 64, 3), np.uint8), 10)  # shifts the others by one row
    with pytest.raises(LapaError, match="made of other clips than 'videos' holds now"):
        policy.run(wanted, out=tmp_path / "policy")
    (videos / "a.mp4").unlink()
    label.load_labels(out).check_clips(open_source(videos), out)
    write_video(videos / "b3.mp4", np.zeros((12, 64, 64, 3), np.uint8), 10)  # as many clips, of other lengths
    with pytest.raises(LapaError, match="made of other clips"):
        policy.run(wanted, out=tmp_path / "policy")


def test_a_test_split_is_neither_labelled_nor_trained_on(folder, config, tmp_path):
    """Splits as most LeRobot data sets have them: "train" and "test"."""
    data = tmp_path / "data"
    shutil.copytree(folder / "fresh", data)
    facts = json.loads((data / "meta" / "info.json").read_text())
    (data / "meta" / "info.json").write_text(json.dumps(facts | {"splits": {"train": "0:8", "test": "8:12"}}))
    asked = label.LabelConfig(data=str(data), laq=str(folder / "laq"))
    labels = label.load_labels(out := label.run(asked, out=tmp_path / "labels"))
    assert set(labels.clip.tolist()) == set(range(8)) and set(labels.clip[labels.held].tolist()) == {0}
    wanted = dataclasses.replace(config, labels=str(out), data=asked.data, laq=asked.laq, window_s=0.2)
    stage = policy.PolicyStage(wanted, labels)
    assert set(stage.train.clip.tolist()) == set(range(1, 8)) and set(stage.held.clip.tolist()) == {0}
    quantizer = laq_stage.LAQStage(laq_stage.TrainLAQConfig(data=asked.data, window_s=0.2, model=LAQ_CONFIG))
    assert [len(quantizer.train), len(quantizer.validation)] == [7 * 5, 5]


def test_features_are_those_of_the_model_that_looks_not_of_one_before_it(folder, config, tmp_path):
    """The same frames, seen by one quantizer after another, with one cache."""
    seen = []
    for seed in (0, 1):
        laq = save_laq(tmp_path / f"laq{seed}", seed)
        asked = label.LabelConfig(data=str(folder / "fresh"), laq=str(laq), num_validation=2)
        out = label.run(asked, out=tmp_path / f"labels{seed}")
        wanted = dataclasses.replace(config, labels=str(out), data=asked.data, laq=str(laq), window_s=0.2)
        stage = policy.PolicyStage(wanted, label.load_labels(out))
        frames = stage.train.store.frames[stage.train.first[:3]]
        with torch.inference_mode():
            right = stage.model.backbone.look(pixels_from_uint8(frames))
        np.testing.assert_allclose(stage.train.features[:3].astype(np.float32), right.numpy(), rtol=1e-2, atol=1e-2)
        seen.append(right)
    assert (seen[0] - seen[1]).abs().max() > 0.1, "the two see alike, so that a stale one would pass"


@pytest.fixture(scope="module")
def acted(folder):
    config = label.LabelConfig(
        data=str(folder / "data"), laq=str(folder / "laq"), num_validation=6, labeler="actions", num_bins=5
    )
    return label.run(config, out=folder / "acted")


def test_true_actions_label_the_same_pairs(acted, labels, folder):
    found, tokens, source = label.load_labels(acted), label.load_labels(labels), open_source(folder / "data")
    assert found.kind == "actions" and found.num_choices == (2, 1), "left or right, and never up or down"
    assert np.array_equal(found.clip, tokens.clip) and np.array_equal(found.t, tokens.t)
    bins = ActionBins.from_json((acted / "actions.json").read_text())
    true = np.stack([source.actions(int(clip))[t] for clip, t in zip(found.clip, found.t)])
    assert np.array_equal(bins.decode(found.tokens), true)


def test_a_policy_pretrained_on_true_actions_is_finetuned_and_not_asked(acted, config, folder, tmp_path):
    short = dataclasses.replace(config, labels=str(acted))
    trained = policy.run(short, out=tmp_path / "policy")
    assert load_checkpoint(trained, "policy").stage["num_choices"] == [2, 1]
    with pytest.raises(LapaError, match="true actions, not latent ones"):
        load_policy(trained, folder / "laq")
    last = dataclasses.replace(LOOP, num_steps=2)
    how = {"policy": str(trained), "laq": str(folder / "laq"), "data": str(folder / "data"), "num_validation": 6}
    robot = finetune.run(finetune.FinetuneConfig(**how, num_episodes=4, loop=last), out=tmp_path / "robot")
    frame = open_source(folder / "data").frames(0, [0])[0]
    assert isinstance(load_robot(robot, folder / "laq"), Actor)
    assert load_robot(robot, folder / "laq").act(frame, WORDS[0]).shape == (2,)


def test_videos_have_no_true_actions(folder, tmp_path):
    write_video(tmp_path / "videos" / "a.mp4", np.zeros((9, 64, 64, 3), np.uint8), 10)
    write_video(tmp_path / "videos" / "b.mp4", np.zeros((9, 64, 64, 3), np.uint8), 10)
    config = label.LabelConfig(
        data=str(tmp_path / "videos"), laq=str(folder / "laq"), num_validation=1, labeler="actions"
    )
    with pytest.raises(LapaError, match="no recorded actions"):
        label.run(config, out=tmp_path / "labels")


def test_a_finished_folder_is_returned_as_is(labels, trained, longer):
    for run, path, wanted in ((label.run, labels, label.load_labels(labels).config), (policy.run, trained, longer)):
        before = [p.stat().st_mtime_ns for p in sorted(path.iterdir())]
        assert run(wanted, out=path) == path
        assert [p.stat().st_mtime_ns for p in sorted(path.iterdir())] == before


def test_other_options_on_a_finished_folder_are_named_and_refused(labels, trained, longer):
    """Each stage says what differs, by its name."""
    stages = (
        (label, labels, dataclasses.replace(label.load_labels(labels).config, stride=2), "stride 1 instead of 2"),
        (policy, trained, dataclasses.replace(longer, change_weight=1.0), "change_weight 20.0 instead of 1.0"),
        (finetune, trained, finetune.FinetuneConfig(), "kind 'policy'"),
    )
    for stage, out, other, said in stages:
        with pytest.raises(OtherOptions, match=said):
            stage.run(other, out=out)


def test_labels_are_made_again_where_that_is_asked_for(labels, tmp_path):
    out, made = tmp_path / "labels", label.load_labels(labels)
    shutil.copytree(labels, out)
    label.run(dataclasses.replace(made.config, stride=2), out=out, overwrite=True)
    assert 0 < len(label.load_labels(out)) < len(made)


def test_a_policy_learns_to_follow_the_instruction(trained, folder):
    report = json.loads((trained / "report.json").read_text())
    assert report["nll_right"] < 0.7 * report["nll_marginal"]
    assert report["nll_gap"] > 0.15
    assert not (trained / "resume.safetensors").exists()
    assert (trained / "samples" / "000200.png").is_file()
    facts = evaluate_policy(
        load_policy(trained, folder / "laq"), load_laq(folder / "laq"), open_source(folder / "fresh"), num_pairs=60
    )
    assert facts["num_pairs"] == 60 and facts["num_episodes"] == 12
    assert facts["nll_gap"] == pytest.approx(facts["nll_swapped"] - facts["nll_right"], abs=1e-6)
    assert 0.05 < facts["nll_gap_low"] < facts["nll_gap"] < facts["nll_gap_high"]
    assert 0 < facts["accuracy"] <= 1


def test_a_killed_run_goes_on_bit_for_bit(config, folder, tmp_path, monkeypatch):
    whole = load_policy(policy.run(config, out=tmp_path / "whole"), folder / "laq")
    dies_once(monkeypatch, policy.PolicyStage, step=6)
    with pytest.raises(_KilledError):
        policy.run(config, out=tmp_path / "killed")
    monkeypatch.undo()
    killed = load_policy(policy.run(config, out=tmp_path / "killed"), folder / "laq")
    assert same_weights(whole, killed)
    logs = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "killed")]
    assert logs[0] == logs[1]


def test_the_best_weights_survive_a_stop(config, folder, tmp_path, monkeypatch):
    """Spoilt after its first evaluation, a policy ends as it was then, even if the run is stopped in between."""
    spoilt_after_the_first_evaluation(monkeypatch)
    whole = policy.run(config, out=tmp_path / "whole")
    first, last = (row["eval_nll_right"] for row in rows(whole) if "eval_nll_right" in row)
    assert first < last, "the best weights are not the last"
    spoilt_after_the_first_evaluation(monkeypatch, dies=6)
    with pytest.raises(_KilledError):
        policy.run(config, out=tmp_path / "killed")
    spoilt_after_the_first_evaluation(monkeypatch)
    killed = policy.run(config, out=tmp_path / "killed")
    assert json.loads((killed / "report.json").read_text())["nll_right"] == pytest.approx(first, rel=1e-4)
    assert same_weights(*(load_policy(path, folder / "laq") for path in (whole, killed)))


def test_a_robot_learns_its_actions_and_resumes_bit_for_bit(trained, folder, tmp_path, monkeypatch):
    config = finetune.FinetuneConfig(
        policy=str(trained),
        laq=str(folder / "laq"),
        data=str(folder / "data"),
        num_episodes=20,
        num_validation=6,
        num_bins=4,
        loop=dataclasses.replace(LOOP, num_steps=60, batch_size=32, lr=2e-3, eval_every=60, save_every=20),
    )
    out = finetune.run(config, out=tmp_path / "robot")
    report = json.loads((out / "report.json").read_text())
    assert report["num_episodes"] == 20 and report["num_bins"] == [2, 1]
    assert report["action_error"] < 0.5 * report["action_error_constant"]
    robot, source = load_robot(out, folder / "laq"), open_source(folder / "fresh")
    start = source.frames(0, [0])[0]
    assert robot.act(start, WORDS[0]).tolist() == [-3.0, 0.0]
    assert robot.act(start, WORDS[1]).tolist() == [3.0, 0.0]
    dies_once(monkeypatch, finetune.FinetuneStage, step=33)
    with pytest.raises(_KilledError):
        finetune.run(config, out=tmp_path / "killed")
    monkeypatch.undo()
    killed = finetune.run(config, out=tmp_path / "killed")
    assert same_weights(robot, load_robot(killed, folder / "laq"))


def test_augmentation_moves_and_lights_but_never_mirrors():
    ramp = torch.linspace(0.2, 0.8, 64).expand(8, 3, 64, 64)
    changed = finetune.augment(ramp, np.random.default_rng(0))
    assert changed.shape == ramp.shape and not torch.allclose(changed, ramp, atol=0.02)
    assert (changed[..., 8:-8].diff(dim=-1) > 0).all()


def test_what_does_not_go_together_is_refused(labels, config, folder, trained, tmp_path):
    other = save_laq(tmp_path / "other", seed=3)
    with pytest.raises(LapaError, match="another quantizer"):
        policy.run(dataclasses.replace(config, laq=str(other)), out=tmp_path / "a")
    with pytest.raises(LapaError, match="kind 'laq'"):
        policy.run(dataclasses.replace(config, labels=str(other)), out=tmp_path / "b")
    silent = tmp_path / "silent"
    silent.mkdir()
    for name in ("a", "b", "c"):
        write_video(silent / f"{name}.mp4", np.random.default_rng(0).integers(0, 255, (8, 64, 64, 3), np.uint8), 10)
    made = label.run(
        label.LabelConfig(data=str(silent), laq=str(folder / "laq"), num_validation=1), out=tmp_path / "labels"
    )
    with pytest.raises(LapaError, match="instructions"):
        policy.run(dataclasses.replace(config, labels=str(made)), out=tmp_path / "c")
    with pytest.raises(LapaError, match="instructions"):
        finetune.run(
            finetune.FinetuneConfig(policy=str(trained), laq=str(folder / "laq"), data=str(silent), num_validation=1),
            out=tmp_path / "d",
        )


def spoilt_after_the_first_evaluation(monkeypatch, *, dies=-1):
    """Let a policy's choices be turned round in step 5, and its run end hard in the step `dies`."""

    def maintain(self, now, **kwargs):
        if now == dies:
            raise _KilledError
        if now == 5:
            self.model.head.mlp[-1].weight.data.mul_(-50.0)

    monkeypatch.setattr(policy.PolicyStage, "maintain", maintain)


def rows(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


class _KilledError(Exception):
    pass


def dies_once(monkeypatch, stage, *, step):
    """Let a run of `stage` end hard in this step, between two saves."""

    def maintain(self, now, **kwargs):
        if now == step:
            raise _KilledError

    monkeypatch.setattr(stage, "maintain", maintain)


def same_weights(first, second):
    ours, theirs = first._net.state_dict(), second._net.state_dict()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)
