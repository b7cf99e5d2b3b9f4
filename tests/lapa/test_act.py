"""`act`: one instruction, one film, one verdict."""

import json

from lapa.cli import main
from lapa.data.video import open_video

QUICK = ["--actor", "expert", "--image-size", "32"]


def act(capsys, out, instruction, *more):
    assert main(["act", "--instruction", instruction, "--out", str(out), "--json", *QUICK, *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_task_is_done_and_filmed(tmp_path, capsys):
    facts = act(capsys, tmp_path / "film.mp4", "push the red star to the left")
    assert facts["success"] is True and facts["partial"] == 1
    assert open_video(tmp_path / "film.mp4").num_frames == facts["steps"] + 1 > 5


def test_a_task_that_is_not_done_is_said_to_be_not_done(tmp_path, capsys):
    argv = [
        "act",
        "--instruction",
        "push the red star to the left",
        "--out",
        str(tmp_path / "x.gif"),
        "--max-steps",
        "2",
    ]
    assert main([*argv, *QUICK]) == 0
    assert "not done in 2 steps" in capsys.readouterr().out


def test_words_that_name_no_task_are_tried_and_not_judged(tmp_path, capsys):
    facts = act(capsys, tmp_path / "x.gif", "dance for me", "--actor", "random", "--max-steps", "3")
    assert facts["success"] is None and facts["partial"] is None and facts["steps"] == 3
    assert open_video(tmp_path / "x.gif").num_frames == 4


def test_mistakes_are_one_line(tmp_path, capsys):
    for argv, code, hint in (
        (["--instruction", "go", "--out", "x.txt"], 2, "not a video"),
        (["--instruction", " ", "--out", "x.mp4"], 2, "instruction is empty"),
        (["--instruction", "go", "--out", "x.mp4", "--env", "moon"], 2, "no environment 'moon'"),
        (["--instruction", "go", "--out", "x.mp4", "--embodiment", "octopus"], 2, "octopus"),
        (["--instruction", "go", "--out", "x.mp4", "--bundle", "moon"], 1, "no bundle 'moon'"),
        (["--instruction", "go", "--out", "x.mp4", *QUICK], 1, "does not know the task"),
    ):
        assert main(["act", *argv]) == code
        assert hint in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
