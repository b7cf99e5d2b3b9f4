import re

import numpy as np
import pytest

from viz.figures.compare import Comparison, compare_html
from viz.figures.compass import chain_html, compass_html

CHOICES = (
    Comparison(name="One", left="a", right="b", left_title="<i>left", right_title="right"),
    Comparison(name="Two", left="b", right="c", left_title="b", right_title="c"),
)


def flat(value):
    return np.full((8, 12, 3), value, np.uint8)


def test_a_comparison_shows_its_first_choice_and_carries_all_pictures():
    page = compare_html({"a": flat(0), "b": flat(99), "c": flat(255)}, CHOICES, inverted=("c",))
    layers = re.findall(r'data-layer="(\w)" alt="" class="([^"]*)"', page)
    assert layers == [("a", "left"), ("b", "right"), ("c", "inverted")]
    assert page.count("data:image/jpeg") == 3 and "<i>left" not in page
    assert re.findall(r'data-compare="([^"]+)".*?aria-pressed="(\w+)"', page) == [("a b", "true"), ("b c", "false")]


def tips(page: str) -> list[tuple[float, float]]:
    """Return where each coloured arrow ends: the point after its second M."""
    paths = re.findall(r'<path d="M[\d.-]+ [\d.-]+L[\d.-]+ [\d.-]+M([\d.-]+) ([\d.-]+)', page)
    return [(float(x), float(y)) for x, y in paths]


def test_a_compass_points_where_the_codes_go_up_is_up():
    page = compass_html([(0.1, 0.0), (0.0, 0.1), None, (-0.05, 0.0)], ["right", "up", "", "left"], chosen=0, faint=[3])
    ends = tips(page)
    assert len(ends) == 3
    assert (50.0, 10.0) in ends and (90.0, 50.0) in ends and (30.0, 50.0) in ends
    assert ends[-1] == (90.0, 50.0), "the chosen one does not lie on top"
    assert re.findall(r">(\d)</text>", page) == ["1", "0"], "a faint arrow or none has a number"


def test_a_chain_starts_each_arrow_where_the_last_ended_around_its_middle():
    page = chain_html([(0.2, 0.0), (0.0, 0.1)], [0, 1], ["a", '"<b>'], 8, middle=(50.0, 40.0), size=(100.0, 80.0))
    starts = re.findall(r'<path d="M([\d.-]+) ([\d.-]+)L', page)
    first, second = [(float(x), float(y)) for x, y in starts]
    assert first == pytest.approx((40, 45)) and second == pytest.approx((60, 45))
    assert tips(page)[-1] == pytest.approx((60, 35)) and "<b>" not in page


def test_an_arrow_that_does_not_move_is_not_drawn():
    assert "<path d" not in chain_html([(0.0, 0.0)], [0], ["a"], 8, middle=(5.0, 5.0), size=(10.0, 10.0))
    assert not tips(compass_html([None, None], ["", ""]))
