import base64
import json
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import pytest

from lapa.types import LapaError
from tests.viz.conftest import CENTRES, PER_CLUSTER, make_index
from viz.figures import style
from viz.figures.find import rows_inside, rows_matching
from viz.figures.latent_map import latent_map, map_figure
from viz.figures.map_data import colour_choices, latent_map_data, unknown_colours


def unpack(array: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(array["bdata"]), f"<{array['dtype']}")


def dots(figure: dict) -> list[dict]:
    return [trace for trace in figure["data"] if "customdata" in trace]


@pytest.mark.parametrize("level", ["transition", "sequence", "code"])
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


def test_a_hundred_thousand_points_travel_without_words():
    index = make_index((40_000, 30_000, 20_000, 10_000))
    figure = latent_map(index)
    traces = dots(figure)
    assert sum(len(unpack(trace["customdata"])) for trace in traces) == len(index) == 100_000
    assert all("text" not in trace and "line" not in trace["marker"] for trace in traces)
    assert len(json.dumps(figure)) < 2_000_000


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


def test_codes_of_the_coloured_token_lie_at_the_mean_of_what_says_them(index):
    data = latent_map_data(index, level="code", colour_by="token 0", highlight_rows=[45])
    assert data.labels == ("0-*-*-*", "4-*-*-*", "7-*-*-*")
    assert data.counts.tolist() == [60, 30, 10]
    np.testing.assert_allclose(data.xy[0], index.umap[index.tokens[:, 0] == 0].mean(axis=0), atol=1e-4)
    assert data.rings.tolist() == [1]
    by_name = {trace["name"]: trace for trace in dots(map_figure(data))}
    assert by_name["4"]["ids"] == ["4-*-*-*"] and by_name["4"]["text"] == ["4"]
    assert by_name["4"]["marker"]["color"] == style.code_color(4)


def test_codes_of_all_tokens_are_shown_where_something_else_is_coloured(index):
    data = latent_map_data(index, level="code", colour_by="magnitude")
    assert len(data.rows) == sum(len(np.unique(lane)) for lane in index.tokens.T)
    means = [index.magnitude[rows_matching(index, label)].mean() for label in data.labels]
    np.testing.assert_allclose(data.values, means, rtol=1e-5)


def test_facts_of_clips_colour_the_map_and_what_nobody_told_is_not_offered(index):
    told = replace(index, clip_facts={"embodiment": ("arm", "hand", ""), "success": ("yes", "no", "yes")})
    assert colour_choices(told)[-3:] == ["embodiment", "success", "split"]
    assert unknown_colours(index) == ["embodiment", "success"] and unknown_colours(told) == []
    data = latent_map_data(told, colour_by="embodiment")
    assert [name for name, _ in data.groups] == ["arm", "hand"]
    assert np.isnan(data.values[told.clip == 2]).all()
    with pytest.raises(LapaError, match="choose"):
        latent_map_data(index, colour_by="embodiment")


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
    assert len(rows_matching(index, "*")) == 100


def test_search_joins_tokens_facts_and_words(index):
    told = replace(index, clip_facts={"embodiment": ("arm", "hand", "")})
    fits = (index.tokens[:, 1] == 1) & (index.clip == 0)
    assert rows_matching(told, "*-1 star").tolist() == np.flatnonzero(fits).tolist()
    assert set(told.clip[rows_matching(told, "embodiment:hand")]) == {1}
    assert set(told.clip[rows_matching(told, "split:train push")]) == {0}
    assert len(rows_matching(told, "embodiment:hand star")) == 0
    assert len(rows_matching(index, "embodiment:hand")) == 0, "what nobody told is a word like any other"


def test_a_loop_holds_what_matplotlib_says_it_holds():
    from matplotlib.path import Path

    rng = np.random.default_rng(0)
    xy = rng.normal(size=(3000, 2)).astype(np.float32)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 60))
    loop = np.stack([np.cos(angles), np.sin(angles)], axis=1) * rng.uniform(0.3, 2, (60, 1))
    inside = rows_inside(xy, loop)
    assert 300 < inside.sum() < 2700
    np.testing.assert_array_equal(inside, Path(loop).contains_points(xy))
