import base64
import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lapa.types import LapaError
from tests.viz.conftest import CENTRES, PER_CLUSTER, make_index
from viz.figures import style
from viz.figures.latent_map import latent_map, map_figure
from viz.figures.map_data import colour_choices, latent_map_data, rows_matching


def unpack(array: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), f"<{array['dtype']}")


def dots(figure: dict) -> list[dict]:
    return [trace for trace in figure["data"] if "customdata" in trace]


@pytest.mark.parametrize("level", ["transition", "sequence"])
def test_every_choice_draws_a_figure_that_plotly_accepts(index, level):
    assert colour_choices(index) == [
        *("token 0", "token 1", "token 2", "token 3"), "magnitude", "count", "direction", "task", "split"
    ]  # fmt: skip
    for colour_by in colour_choices(index):
        figure = latent_map(index, colour_by=colour_by, level=level, highlight_rows=[3], theme="dark")
        json.dumps(figure, allow_nan=False)
        go.Figure(data=figure["data"], layout=figure["layout"])
        assert set(figure["themes"]) == {"light", "dark"}


def test_points_carry_their_row_and_lie_where_the_index_says(index):
    seen = []
    for trace in dots(latent_map(index, colour_by="token 0")):
        rows = unpack(trace["customdata"])
        assert np.allclose(unpack(trace["x"]), index.umap[rows, 0])
        assert set(index.tokens[rows, 0].tolist()) == {int(trace["name"])}
        assert trace["marker"]["color"] == style.code_color(int(trace["name"]))
        assert trace["text"] == [index.latent_action(row).label for row in rows.tolist()]
        seen += rows.tolist()
    assert sorted(seen) == list(range(len(index)))


def test_pca_shows_the_other_coordinates(index):
    data = latent_map_data(index, coords="pca")
    assert np.array_equal(data.xy, index.pca)


def test_sequences_are_merged_with_their_counts_at_their_middle(index):
    data = latent_map_data(index, level="sequence", highlight_rows=[0, 1])
    by_label = dict(zip(data.labels, zip(data.counts.tolist(), data.xy.tolist())))
    assert [by_label[label][0] for label in ("0-1-2-3", "4-5-6-7", "0-0-0-0", "7-1-7-1")] == list(PER_CLUSTER)
    assert np.allclose(by_label["7-1-7-1"][1], CENTRES[3], atol=0.15)
    assert [data.labels[ring] for ring in data.rings] == ["0-1-2-3"]
    assert all(data.labels[i] == index.latent_action(int(row)).label for i, row in enumerate(data.rows))


@pytest.mark.parametrize("level", ["transition", "sequence"])
def test_directions_go_round_and_the_unknown_stays_unknown(index, level):
    data = latent_map_data(index, colour_by="direction", level=level)
    degrees = dict(zip(data.labels, data.values))
    assert [degrees[label] for label in ("0-1-2-3", "4-5-6-7", "0-0-0-0")] == pytest.approx([0, 90, 180])
    assert np.isnan(degrees["7-1-7-1"])
    grey = next(trace for trace in map_figure(data)["data"] if trace["name"] == "unknown")
    assert grey["marker"]["color"] == style.NEUTRAL


def test_counts_are_coloured_by_their_logarithm(index):
    data = latent_map_data(index, colour_by="count")
    assert np.allclose(10**data.values, np.repeat(PER_CLUSTER, PER_CLUSTER))


def test_tasks_are_first_words_and_nothing_said_is_unknown(index):
    data = latent_map_data(index, colour_by="task")
    assert [name for name, _ in data.groups] == ["push", "<script>slide</script>"]
    assert np.isnan(data.values[index.clip == 2]).all()
    names = [trace["name"] for trace in map_figure(data)["data"]]
    assert "&lt;script&gt;slide&lt;/script&gt;" in names


def test_many_points_are_thinned_but_what_was_asked_for_is_shown():
    index = make_index((300, 300, 300, 300))
    data = latent_map_data(index, max_points=100, highlight_rows=[7, 1001])
    assert 100 <= len(data.rows) <= 102 and data.num_rows == 1200
    assert data.rows[data.rings].tolist() == [7, 1001]
    assert all(trace["type"] == "scatter" for trace in dots(map_figure(data)))


def test_from_five_thousand_points_webgl_draws():
    index = make_index((1300, 1300, 1300, 1300))
    assert {trace["type"] for trace in dots(latent_map(index))} == {"scattergl"}


def test_the_queried_point_is_ringed_where_it_belongs(index):
    figure = map_figure(replace(latent_map_data(index), query=np.array([3.0, 4.0], np.float32)))
    rings = [trace for trace in figure["data"] if trace["name"] == "this pair"]
    assert len(rings) == 2 and unpack(rings[0]["x"]).tolist() == [3.0]
    assert all(trace["hoverinfo"] == "skip" for trace in rings)


@pytest.mark.parametrize(
    "bad",
    [{"coords": "tsne"}, {"level": "token"}, {"colour_by": "token 4"}, {"colour_by": "x"}, {"highlight_rows": [100]}],
)
def test_a_choice_that_is_none_is_one_sentence(index, bad):
    with pytest.raises(LapaError, match="choose|rows 0 to 99"):
        latent_map_data(index, **bad)


def test_search_by_tokens_and_by_text(index):
    assert rows_matching(index, "0-*-2-*").tolist() == list(range(40))
    assert rows_matching(index, "7").tolist() == list(range(90, 100))
    assert len(rows_matching(index, "0")) == 60
    assert set(index.clip[rows_matching(index, "STAR")]) == {0}
    assert set(index.clip[rows_matching(index, "third")]) == {2}
    assert len(rows_matching(index, "0-0-0-0-0")) == len(rows_matching(index, "")) == 0
