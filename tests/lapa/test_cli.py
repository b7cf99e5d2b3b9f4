"""The command line as a user meets it: what it prints, what it writes, and its exit codes."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from lapa.cli import VERBS, main
from lapa.data.video import open_video


def test_encode_prints_what_programs_read(bundle, video, capsys):
    assert main(["encode", str(video), "--json", "--stride", "4"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["window"] == 2
    assert [action["t"] for action in printed["actions"]] == [0, 4, 8]
    assert all(len(action["tokens"]) == 4 for action in printed["actions"])


def test_encode_for_people_names_each_action(bundle, video, capsys):
    assert main(["encode", str(video), "--stride", "9"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "squares.mp4" in lines[0]
    assert [line.split()[0] for line in lines[1:]] == ["0", "9"]


def test_decode_writes_a_picture_of_the_videos_proportions(bundle, video, tmp_path):
    out = tmp_path / "new" / "x.png"
    assert main(["decode", str(video), "--t", "5", "--tokens", "3-0-7-1", "--out", str(out)]) == 0
    assert Image.open(out).size == (64, 32)


@pytest.mark.parametrize("name", ["x.mp4", "x.gif"])
def test_rollout_writes_the_start_and_each_step(name, bundle, policy, video, tmp_path, capsys):
    out = tmp_path / name
    asked = ["--instruction", "push it", "--steps", "3", "--out", str(out)]
    argv = ["rollout", str(video), "--policy", str(policy), *asked]
    assert main([*argv, "--json"]) == 0
    steps = json.loads(capsys.readouterr().out)["steps"]
    assert [len(step["tokens"]) for step in steps] == [4, 4, 4]
    written = open_video(out)
    assert (written.num_frames, written.height, written.width) == (4, 32, 64)


def test_rollout_draws_from_the_top_k(bundle, policy, video, tmp_path, capsys):
    asked = ["--instruction", "push it", "--steps", "3", "--out", str(tmp_path / "x.gif"), "--json"]

    def tokens(*how: str) -> list:
        assert main(["rollout", str(video), "--policy", str(policy), *asked, *how]) == 0
        return [step["tokens"] for step in json.loads(capsys.readouterr().out)["steps"]]

    assert tokens("--temperature", "5", "--top-k", "1") == tokens() != tokens("--temperature", "5")


def test_rollout_of_a_silent_instruction_is_wrong_usage(bundle, policy, video, capsys):
    argv = ["rollout", str(video), "--instruction", " ", "--policy", str(policy), "--out", "x.mp4"]
    assert main(argv) == 2
    assert "instruction is empty" in capsys.readouterr().err


def test_eval_prints_the_stable_keys(bundle, video, capsys):
    assert main(["eval", "laq", "--data", str(video.parent), "--num-pairs", "10", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["num_pairs"] == 10
    assert facts["probe_r2_tokens"] is None
    assert facts["psnr_gain_db"] == pytest.approx(facts["psnr"] - facts["psnr_copy"])


def test_index_writes_a_folder_that_opens(bundle, video, tmp_path, capsys):
    out = tmp_path / "index"
    assert main(["index", "--data", str(video.parent), "--out", str(out), "--num-rows", "6"]) == 0
    assert "6 transitions of 1 clips" in capsys.readouterr().out
    assert main(["encode", str(video), "--index", str(out)]) == 0


def test_an_index_is_built_again_only_where_that_is_asked_for(bundle, video, tmp_path, capsys):
    data, out = tmp_path / "videos", tmp_path / "index"
    shutil.copytree(video.parent, data)
    build = ["index", "--data", str(data), "--out", str(out)]

    def refused(*how: str) -> str:
        before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
        assert main([*build, *how]) == 2
        assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
        return capsys.readouterr().err

    assert main([*build, "--num-rows", "6"]) == 0
    made = (out / "config.json").stat().st_mtime_ns
    assert main([*build, "--num-rows", "6"]) == 0 and (out / "config.json").stat().st_mtime_ns == made
    said = refused("--num-rows", "4")
    assert "config.num_rows 6 instead of 4" in said and "--overwrite" in said
    assert main([*build, "--num-rows", "4", "--overwrite"]) == 0
    assert "4 transitions of 1 clips" in capsys.readouterr().out
    shutil.copy(video, data / "another.mp4")
    assert "clips" in refused("--num-rows", "4")
    assert main([*build, "--num-rows", "4", "--overwrite"]) == 0
    assert "4 transitions of 2 clips" in capsys.readouterr().out
    (out / "options.json").unlink()  # as before options were written down: only the quantizer is known
    assert main([*build, "--num-rows", "9"]) == 0 and "4 transitions" in capsys.readouterr().out
    facts = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps(facts | {"laq": "0" * 64}))
    assert main(build) == 1 and "another quantizer" in capsys.readouterr().err


WRONG = {
    "no such verb": (["encoed"], 2, "did you mean 'encode'"),
    "no such file": (["encode", "nothing.mp4"], 1, "nothing.mp4"),
    "no such bundle": (["encode", "VIDEO", "--bundle", "moon"], 1, "moon"),
    "window beyond the clip": (["encode", "VIDEO", "--window", "12"], 2, "frames 0 to 11"),
    "stride of nothing": (["encode", "VIDEO", "--stride", "0"], 2, "--stride 0"),
    "token out of range": (["decode", "VIDEO", "--tokens", "3-0-9-1", "--out", "x.png"], 2, "codes 0 to 7"),
    "too few tokens": (["decode", "VIDEO", "--tokens", "3-0", "--out", "x.png"], 2, "expected 4 codes"),
    "frame beyond the clip": (["decode", "VIDEO", "--t", "99", "--tokens", "3-0-7-1", "--out", "x.png"], 1, "0 to 11"),
    "not a picture": (["decode", "VIDEO", "--tokens", "3-0-7-1", "--out", "x.txt"], 2, "not a picture"),
    "not a video": (["rollout", "VIDEO", "--instruction", "go", "--out", "x.txt"], 2, "not a video"),
    "no policy": (["rollout", "VIDEO", "--instruction", "go", "--out", "x.mp4"], 1, "no policy"),
    "eval of nothing": (["eval", "dreams"], 2, "eval laq"),
    "no data": (["eval", "laq", "--data", "nowhere"], 1, "nowhere"),
    "no such preset": (["train-laq", "gigantic", "--out", "x"], 2, "gigantic"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_one_line_and_a_code(name, bundle, video, capfd):
    argv, code, hint = WRONG[name]
    assert main([str(video) if arg == "VIDEO" else arg for arg in argv]) == code
    out, err = capfd.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert hint in errors[0]
    assert "Traceback" not in err
    assert not out


def test_an_unknown_option_is_wrong_usage(bundle, video):
    assert main(["encode", str(video), "--bogus"]) == 2


def test_no_arguments_show_the_verbs_and_fail(capsys):
    assert main([]) == 2
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    assert main([*verb.split(), "--help"]) == 0
    assert "--out" in (shown := capsys.readouterr().out) or "--json" in shown


def test_ctrl_c_is_a_line_and_130(monkeypatch, bundle, video, capsys):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("lapa.explorer.Explorer.encode_clip", stop)
    assert main(["encode", str(video)]) == 130
    assert capsys.readouterr().err == "error: stopped\n"


def test_it_runs_as_a_module_and_starts_light(bundle):
    run = [sys.executable, "-X", "importtime", "-m", "lapa", "encode", "--help"]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": "."}, check=False)
    assert done.returncode == 0
    assert "--stride" in done.stdout
    assert "| torch\n" not in done.stderr.replace(" torch", "torch")
