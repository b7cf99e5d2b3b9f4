import base64
import json
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from viz.figures import style


@pytest.mark.parametrize("num_codes", [2, 8, 16, 64])
def test_the_text_on_every_chip_is_readable(num_codes):
    for color in style.code_colors(num_codes):
        assert style.contrast(style.ink(color), color) >= 4.5, color


def test_eight_codes_are_eight_colours_and_none_vanishes_on_either_page():
    colors = style.code_colors(8)
    assert len(set(colors)) == 8
    for color in colors:
        assert style.contrast(color, style.THEMES["dark"]["page"]) > 3
        assert style.contrast(color, style.THEMES["light"]["page"]) > 1.6


def test_contrast_knows_the_two_ends():
    assert style.contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert style.contrast("#777777", "#777777") == pytest.approx(1.0)


def test_the_cyclic_scale_closes_and_the_sequential_one_gets_lighter():
    cyclic = style.cyclic_scale()
    assert cyclic[0][1] == cyclic[-1][1] and len({color for _, color in cyclic}) == len(cyclic) - 1
    against_black = [style.contrast(color, "#000000") for _, color in style.sequential_scale()]
    assert against_black == sorted(against_black)


def test_the_style_sheet_says_the_same_colours_as_the_figures():
    found = dict(re.findall(r"--code-(\d):(#\w{6})", style.css_variables()))
    assert found == {str(code): style.code_color(code) for code in range(8)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_of_each_theme_is_readable_on_its_page(theme):
    colors = style.THEMES[theme]
    for name in ("text", "muted"):
        assert style.contrast(colors[name], colors["page"]) >= 4.5
        assert style.contrast(colors[name], colors["raised"]) >= 4.5


def test_a_patch_moves_a_layout_into_the_other_theme():
    layouts = {}
    for theme in ("light", "dark"):
        axes = {"xaxis": style.axis(theme, "x"), "yaxis2": style.axis(theme, "y")}
        layouts[theme] = go.Figure(layout={**style.base_layout(theme), **axes})
    patch = style.theme_patch(layouts["light"].layout.to_plotly_json(), "dark")
    layouts["light"].update_layout({key.replace(".", "_"): value for key, value in patch.items()})
    assert layouts["light"].layout == layouts["dark"].layout


def test_packed_arrays_are_what_plotly_reads():
    values = np.array([[1, 2, 3], [4, 5, 70_000]])
    packed = json.loads(json.dumps(style.packed(values)))
    read = np.frombuffer(base64.b64decode(packed["bdata"]), f"<{packed['dtype']}")
    assert packed["shape"] == "2, 3" and np.array_equal(read.reshape(2, 3), values)
