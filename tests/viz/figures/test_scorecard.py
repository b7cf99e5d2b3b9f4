"""The scorecard's figure, on screen and in print."""

import csv
import json

import plotly.graph_objects as go
import pytest

from lapa.types import LapaError
from viz.figures.export import export_scorecard
from viz.figures.paper_scorecard import draw_scorecard
from viz.figures.scorecard import FLOOR, drawn_value, read_scorecard, scorecard_data, scorecard_figure


def interval(key: str, value: float) -> dict:
    return {key: value, f"{key}_low": value - 0.1, f"{key}_high": value + 0.1}


def make_facts(num_positions: int = 4, *, motion: str = "displacement") -> dict:
    """A scorecard as `eval laq` writes it, with a code that was never seen and a baseline far below zero."""
    ahead = "up" if motion == "flow" else "forward"
    codes = [
        {"position": p, "code": k, "count": 10 + k, "word": "right", "right": 0.1 - 0.05 * k, ahead: 0.02 * k,
         "length": 0.1, "concentration": 0.2 * k}
        for p in range(num_positions) for k in range(3)
    ]  # fmt: skip
    codes.append({"position": 0, "code": 3, "count": 0})
    probes = [
        {"target": target, "features": name, "dimension": 32, **interval("r2", value)}
        for target in ("displacement", "flow")
        for name, value in (("tokens", 0.6), ("continuous", 0.8), ("pca", -3.0))
        if target == motion or target == "flow"
    ]
    gains = interval("psnr_gain_db", 5.0) | interval("leak_db", 0.3) | interval("controllability_db", 4.0)
    return {
        **gains,
        **interval("cycle_cosine", 0.7),
        "cycle_cosine_embodiment": None,
        "probes": probes,
        "codes": codes,
        "motion": motion,
        "code_seq_len": num_positions,
        "codebook_size": 4,
        "shared_information": [[1.0 if i == j else 0.4 for i in range(num_positions)] for j in range(num_positions)],
        "laq": "c0ffee",
        "data": "fresh",
    }


@pytest.mark.parametrize("motion", ["displacement", "flow"])
def test_the_figure_shows_what_was_measured(motion):
    data = scorecard_data(make_facts(motion=motion))
    assert [bar.label for bar in data.gains] == ["over copying", "over random tokens", "leak (0 is best)"]
    assert [bar.label for bar in data.elsewhere] == ["drawn in another clip"]
    assert set(data.probes) == {motion, "flow"}
    assert len(data.arrows) == 12 and data.axes == ("right", "up" if motion == "flow" else "forward")
    assert data.length == pytest.approx(0.1)


@pytest.mark.parametrize("num_positions", [1, 4, 6])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_one_plotly_accepts_with_a_compass_per_token(num_positions, theme):
    figure = scorecard_figure(make_facts(num_positions), theme=theme)
    go.Figure(data=figure["data"], layout=figure["layout"])
    assert sum(note["text"].startswith("token ") for note in figure["layout"]["annotations"]) == num_positions
    json.dumps(figure, allow_nan=False)
    for name, axis in figure["layout"].items():
        if name.startswith(("xaxis", "yaxis")):
            low, high = axis["domain"]
            assert 0 <= low < high <= 1


def test_a_baseline_far_below_zero_does_not_squeeze_the_rest():
    assert drawn_value(-3.0) == FLOOR and drawn_value(0.4) == 0.4
    probe = next(line for line in scorecard_figure(make_facts())["data"] if line.get("name") == "displacement")
    assert min(probe["x"]) == FLOOR and probe["marker"]["symbol"][2] == "triangle-left"
    assert probe["customdata"][2][1] == -3.0  # hovering says the true value
    assert all(length >= 0 for key in ("array", "arrayminus") for length in probe["error_x"][key])


@pytest.mark.parametrize("num_positions", [1, 4, 6])
def test_print_has_the_same_panels(num_positions):
    figure = draw_scorecard(make_facts(num_positions))
    labels = [ax.get_xlabel() for part in figure.subfigs for ax in part.axes]
    assert [label for label in labels if label.startswith("token ")] == [f"token {i}" for i in range(num_positions)]
    assert "said by two tokens" in labels and "R2 of a linear probe" in labels


def test_export_writes_the_plotted_numbers_and_the_same_bytes_twice(tmp_path):
    for folder in ("a", "b"):
        export_scorecard(make_facts(), tmp_path / folder / "card", formats=("pdf", "svg"))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name
    with open(tmp_path / "a" / "card.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {"panel": "gain_db", "of": "leak (0 is best)", "value": "0.3", "low": "0.2", "high": "0.4"} in rows
    assert sum(row["panel"] == "concentration" for row in rows) == 12
    assert json.loads((tmp_path / "a" / "card.json").read_text())["laq"] == "c0ffee"


def test_what_is_no_scorecard_is_one_sentence(tmp_path):
    with pytest.raises(LapaError, match="not the numbers of a quantizer"):
        scorecard_data({"psnr": 3.0})
    with pytest.raises(LapaError, match="is no scorecard"):
        read_scorecard(tmp_path / "nothing.json")
    (tmp_path / "a.json").write_text(json.dumps(make_facts()))
    assert read_scorecard(tmp_path / "a.json")["data"] == "fresh"
