"""A set of transitions as a question, its table and its CSV: what a browser sends is checked, what it gets is right."""

import base64
import csv
import io
import json
from dataclasses import asdict, replace
from threading import RLock
from types import SimpleNamespace

import numpy as np
import pytest

from lapa.explorer import Explorer
from lapa.types import LapaError, LatentIndex
from tests.viz.conftest import make_index
from viz.figures.find import rows_matching
from viz.tabs.map_plot import MAX_RINGS, MIN_TRUSTED, facts_html, figure_server, found_text
from viz.tabs.map_query import Query, read_lasso, read_query, rows_of
from viz.tabs.map_table import ROWS, change_table, columns, csv_server, ordered, table_html
from viz.tabs.page import Page

BOX = {"x": [-1, 5, 5, -1], "y": [-1, -1, 20, 20]}  # the first and the third cluster
LASSO = {**BOX, "coords": "umap", "level": "transition", "colour": "token 0", "hidden": []}


def explorer_of(index: LatentIndex) -> Explorer:
    """An Explorer over an index in memory, without models: a set asks for nothing else."""
    explorer = object.__new__(Explorer)
    explorer._index, explorer._lock = index, RLock()
    return explorer


def page_of(index: LatentIndex) -> Page:
    page = object.__new__(Page)
    page.bench = SimpleNamespace(explorer=lambda bundle: explorer_of(index))
    return page


@pytest.fixture
def told(index) -> LatentIndex:
    return replace(index, clip_facts={"success": ("yes", "no", "")}, trustworthiness={"umap": 0.912, "pca": 0.75})


@pytest.mark.parametrize("level", ["transition", "sequence"])
def test_a_lasso_holds_what_lies_in_it_whatever_is_drawn(index, level):
    rows = rows_of(explorer_of(index), read_lasso({**LASSO, "level": level}))
    assert rows.tolist() == [*range(40), *range(70, 90)]


def test_a_lasso_round_a_code_holds_all_that_say_it(index):
    middle = index.umap[index.tokens[:, 0] == 4].mean(axis=0).tolist()
    around = {"x": [middle[0] + d for d in (-1, 1, 1, -1)], "y": [middle[1] + d for d in (-1, -1, 1, 1)]}
    rows = rows_of(explorer_of(index), read_lasso({**LASSO, **around, "level": "code"}))
    assert rows.tolist() == rows_matching(index, "4").tolist()


def test_what_the_legend_hides_a_lasso_leaves(index):
    num = len(index.clip_names)
    mixed = replace(
        index,
        clip=(np.arange(len(index)) % num).astype(index.clip.dtype),
        clip_splits=tuple(("train", "validation")[i % 2] for i in range(num)),
    )
    shown = rows_of(explorer_of(mixed), read_lasso({**LASSO, "colour": "split"}))
    split = np.array(mixed.clip_splits)[mixed.clip[shown]]
    assert set(split) == {"train", "validation"}
    for hidden, left in (([0], "validation"), ([1], "train")):
        rows = rows_of(explorer_of(mixed), read_lasso({**LASSO, "colour": "split", "hidden": hidden}))
        assert rows.tolist() == shown[split == left].tolist()


@pytest.mark.parametrize(
    "bad",
    [{}, {"x": [0, 1], "y": [0, 1]}, {**BOX, "x": ["a"] * 4}, {**BOX, "x": [0.0, 1.0, float("nan"), 2.0]},
     {"x": [0.0] * 9999, "y": [0.0] * 9999}, {**LASSO, "level": "token"}, {**LASSO, "colour": "x"}],
)  # fmt: skip
def test_a_lasso_that_is_none_is_one_sentence(index, bad):
    with pytest.raises(LapaError):
        rows_of(explorer_of(index), read_lasso(bad))


def test_a_question_survives_the_page(index):
    for query in (read_lasso(LASSO), Query(by="find", text="0-*"), Query(by="near", row=3), Query()):
        again = read_query(json.loads(json.dumps(asdict(query))))
        assert again == query
    with pytest.raises(LapaError, match="search or draw"):
        read_query({"by": "drop table"})


