"""The ablation's figure: every row at its place, every number where it belongs, and the same figure each time."""

import csv
import json

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from viz.figures.export import export_ablation
from viz.figures.paper_ablation import GAP, PANELS, ablation_table, draw_ablation


def row(axis: str, label: str, gain: float, *, is_base: bool = False, tokens: bool = True) -> dict:
    values = {"psnr_gain_db": gain, "controllability_shuffled_db": gain - 1, "probe_r2_continuous": 0.9}
    values |= {"controllability_db": gain - 2, "probe_r2_tokens": 0.7} if tokens else {}
    ends = {"low": -0.1, "high": 0.1}
    values |= {f"{key}_{end}": value + shift for key, value in values.items() for end, shift in ends.items()}
    return {"axis": axis, "label": label, "is_base": is_base, **values}


ROWS = [
    row("quantizer", "residual", 4.0, is_base=True),
    row("quantizer", "continuous", 6.0, tokens=False),
    row("head", "warp", 4.0, is_base=True),
    row("head", "linear", 3.0),
]


def dots(ax) -> list[np.ndarray]:
    """The places of the dots of each measure of a panel."""
    return [np.asarray(collection.get_offsets()) for collection in ax.collections]


def test_every_number_stands_in_its_row():
    gain, control, probe = draw_ablation(ROWS).axes
    heights = [0.0, 1.0, 2.0 + GAP, 3.0 + GAP]
    np.testing.assert_allclose(dots(gain)[0], list(zip([4.0, 6.0, 4.0, 3.0], heights)))
    over_random, over_others = dots(control)
    np.testing.assert_allclose(over_random, list(zip([2.0, 2.0, 1.0], [heights[0], *heights[2:]])))
    np.testing.assert_allclose(over_others[:, 1], heights)
    assert len(dots(probe)[0]) == 3, "what has no tokens has no dot for them"
    assert [tick.get_text() for tick in gain.get_yticklabels()] == [r["label"] for r in ROWS]
    assert gain.get_ylim()[0] > gain.get_ylim()[1], "the first row is at the top"


def test_intervals_and_the_base_are_drawn():
    figure = draw_ablation(ROWS)
    gain = figure.axes[0]
    base, *intervals = gain.lines
    assert list(base.get_xdata()) == [4.0, 4.0] and base.get_linestyle() == "--"
    np.testing.assert_allclose([line.get_xdata() for line in intervals], [[g - 0.1, g + 0.1] for g in (4, 6, 4, 3)])
    assert {text.get_text() for text in gain.texts} == {"quantizer", "head"}


def test_hollow_dots_are_the_second_measure():
    control = draw_ablation(ROWS).axes[1]
    filled, hollow = control.collections
    assert hollow.get_facecolor()[0].tolist() == list(to_rgba("white"))
    assert filled.get_facecolor()[0].tolist() == list(to_rgba(PANELS["controllability (dB)"][0].color))
    assert [text.get_text() for text in control.get_legend().get_texts()] == [
        "over random tokens",
        "over another clip's",
    ]


def test_the_plotted_numbers_lie_beside_the_figure(tmp_path):
    files = export_ablation(ROWS, {"data": "squares", "num_steps": 10}, tmp_path / "figure")
    assert {path.suffix for path in files} == {".pdf", ".svg", ".png", ".csv", ".json"}
    written = list(csv.reader((tmp_path / "figure.csv").open()))
    assert written == [[str(x) for x in line] for line in ablation_table(ROWS)]
    assert ["quantizer", "residual", "psnr_gain_db", "4", "3.9", "4.1"] in written
    assert not [line for line in written if line[1] == "continuous" and "tokens" in line[2]]
    assert json.loads((tmp_path / "figure.json").read_text())["num_steps"] == 10


def test_the_same_rows_make_the_same_file(tmp_path):
    for name in ("one", "two"):
        export_ablation(ROWS, {}, tmp_path / f"{name}.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


@pytest.mark.parametrize("count", [1, 24])
def test_the_figure_grows_with_its_rows(count):
    height = draw_ablation([row("seed", f"seed {i}", 4.0) for i in range(count)]).get_size_inches()[1]
    assert height == pytest.approx(0.5 + 0.125 * (count + 1))
