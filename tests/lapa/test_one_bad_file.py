"""One file that breaks off and one that is no video end no command: what is there is used, what is not is named."""

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from lapa.cli import main
from lapa.data.source import open_source
from lapa.train.label import load_labels
from tests.lapa.conftest import MovingSquare, save_tiny_policy

LOOP = ["--loop.num-steps", "1", "--loop.warmup-steps", "1", "--loop.batch-size", "2"]
INSTRUCTIONS = ("push left", "push right")


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("LAPA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Six videos of 12 frames with instructions; the second breaks off, the fourth is no video."""
    folder, source = tmp_path_factory.mktemp("data"), MovingSquare()
    noise = np.random.default_rng(0).integers(0, 20, (12, 32, 32, 3), np.uint8)
    for i, clip in enumerate(source):
        film(folder / f"{i}.mp4", clip.frames // 2 + noise)
    cut = (folder / "1.mp4").read_bytes()
    (folder / "1.mp4").write_bytes(cut[: len(cut) * 6 // 10])
    (folder / "3.mp4").write_text("no video")
    lines = [{"file_name": f"{i}.mp4", "instruction": INSTRUCTIONS[i % 2]} for i in range(6)]
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


def film(path: Path, frames: np.ndarray) -> None:
    with av.open(str(path), "w", container_options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=10, options={"crf": "5", "g": "4", "bf": "0"})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))


def named(capsys) -> str:
    """The last lines of a command, which name what was left out."""
    printed = capsys.readouterr().err
    last = [line for line in printed.splitlines() if line.strip()][-2:]
    assert any("1.mp4" in line for line in last) and any("3.mp4" in line for line in last), printed
    return "\n".join(last)


def test_a_quantizer_is_trained(data, tmp_path, capsys):
    args = ["train-laq", "tiny", "--data", str(data), "--window-s", "0.1", "--num-validation", "2", *LOOP]
    assert main([*args, "--out", str(tmp_path / "laq")]) == 0
    named(capsys)


def test_labels_and_the_policies_trained_on_them(data, bundle, tmp_path, capsys):
    args = ["label", "--data", str(data), "--laq", str(bundle / "laq"), "--num-validation", "2"]
    assert main([*args, "--out", str(tmp_path / "labels")]) == 0
    assert "a part of 1.mp4" in named(capsys)
    labels = load_labels(tmp_path / "labels")
    count = np.bincount(labels.clip, minlength=6)
    assert count[[0, 2, 4, 5]].tolist() == [10] * 4 and 0 < count[1] < 10 and count[3] == 0
    args = ["train-policy", "tiny", "--labels", str(tmp_path / "labels"), "--model.width", "32"]
    assert main([*args, "--out", str(tmp_path / "policy"), "--loop.precision", "no", *LOOP]) == 0
    named(capsys)


def test_an_index_of_what_there_is(data, bundle, tmp_path, capsys):
    from lapa.index import load_index

    args = ["index", "--data", str(data), "--laq", str(bundle / "laq"), "--out", str(tmp_path / "index")]
    assert main(args) == 0
    assert "a part of 1.mp4" in named(capsys)
    index = load_index(tmp_path / "index")
    rows = {name: int((index.clip == i).sum()) for i, name in enumerate(index.clip_names)}
    assert [rows[f"{i}.mp4"] for i in (0, 2, 4, 5)] == [10] * 4 and 0 < rows["1.mp4"] < 10 and "3.mp4" not in rows
    assert len(index.thumbs) == len(index.following) == len(index.magnitude) == len(index)
    for clip in np.unique(index.clip):
        mine = np.flatnonzero(index.clip == clip)
        tokens, t = index.tokens[mine], index.t[mine]
        follows = {int(t[i]): tokens[i].tolist() for i in range(len(mine))}
        right = [follows.get(int(each) + 2, [-1] * tokens.shape[1]) for each in t]
        assert index.following[mine].tolist() == right, "nothing follows where a clip ends or breaks off"


def test_a_quantizer_and_a_policy_are_measured(data, bundle, tmp_path, capsys):
    assert main(["eval", "laq", "--data", str(data), "--laq", str(bundle / "laq"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["num_episodes"] == 5 and 40 < facts["num_pairs"] < 50
    policy = save_tiny_policy(tmp_path / "policy", bundle / "laq")
    args = ["eval", "policy", "--data", str(data), "--laq", str(bundle / "laq"), "--policy", str(policy), "--json"]
    assert main(args) == 0
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-2:]
    assert json.loads(printed.out)["num_episodes"] == 5 and "1.mp4" in last[0] and "3.mp4" in last[1]


def test_clips_are_exported_as_far_as_they_go(data, tmp_path, capsys):
    out = tmp_path / "clips"
    assert main(["export", "clips", "--data", str(data), "--num", "6", "--out", str(out)]) == 0
    named(capsys)
    records = open_source(out).records
    assert len(records) == 5 == len((out / "metadata.jsonl").read_text().splitlines())
    assert sorted(record.num_frames for record in records)[1:] == [12] * 4
    assert 0 < min(record.num_frames for record in records) < 12
    assert [record.instruction for record in records] == [INSTRUCTIONS[i % 2] for i in (0, 1, 2, 4, 5)]


def test_dreams_are_judged_on_what_there_is(data, bundle, capsys):
    args = ["eval", "world", "--data", str(data), "--laq", str(bundle / "laq"), "--steps", "2", "--json"]
    assert main(args) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["num_episodes"] == 5 and facts["num_dreams"] == 4 * 4 + 1 and "1.mp4" in printed.err


def test_where_nothing_can_be_read_the_reason_is_the_error(data, bundle, tmp_path, capsys):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(data / "3.mp4", alone)
    assert main(["index", "--data", str(alone), "--laq", str(bundle / "laq"), "--out", str(tmp_path / "index")]) == 1
    assert "3.mp4" in capsys.readouterr().err.splitlines()[-2]
