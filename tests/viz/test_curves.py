import json

import plotly.graph_objects as go
import pytest

from viz.figures.curves import curves_figure, panels, read_rows, smooth

ROWS = [
    {"step": 50, "lr": 1e-3, "loss": 1.0, "perplexity": 2.0},
    {"step": 100, "lr": 1e-3, "loss": float("nan"), "perplexity": 4.0},
    {"step": 100, "eval_psnr_gain_db": 2.5, "eval_perplexity": 5.0},
]


def test_a_line_cut_short_is_left_out():
    text = "\n".join(json.dumps(row) for row in ROWS) + '\n{"step": 150, "lo'
    assert [row["step"] for row in read_rows(text)] == [50, 100, 100]


def test_quantities_are_sorted_into_training_and_held_out():
    found = panels(ROWS)
    assert list(found) == ["loss", "psnr_gain_db", "perplexity"]
    assert found["loss"] == {"training": [(50, 1.0)]}
    assert found["perplexity"] == {"training": [(50, 2.0), (100, 4.0)], "held-out": [(100, 5.0)]}
    assert list(panels(ROWS, ["perplexity", "nothing"])) == ["perplexity"]


def test_smoothing_keeps_a_constant_and_quiets_a_jump():
    assert smooth([(i, 3.0) for i in range(5)]) == [(i, pytest.approx(3.0)) for i in range(5)]
    jump = smooth([(0, 0.0)] * 20 + [(1, 1.0)])
    assert 0 < jump[-1][1] < 0.2


@pytest.mark.parametrize("rows", [ROWS, []])
def test_the_figure_is_one_plotly_accepts(rows):
    figure = curves_figure(rows)
    go.Figure(data=figure["data"], layout=figure["layout"])
    assert len(figure["layout"]["annotations"]) == len(panels(rows))
    assert {line["name"] for line in figure["data"] if line["showlegend"]} == {line["name"] for line in figure["data"]}
