import re

import numpy as np

from lapa.types import LatentAction
from viz.figures.film import film_html, ribbon_html, token_chips
from viz.figures.style import code_color


def action(*tokens, distances=None):
    return LatentAction(tokens=tokens, codebook_size=8, distances=distances)


def test_chips_say_the_tokens_in_their_colours():
    page = token_chips(action(3, 0, 7, 1))
    assert re.findall(r"background:(#\w{6})", page) == [code_color(code) for code in (3, 0, 7, 1)]
    assert re.findall(r">(\d)</span>", page) == ["3", "0", "7", "1"]
    assert 'aria-label="latent action 3-0-7-1"' in page and "<i>" not in page


def test_chips_show_how_sure_they_are_when_that_is_known():
    distances = np.full((2, 8), 4.0, np.float32)
    distances[0, 3], distances[1, 5] = 1.0, 0.0
    assert re.findall(r"width:(\d+)%", token_chips(action(3, 5, distances=distances))) == ["50", "100"]


def test_nothing_given_reaches_the_page_unescaped():
    assert "<b>" not in token_chips(action(1), size='"><b>x')


def test_the_ribbon_merges_runs_and_its_lanes_are_full():
    actions = [(2 * t, action(0 if t < 3 else 5, t)) for t in range(5)]
    page = ribbon_html(actions, current_t=4)
    lanes = re.findall(r'<div class="lane">(.*?)</div>', page)
    assert [len(re.findall("<span", lane)) for lane in lanes] == [2, 5]
    assert all(sum(map(int, re.findall(r"flex:(\d+)", lane))) == 5 for lane in lanes)
    assert "frames 0 to 4, position 0: code 0" in page
    assert 'data-first="0" data-last="8" data-stride="2"' in page
    assert 'class="now" style="left:40.00%;width:10.00%"' in page


def test_the_ribbon_marks_no_frame_it_does_not_have():
    actions = [(t, action(1)) for t in range(3)]
    assert 'class="now"' not in ribbon_html(actions, 7) and 'class="now"' not in ribbon_html(actions)
    assert "no latent actions" in ribbon_html([])


def test_the_marker_stands_at_every_frame_not_only_at_those_encoded():
    actions = [(4 * t, action(t)) for t in range(5)]
    page = ribbon_html(actions, current_t=7, end=18, window=6, meanings=[["", "left 0.9"], *[()] * 3])
    assert 'class="now" style="left:35.00%;width:5.00%"' in page
    assert 'data-end="18" data-window="6" data-now="7"' in page
    assert "position 0: code 1: left 0.9" in page


def test_the_film_marks_frame_and_future():
    frames = [np.full((8, 12, 3), 50, np.uint8)] * 3
    page = film_html(frames, [0, 5, 10], current_t=5, future_t=10)
    assert re.findall(r'<figure class="(\w*)" data-t="(\d+)"', page) == [("", "0"), ("frame", "5"), ("future", "10")]
