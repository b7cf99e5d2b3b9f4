import csv
import hashlib
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from lapa.types import LapaError
from tests.viz.conftest import make_index
from viz.figures.codebook import codebook_data, nested_counts
from viz.figures.export import export_codebook, export_curves, export_map
from viz.figures.map_data import latent_map_data
from viz.figures.paper import VECTOR_UP_TO, draw_map
from viz.figures.paper_codebook import draw_codebook

ROWS = [{"step": step, "loss": 1 / step, "eval_psnr": 20.0 + step} for step in range(1, 30)]


def read_table(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("colour_by", ["token 0", "direction", "task"])
def test_the_same_index_gives_the_same_bytes(index, tmp_path, colour_by):
    first = export_map(index, tmp_path / "a" / "map", colour_by=colour_by, highlight_rows=[4])
    second = export_map(index, tmp_path / "b" / "map", colour_by=colour_by, highlight_rows=[4])
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png", ".csv", ".json"]
    for one, two in zip(first, second):
        assert one.read_bytes() == two.read_bytes(), one.name


def test_codebook_and_curves_give_the_same_bytes_too(index, tmp_path):
    for folder in ("a", "b"):
        export_codebook(index, tmp_path / folder / "codebook", formats=("pdf", "svg"))
        export_curves(ROWS, tmp_path / folder / "curves", formats=("pdf", "svg"))
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert len(names) == 8
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_the_table_holds_what_was_plotted(index, tmp_path):
    export_map(index, tmp_path / "map.svg", colour_by="direction")
    rows = read_table(tmp_path / "map.csv")
    assert len(rows) == len(index)
    assert rows[45]["tokens"] == "4-5-6-7" and float(rows[45]["direction"]) == pytest.approx(90)
    assert rows[99]["direction"] == "" and rows[40]["clip"] == "second <i>"
    assert np.allclose([[float(row["x"]), float(row["y"])] for row in rows], index.umap, atol=1e-4)


def test_the_provenance_names_the_quantizer_and_no_date(index, tmp_path):
    export_map(index, tmp_path / "map.svg", level="sequence", colour_by="count")
    facts = json.loads((tmp_path / "map.json").read_text())
    assert facts["laq_sha256"] == index.laq and facts["num_points"] == 4 and facts["level"] == "sequence"
    assert "matplotlib" in facts["versions"] and "date" not in json.dumps(facts).lower()
    assert facts["data_sha256"] == hashlib.sha256((tmp_path / "map.csv").read_bytes()).hexdigest()


def test_counts_in_the_table_are_counts_and_not_logarithms(index, tmp_path):
    export_map(index, tmp_path / "map.svg", colour_by="count")
    assert {row["tokens"]: row["count"] for row in read_table(tmp_path / "map.csv")}["0-1-2-3"] == "40"


def test_a_suffix_asks_for_that_format_alone(index, tmp_path):
    files = export_map(index, tmp_path / "only.png")
    assert sorted(path.name for path in files) == ["only.csv", "only.json", "only.png"]
    assert Image.open(tmp_path / "only.png").width == round(3.25 * 300)


def test_the_pdf_embeds_true_type_and_the_svg_needs_no_font(index, tmp_path):
    export_codebook(index, tmp_path / "c", formats=("pdf", "svg"))
    pdf, svg = (tmp_path / "c.pdf").read_bytes(), (tmp_path / "c.svg").read_text()
    assert b"/CIDFontType2" in pdf and b"/Type3" not in pdf and b"CreationDate" not in pdf
    assert "<text" not in svg and "dc:date" not in svg


def test_few_dots_are_vectors_and_very_many_are_pixels(index, tmp_path):
    export_map(index, tmp_path / "few.svg")
    assert "<image" not in (tmp_path / "few.svg").read_text()
    many = make_index((VECTOR_UP_TO // 4 + 1,) * 4)
    dots = draw_map(latent_map_data(many, max_points=len(many))).axes[0].collections
    assert all(collection.get_rasterized() for collection in dots[:2])


def test_every_sequence_of_the_codebook_figure_is_in_its_table(index, tmp_path):
    export_codebook(index, tmp_path / "c.svg")
    rows = read_table(tmp_path / "c.csv")
    counts = {row["first"]: int(row["value"]) for row in rows if row["quantity"] == "sequence_count"}
    assert counts == {"0-1-2-3": 40, "4-5-6-7": 30, "0-0-0-0": 20, "7-1-7-1": 10}


def test_the_codebook_table_says_whose_codes_each_number_is_of(index, shared_index, tmp_path):
    export_codebook(index, tmp_path / "own.svg")
    export_codebook(shared_index, tmp_path / "shared.svg")
    rows = [row for row in read_table(tmp_path / "own.csv") if row["quantity"] == "distance"]
    assert len(rows) == 4 * 64
    found = next(row for row in rows if (row["token"], row["first"], row["second"]) == ("2", "1", "6"))
    codes = index.codebooks[2]
    assert float(found["value"]) == pytest.approx(float(np.linalg.norm(codes[1] - codes[6])), rel=1e-4)
    shared = read_table(tmp_path / "shared.csv")
    assert {row["token"] for row in shared if row["quantity"] == "distance"} == {"all tokens"}
    usage = [row for row in shared if row["quantity"] == "usage"]
    assert {row["token"] for row in usage} == {"0", "1", "2", "3"}
    facts = [json.loads((tmp_path / name).read_text()) for name in ("own.json", "shared.json")]
    assert [len(fact["stress"]) for fact in facts] == [4, 1]
    assert [fact["layout"] for fact in facts] == ["one codebook per token", "one codebook for all tokens"]


def test_every_codebook_is_drawn_in_the_same_colours_with_rings_as_large_as_the_next(index, shared_index):
    figure = draw_codebook(codebook_data(index), nested_counts(index))
    planes = [ax for ax in figure.axes if ax.get_xlabel().startswith("codes, scaled")]
    heats = [ax for ax in figure.axes if ax.get_xlabel() == "distance of codes"]
    assert len(planes) == len(heats) == 4
    assert len({ax.images[0].get_clim() for ax in heats}) == 1
    lengths = np.linalg.norm(index.codebooks, axis=2).mean(axis=1)
    assert [len(ax.patches) for ax in planes] == [8, 8, 8, 0]
    assert planes[1].patches[0].radius == pytest.approx(lengths[2])
    alone = draw_codebook(codebook_data(shared_index), nested_counts(shared_index))
    assert sum(ax.get_xlabel() == "distance of codes" for ax in alone.axes) == 1


@pytest.mark.parametrize(("length", "rows"), [(1, 1), (2, 1), (6, 2)])
def test_many_codebooks_go_into_further_rows(index, length, rows):
    tokens = np.tile(index.tokens, 2)[:, :length]
    books = np.concatenate([index.codebooks, 0.1 * index.codebooks])[:length]
    data = replace(index, tokens=tokens, codebooks=books)
    figure = draw_codebook(codebook_data(data), nested_counts(data))
    drawn = [ax for ax in figure.axes if ax.get_xlabel() == "distance of codes"]
    assert len(drawn) == length
    assert len({round(ax.get_position().y0, 3) for ax in drawn}) == rows


def test_bad_formats_and_folders_are_one_sentence(index, tmp_path):
    with pytest.raises(LapaError, match=re.escape("'docx' is no figure format: choose among pdf, svg, png")):
        export_map(index, tmp_path / "map", formats=("docx",))
    (tmp_path / "file").write_text("")
    with pytest.raises(LapaError, match="choose a folder"):
        export_map(index, tmp_path / "file" / "map.png")
