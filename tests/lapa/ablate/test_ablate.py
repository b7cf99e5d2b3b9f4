"""`ablate laq`: which cells there are; two tiny ones trained, judged, laid out, drawn, and taken up again."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from lapa.ablate import run
from lapa.ablate.grid import AXES, cells
from lapa.ablate.tables import lay_out
from lapa.cli import main
from lapa.data.lerobot_writer import DatasetSpec, Episode, join_shards, write_shard
from lapa.models.load import load_laq
from lapa.train.laq import TrainLAQConfig
from lapa.types import LapaError

ARGS = ["--steps", "10", "--batch-size", "4", "--num-pairs", "24", "--num-train", "3"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Eight episodes of a square that wanders, its position recorded as the state; three are held out."""
    root = tmp_path_factory.mktemp("squares")

    def episode(number: int) -> Episode:
        rng = np.random.default_rng(number)
        steps = rng.integers(-1, 2, size=(16, 2)) * 6
        states = np.clip(np.cumsum(steps, axis=0) + 24, 0, 48).astype(np.float32)
        frames = np.full((16, 64, 64, 3), 60, np.uint8)
        for frame, (x, y) in zip(frames, states.astype(int)):
            frame[y : y + 16, x : x + 16] = (230, 180, 40)
        return Episode(frames=frames, states=states, actions=steps.astype(np.float32), instruction="go")

    write_shard(root / "parts", "a", [episode(number) for number in range(8)], fps=10)
    names = {"state_names": ("x", "y"), "action_names": ("dx", "dy")}
    spec = DatasetSpec(fps=10, robot_type="square", image_size=64, num_validation=3, **names)
    join_shards(root / "data", root / "parts", ["a"], spec)
    return root / "data"


@pytest.fixture(scope="module")
def ablate(data, tmp_path_factory):
    """Run the verb into a folder; return its exit code."""
    cache = tmp_path_factory.mktemp("cache")

    def run(out: Path, *args: str) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LAPA_CACHE", str(cache))
            return main(["ablate", "laq", "--data", str(data), "--out", str(out), *ARGS, *args])

    return run


@pytest.fixture(scope="module")
def done(ablate, tmp_path_factory) -> Path:
    """A finished grid of two cells."""
    out = tmp_path_factory.mktemp("done")
    assert ablate(out, "--grid", "conditioning") == 0
    return out


def test_two_cells_are_trained_judged_laid_out_and_drawn(done):
    assert {f"figure.{kind}" for kind in ("pdf", "svg", "png", "csv", "json")} <= {path.name for path in done.iterdir()}
    first, second = json.loads((done / "ablation.json").read_text())["rows"]
    assert (first["label"], first["folder"], first["is_base"]) == ("cross-attention", "base", True)
    assert (second["label"], second["folder"], second["is_base"]) == ("additive", "conditioning-additive", False)
    for row in (first, second):
        scores = json.loads((done / row["folder"] / "scores.json").read_text())
        assert scores["num_episodes"] == 3, "only what was held out is judged"
        for key in ("psnr_gain_db", "controllability_db", "perplexity", "probe_r2_tokens", "probe_r2_continuous"):
            assert row[key] == scores[key] is not None
            assert row[f"{key}_low"] <= row[key] + 1e-6
    assert load_laq(done / second["folder"]).config.conditioning == "additive"
    assert "| additive " in (done / "ablation.md").read_text()
    assert "additive & " in (done / "ablation.tex").read_text()
    plotted = list(csv.DictReader((done / "figure.csv").open()))
    gains = {row["setting"]: float(row["value"]) for row in plotted if row["measure"] == "psnr_gain_db"}
    assert gains == {row["label"]: pytest.approx(row["psnr_gain_db"], rel=1e-5) for row in (first, second)}


def test_a_stopped_grid_goes_on_and_a_finished_cell_is_left_alone(ablate, done, tmp_path, monkeypatch):
    out = shutil.copytree(done, tmp_path / "out")
    for name in ("config.json", "model.safetensors", "scores.json"):  # as if stopped while training the second
        (out / "conditioning-additive" / name).unlink()
    before, judged, judge = (out / "base" / "model.safetensors").stat().st_mtime_ns, [], run.evaluate_laq
    monkeypatch.setattr(run, "evaluate_laq", lambda laq, *a, **kw: judged.append(laq) or judge(laq, *a, **kw))
    assert ablate(out, "--grid", "conditioning") == 0
    assert (out / "base" / "model.safetensors").stat().st_mtime_ns == before
    assert [laq.config.conditioning for laq in judged] == ["additive"]
    again, first = (json.loads((folder / "ablation.json").read_text())["rows"] for folder in (out, done))
    assert again == first, "trained again, it is the same"


def test_other_settings_need_another_folder(ablate, done, capsys):
    assert ablate(done, "--grid", "head", "--steps", "11") == 2
    said = capsys.readouterr().err
    assert "loop.num_steps 10 instead of 11" in said and "--overwrite" in said


def test_the_continuous_bound_is_judged_on_the_same_pairs(ablate, done, tmp_path, monkeypatch):
    monkeypatch.setitem(AXES, "quantizer", {"bound": {"model.quantizer": "none"}})
    assert ablate(tmp_path, "--grid", "quantizer") == 0
    folders = (done / "base", tmp_path / "quantizer-bound")
    ours, bound = (json.loads((folder / "scores.json").read_text()) for folder in folders)
    assert bound["psnr_copy"] == pytest.approx(ours["psnr_copy"])
    assert bound["num_pairs"] == ours["num_pairs"]
    assert bound["controllability_db"] is bound["probe_r2_tokens"] is bound["perplexity"] is None
    assert bound["probe_r2_continuous"] is not None and bound["controllability_shuffled_db"] is not None


def test_what_has_no_tokens_is_shown_by_what_it_has():
    row = {"axis": "quantizer", "label": "continuous", "is_base": False, "psnr_gain_db": 5.0, "perplexity": None}
    row |= {"controllability_db": None, "controllability_shuffled_db": 4.0, "redundancy": None}
    row |= {"probe_r2_tokens": None, "probe_r2_continuous": 0.9}
    (table,) = lay_out([row])
    assert table.rows == (("continuous", "5.00", "-", "4.00", "-", "-", "-", "0.90"),)


def test_each_axis_holds_the_base_and_every_cell_a_folder_of_its_own():
    base = TrainLAQConfig()
    grid = cells(base, list(AXES))
    for axis in AXES:
        assert [cell.folder for cell in grid if cell.axis == axis].count("base") == 1, axis
    folders = {cell.folder: cell.config for cell in grid}
    assert all(folders[cell.folder] == cell.config for cell in grid)
    assert len({str(config) for config in folders.values()}) == len(folders)


def test_features_are_set_beside_pixels_only_where_there_are_any():
    pixels, features = cells(TrainLAQConfig(), ["input"], vision="models/dino")
    assert (pixels.folder, features.config.model.vision) == ("base", "models/dino")
    for axes in (["input"], ["colour"], [], ["head", "head"]):
        with pytest.raises(LapaError, match="grid"):
            cells(TrainLAQConfig(), axes)
