"""`export clips`: videos evenly over the kinds of clip, with what the data set says of them."""

import json

import numpy as np
import pytest

from lapa.cli import main
from lapa.data.source import open_source
from lapa.data.video_writer import write_video

BODIES = ("arm", "hand")


@pytest.fixture
def data(tmp_path):
    folder, lines = tmp_path / "data", []
    for i in range(7):
        write_video(folder / f"{i}.mp4", np.full((4, 32, 32, 3), 30 * i, np.uint8), 10.0)
        lines.append({"file_name": f"{i}.mp4", "embodiment": BODIES[i > 4], "site": i % 2, "instruction": f"push {i}"})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_kinds_take_turns_and_labels_are_kept(data, tmp_path):
    out = tmp_path / "clips"
    assert main(["export", "clips", "--data", str(data), "--by", "embodiment", "--num", "4", "--out", str(out)]) == 0
    source = open_source(out)
    assert [r.name for r in source.records] == [f"{body}_{i:02d}.mp4" for body in BODIES for i in range(2)]
    assert [r.instruction for r in source.records] == ["push 0", "push 1", "push 5", "push 6"]
    assert [(r.embodiment, r.site) for r in source.records] == [
        ("arm", "0"),
        ("arm", "1"),
        ("hand", "1"),
        ("hand", "0"),
    ]


def test_two_labels_make_one_kind(data, tmp_path, capsys):
    out = tmp_path / "clips"
    assert main(["export", "clips", "--data", str(data), "--by", "embodiment", "site", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.glob("hand_*.mp4")) == ["hand_0_00.mp4", "hand_1_00.mp4"]
    assert "7 clips" in capsys.readouterr().out
