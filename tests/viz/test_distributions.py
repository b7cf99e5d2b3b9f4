import xml.etree.ElementTree as ET

import numpy as np
import pytest

from viz.figures.distributions import distribution_bars, divergence_bits, entropy_bits
from viz.figures.style import code_color

SVG = "{http://www.w3.org/2000/svg}"
PROBABILITIES = np.array([[0.75, 0.25, 0.0], [0.2, 0.2, 0.6]])


def test_heights_go_with_probabilities_and_the_chosen_token_is_outlined():
    root = ET.fromstring(distribution_bars(PROBABILITIES, [0, 1]))
    bars = [group for group in root.findall(f"{SVG}g") if group.find(f"{SVG}title") is not None]
    rects = [group.findall(f"{SVG}rect")[1] for group in bars]
    heights = np.array([float(rect.get("height")) for rect in rects]).reshape(2, 3)
    assert heights[0, 0] / heights[0, 1] == pytest.approx(3, rel=0.01) and heights[1, 2] == heights[1].max()
    assert [rect.get("stroke") is not None for rect in rects] == [True, False, False, False, True, False]
    assert [rect.get("fill") for rect in rects[:3]] == [code_color(code, 3) for code in range(3)]


def test_numbers_are_there_for_who_cannot_see_bars():
    root = ET.fromstring(distribution_bars(PROBABILITIES, [0, 1]))
    titles = [title.text for title in root.iter(f"{SVG}title")]
    assert titles[0] == "token 0, code 0: 75.0%, chosen" and titles[5] == "token 1, code 2: 60.0%"
    assert "token 1: code 1 at 20%" in root.get("aria-label")


def test_entropy_runs_from_certain_to_clueless():
    assert entropy_bits(np.array([[1.0, 0, 0, 0], [0.25] * 4])) == pytest.approx([0, 2])


def test_divergence_runs_from_alike_to_disjoint():
    first, second = np.array([[1.0, 0], [0.5, 0.5], [1, 0]]), np.array([[1.0, 0], [1, 0], [0, 1]])
    found = divergence_bits(first, second)
    assert found == pytest.approx([0, 0.3113, 1], abs=1e-4)
    assert found == pytest.approx(divergence_bits(second, first))
