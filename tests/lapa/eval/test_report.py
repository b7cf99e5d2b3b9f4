"""The scorecard as JSON, Markdown and LaTeX, of facts that were really measured."""

import json
import re

import pytest

from lapa.eval.laq import evaluate_laq
from lapa.eval.report import caption, tables, to_json, to_latex, to_markdown, write_reports
from lapa.eval.rows import LAQ_ROWS, WORLD_ROWS
from lapa.eval.world import evaluate_world
from lapa.types import LapaError
from tests.lapa.eval.conftest import WINDOW_S, Oracle, SlidingSquare

PROVENANCE = {"laq": "c0ffee" * 10, "data": "50%_{fresh}", "split": "validation", "window_s": 0.1, "held_out": True}


@pytest.fixture(scope="module")
def facts(world) -> dict:
    return {"kind": "laq", **PROVENANCE, **evaluate_laq(Oracle(), world, window_s=WINDOW_S, num_pairs=60)}


@pytest.fixture(scope="module")
def dreamt() -> dict:
    found = evaluate_world(Oracle(), SlidingSquare(has_states=False), window_s=WINDOW_S, num_steps=3, num_dreams=4)
    return {"kind": "world", **PROVENANCE, **found}


def test_every_row_names_a_fact_that_is_measured_somewhere(facts, dreamt):
    only_with_bodies = re.compile("_(embodiment|environment)$")
    missing = [r.key for rows in LAQ_ROWS.values() for r in rows if r.key not in facts]
    assert all(only_with_bodies.search(key) for key in missing)
    assert not [r.key for rows in WORLD_ROWS.values() for r in rows if r.key not in dreamt]


def test_json_holds_the_facts_and_the_tables(facts):
    read = json.loads(to_json(facts))
    assert read["psnr_gain_db"] == facts["psnr_gain_db"] and read["codes"] == facts["codes"]
    assert read["caption"] == caption(facts)
    titles = [table["title"] for table in read["tables"]]
    assert titles[0] == "Does it draw the future" and titles[-1] == "What each code means"
    assert all(len(row) == len(table["header"]) for table in read["tables"] for row in table["rows"])


def test_json_never_says_nan(facts):
    broken = {**facts, "psnr": float("nan"), "codes": [{"position": 0, "x": float("inf")}]}
    read = json.loads(to_json(broken))
    assert read["psnr"] is None and read["codes"][0]["x"] is None


def test_markdown_lines_up_and_leaves_out_what_was_not_measured(facts, dreamt):
    text = to_markdown(dreamt)
    assert "pusher" not in text and "PSNR gain over copying the first frame" in text
    for block in to_markdown(facts).split("\n\n"):
        lines = [line for line in block.splitlines() if line.startswith("|")]
        assert len({len(line) for line in lines}) <= 1
    assert f"{facts['psnr_gain_db']:.2f} dB" in to_markdown(facts)
    assert f"{facts['psnr_gain_db_low']:.2f} to {facts['psnr_gain_db_high']:.2f}" in to_markdown(facts)


def test_latex_escapes_and_balances(facts):
    text = to_latex(facts)
    assert r"50\%\_\{fresh\}" in text
    for name in ("table", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == len(tables(facts)) - 5 + 1
    for row in re.findall(r"^(?!\\|%).*\\\\$", text, re.M):
        assert not re.search(r"(?<!\\)[%#_]", row), row
    spec, rows = re.search(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S).groups()
    lines = [line for line in rows.splitlines() if line.endswith("\\\\") and "multicolumn" not in line]
    assert {len(re.findall(r"(?<!\\)&", line)) + 1 for line in lines} == {len(spec)}


def test_the_caption_says_when_nothing_was_held_out(facts):
    assert "NOT held out" not in caption(facts)
    assert "NOT held out" in caption({**facts, "held_out": False})


def test_each_suffix_is_its_format_and_others_are_refused(facts, tmp_path):
    paths = [tmp_path / "new" / name for name in ("r.json", "r.md", "r.tex")]
    write_reports(facts, paths)
    assert [p.read_text()[0] for p in paths] == ["{", "Q", "%"]
    with pytest.raises(LapaError, match=r"ends in \.json, \.md, \.tex"):
        write_reports(facts, [tmp_path / "r.docx"])
