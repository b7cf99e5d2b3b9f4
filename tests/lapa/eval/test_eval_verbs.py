"""`eval laq`, `eval world` and `export scorecard` as a user meets them."""

import json
import shutil

import pytest

from lapa.cli import main
from lapa.data.video_writer import write_video


@pytest.fixture(scope="module")
def videos(tmp_path_factory, source):
    folder = tmp_path_factory.mktemp("videos")
    for i in range(3):
        write_video(folder / f"{i}.mp4", source.clip(i).frames, 10.0)
    return folder


def test_eval_laq_prints_tables_and_writes_each_format(bundle, videos, tmp_path, capsys):
    out = [str(tmp_path / name) for name in ("a.json", "a.md", "a.tex")]
    assert main(["eval", "laq", "--data", str(videos), "--num-pairs", "20", "--out", *out]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Quantizer ") and "PSNR gain over copying the frame" in shown
    assert (tmp_path / "a.md").read_text() == shown
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["kind"] == "laq" and report["motion"] == "flow" and report["held_out"] is True
    assert main(["export", "scorecard", "--report", out[0], "--out", str(tmp_path / "card.svg")]) == 0
    assert (tmp_path / "card.svg").is_file() and (tmp_path / "card.csv").is_file()


def test_eval_world_prints_one_json_object(bundle, videos, capsys):
    asked = ["--steps", "3", "--num-dreams", "4", "--json"]
    assert main(["eval", "world", "--data", str(videos), *asked]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == "world" and len(facts["steps"]) == 3 and facts["num_dreams"] == 4
    assert facts["effector_ratio"] is None


def test_a_report_of_no_format_is_wrong_usage_before_anything_is_measured(bundle, videos, capsys):
    assert main(["eval", "laq", "--data", str(videos), "--out", "x.docx"]) == 2
    assert main(["eval", "world", "--data", str(videos), "--out", "x.docx"]) == 2
    err = capsys.readouterr().err
    assert err.count("is not a report") == 2 and "pair/s" not in err


def test_a_figure_of_something_else_is_one_sentence(tmp_path, capsys):
    (tmp_path / "x.json").write_text('{"psnr": 3}')
    assert main(["export", "scorecard", "--report", str(tmp_path / "x.json"), "--out", str(tmp_path / "x.svg")]) == 1
    assert "not the numbers of a quantizer" in capsys.readouterr().err


def test_data_the_quantizer_was_trained_on_is_said_not_to_be_held_out(bundle, videos, capsys, tmp_path):
    laq = shutil.copytree(bundle / "laq", tmp_path / "laq")
    config = json.loads((laq / "config.json").read_text())
    config["stage"]["data"] = str(videos)
    (laq / "config.json").write_text(json.dumps(config))
    assert main(["eval", "laq", "--laq", str(laq), "--data", str(videos), "--num-pairs", "10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["held_out"] is False