@pytest.mark.parametrize("is_descending", [False, True])
def test_every_column_sorts_the_whole_set_with_the_unknown_last(told, is_descending):
    rows = rows_matching(told, "*")
    for column in columns(told):
        sorted_rows = ordered(told, rows, Query(sort=column.name, is_descending=is_descending))
        keys = column.keys(sorted_rows).astype(float)
        known = keys[~np.isnan(keys)] * (-1 if is_descending else 1)
        assert (np.diff(known) >= 0).all() and np.isnan(keys[len(known) :]).all(), column.name
    by_clip = next(column for column in columns(told) if column.name == "clip")
    texts = by_clip.texts(ordered(told, rows, Query(sort="clip")))
    assert texts == sorted(texts)


def test_pages_hold_every_row_once(told):
    seen, rows = [], rows_matching(told, "*")
    for number in range(-(-len(rows) // ROWS)):
        shown = table_html(page_of(told), "b", Query(page=number), rows, picked=5)
        seen += [int(part.split('"')[0]) for part in shown.split('data-row="')[1:]]
        assert f"page {number + 1} of 9" in shown
    assert seen == list(range(100))
    assert "page 9 of 9" in table_html(page_of(told), "b", Query(page=10**9), rows, None)


def test_headings_sort_and_turn_round():
    query = change_table(Query(page=3), {"column": "change"})
    assert (query.sort, query.is_descending, query.page) == ("change", False, 0)
    assert change_table(query, {"column": "change"}).is_descending
    assert change_table(query, {"page": "7"}).page == 7
    with pytest.raises(LapaError, match="whole number"):
        change_table(query, {"page": "x"})
    with pytest.raises(LapaError, match="no column"):
        ordered(make_index(), np.arange(3), Query(sort="price"))


def test_what_people_wrote_is_escaped_in_the_table(told):
    shown = table_html(page_of(told), "b", Query(by="find", text="<img>"), np.arange(40, 70), None)
    assert "<script>" not in shown and "<img>" not in shown and "&lt;script&gt;" in shown
    assert 'aria-sort="ascending"' in shown and "<caption>" in shown


def test_the_csv_holds_the_set(told):
    lasso = read_lasso(LASSO)
    made = csv_server(page_of(told))({"bundle": "b", "query": json.dumps(asdict(lasso))})
    text = base64.b64decode(made["uri"].partition(",")[2]).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["row"]) for row in rows] == rows_of(explorer_of(told), lasso).tolist()
    assert rows[0]["tokens"] == "0-1-2-3" and float(rows[0]["umap_x"]) == pytest.approx(told.umap[0, 0], rel=1e-4)
    assert {row["success"] for row in rows} <= {"yes", "no", ""}
    assert "error" in csv_server(page_of(told))({"bundle": "b", "query": "{"})


def test_a_map_is_drawn_once_and_a_wrong_question_is_answered_in_words(told):
    server = figure_server(page_of(told))
    asked = {"bundle": "b", "coords": "pca", "level": "sequence", "colour": "success"}
    first, again = server(asked), server(asked)
    assert first["figure"] is again["figure"]
    assert {trace["name"] for trace in json.loads(first["figure"])["data"]} >= {"yes", "no"}
    assert "choose" in server({**asked, "coords": "tsne"})["error"]


def test_found_rows_travel_as_one_string_and_never_too_many():
    rows = np.arange(50_000)
    by, _, content = found_text("find", rows).partition(" ")
    sent = np.frombuffer(base64.b64decode(content), "<i4")
    assert by == "find"
    assert len(sent) == MAX_RINGS and sent[0] == 0 and sent[-1] == 49_999
    assert found_text("all", rows[:0]) == "all "


def test_the_line_under_the_map_says_what_is_known_and_what_is_not(index, told):
    assert "UMAP <b>0.91</b>, PCA <b>0.75</b>" in facts_html(told)
    assert "embodiment" in facts_html(told) and "success" not in facts_html(told)
    per_row = ("tokens", "continuous", "clip", "t", "magnitude", "displacement", "pca", "umap", "thumbs", "following")
    kept = {name: getattr(index, name) for name in per_row if getattr(index, name) is not None}
    small = replace(index, trustworthiness={}, **{name: rows[: MIN_TRUSTED - 1] for name, rows in kept.items()})
    assert f"{MIN_TRUSTED - 1} transitions are too few" in facts_html(small)
    assert "built before it was measured" in facts_html(index)
    assert "unknown" in facts_html(index) and "embodiment, success" in facts_html(index)
