"""Writing that DejaVu Sans does not have, in figures and films: with a font that has it, and without."""

import logging
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image, ImageDraw

from viz.figures import fonts, lettering
from viz.figures.canvas import Canvas, fitted
from viz.figures.paper import paper
from viz.figures.writing import write_figure

CHINESE = "\u7ea2\u8272"
LATIN = "push the red block, \u00e9t\u00e9"


@pytest.fixture
def machine(monkeypatch):
    """Have the machine's fonts be the given ones, in this test."""

    def have(*paths: Path) -> None:
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in paths])
        fonts._installed.cache_clear()
        fonts._search.cache_clear()

    yield have
    monkeypatch.undo()
    fonts._installed.cache_clear()
    fonts._search.cache_clear()


@pytest.fixture
def squares(tmp_path) -> Path:
    """A font whose two Chinese characters are black squares."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square, nothing = pen.glyph(), TTGlyphPen(None).glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap({ord(c): "square" for c in CHINESE})
    font.setupGlyf({".notdef": nothing, "square": square})
    font.setupHorizontalMetrics({".notdef": (900, 0), "square": (900, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    font.setupPost()
    font.save(tmp_path / "squares.ttf")
    return tmp_path / "squares.ttf"


def drawn(text: str, out: Path) -> np.ndarray:
    """Write a figure of one line in all formats and return the PNG's brightness."""
    with paper():
        canvas = Canvas(2, 0.5)
        canvas.words(text, 0.1, 0.25, size=20)
    write_figure(canvas.figure, out, ("pdf", "svg", "png"), [], {})
    return np.asarray(Image.open(out.with_suffix(".png")).convert("L"))


def test_latin_needs_no_other_font(machine, squares, tmp_path, caplog):
    machine(squares)
    assert fonts.fallback_fonts(LATIN) == () and fonts.font_runs(LATIN) == [(LATIN, fonts.BASE)]
    drawn(LATIN, tmp_path / "with")
    machine()
    drawn(LATIN, tmp_path / "without")
    for kind in ("pdf", "svg", "png"):
        assert (tmp_path / f"with.{kind}").read_bytes() == (tmp_path / f"without.{kind}").read_bytes()
    assert not caplog.records


def test_a_figure_takes_the_font_that_has_the_characters(machine, squares, tmp_path, caplog):
    machine(squares)
    assert fonts.fallback_fonts(f"red {CHINESE}") == (squares,)
    ink = (drawn(CHINESE, tmp_path / "squares") < 100).sum()
    machine()
    boxes = (drawn(CHINESE, tmp_path / "boxes") < 100).sum()
    side = 20 * 300 / 72 * 0.8
    assert ink == pytest.approx(2 * side**2, rel=0.05)  # two filled squares
    assert boxes < ink / 2


def test_a_film_takes_the_font_that_has_the_characters(machine, squares):
    machine(squares)
    assert fonts.font_runs(f"red {CHINESE}!") == [("red ", fonts.BASE), (CHINESE, squares), ("!", fonts.BASE)]
    sheet = Image.new("L", (200, 40), 255)
    lettering.draw_line(ImageDraw.Draw(sheet), 0, 20, CHINESE, "#000000", 20)
    assert (np.asarray(sheet) < 100).sum() == pytest.approx(2 * 16 * 16, rel=0.1)
    rows = np.flatnonzero((np.asarray(sheet) < 100).any(axis=1))
    latin = Image.new("L", (200, 40), 255)
    lettering.draw_line(ImageDraw.Draw(latin), 0, 20, "H", "#000000", 20)
    standing = np.flatnonzero((np.asarray(latin) < 100).any(axis=1))
    assert abs(rows[-1] - standing[-1]) <= 1  # on the same baseline
    assert lettering.line_width(CHINESE, 20) == pytest.approx(36, abs=1)


@pytest.mark.parametrize(
    ("text", "package"),
    [(CHINESE, "fonts-noto-cjk"), ("\ud55c", "fonts-noto-cjk"), ("\u0932\u093e\u0932", "fonts-noto-core")],
)
def test_without_a_font_one_sentence_names_the_package(machine, tmp_path, caplog, recwarn, text, package):
    machine()
    with caplog.at_level(logging.WARNING):
        drawn(text, tmp_path / "figure")
        drawn(text, tmp_path / "figure")
    (record,) = caplog.records
    assert f"apt install {package}" in record.getMessage() and text[0] in record.getMessage()
    assert not [each for each in recwarn if "Glyph" in str(each.message)]


def test_joiners_and_selectors_are_no_missing_characters(machine, caplog):
    machine()
    assert fonts.fallback_fonts("a\u200db\ufe0f\n") == () and not caplog.records


def test_a_broken_font_is_passed_over(machine, squares, tmp_path):
    broken = tmp_path / "abroken.ttf"
    broken.write_bytes(b"no font")
    machine(broken, squares)
    assert fonts.fallback_fonts(CHINESE) == (squares,)


def test_lines_are_shortened_to_a_width(machine, squares):
    machine(squares)
    assert lettering.fit_text("short", 12, 200) == "short"
    cut = lettering.fit_text("a very long caption " * 5, 12, 80)
    assert cut.endswith("\u2026") and lettering.line_width(cut, 12) <= 80
    assert len(fitted(CHINESE * 50, 2)) == pytest.approx(len(fitted("ab" * 50, 2)) / 2, abs=1)
