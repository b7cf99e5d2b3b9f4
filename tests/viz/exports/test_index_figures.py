"""`export map|codebook|curves|benchmark`: the provenance's command gives the same bytes; CSV matches what is drawn."""

import csv
import json
import shlex

import pytest

from lapa.cli import main
from viz.figures.curves import drawn, panels, read_rows
from viz.figures.export import export_curves

METRICS = "".join(json.dumps({"step": s, "loss": 1 / s, "eval_psnr": 20.0 + s}) + "\n" for s in range(1, 30))


@pytest.mark.parametrize(
    "args", [["map", "--coords", "pca"], ["codebook", "--width", "column"], ["follow", "--token", "whole"], ["curves"]]
)
def test_the_command_run_again_gives_the_same_bytes(args, bundles, tmp_path, monkeypatch):
    monkeypatch.setenv("LAPA_CHECKPOINTS", str(bundles))
    (bundles / "tabletop" / "laq" / "metrics.jsonl").write_text(METRICS)
    assert main(["export", *args, "--out", str(tmp_path / "fig")]) == 0
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(first) == 5
    command = shlex.split(json.loads(first["fig.json"])["command"])
    for path in list(tmp_path.iterdir()):
        path.unlink()
    assert main(command[3:]) == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_the_curves_table_holds_what_is_drawn(tmp_path):
    rows = read_rows(METRICS)
    export_curves(rows, tmp_path / "c.svg")
    with open(tmp_path / "c.csv", newline="") as file:
        table = list(csv.DictReader(file))
    shown = [float(row["drawn"]) for row in table if (row["quantity"], row["side"]) == ("loss", "training")]
    assert shown == pytest.approx([value for _, value in drawn(panels(rows)["loss"], "training")])
    assert {row["side"] for row in table if row["quantity"] == "psnr"} == {"held-out"}


def test_what_is_no_benchmark_is_one_sentence(tmp_path, capsys):
    (tmp_path / "a.json").write_text("[]")
    assert main(["export", "benchmark", "--report", str(tmp_path / "a.json"), "--out", str(tmp_path / "b.pdf")]) == 1
    assert "is no benchmark" in capsys.readouterr().err
