import base64
import io

import numpy as np
import pytest
from PIL import Image

from viz.figures.frames import (
    animation_uri,
    blink_html,
    data_uri,
    error_heat,
    motion_overlay,
    signed_difference,
    upscale,
)


def flat(value, height=20, width=30):
    return np.full((height, width, 3), value, np.uint8)


def read(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.split(",", 1)[1])))


def test_brighter_is_orange_darker_is_blue_and_equal_is_neutral():
    frame, future = flat(128), flat(128)
    future[:, :10], future[:, 10:20] = 228, 28
    shown = signed_difference(frame, future).astype(int)
    assert shown[0, 0, 0] > shown[0, 0, 2] + 50
    assert shown[0, 15, 2] > shown[0, 15, 0] + 50
    assert np.ptp(shown[0, 25]) < 5


def test_error_heat_grows_with_the_error_and_is_dark_where_there_is_none():
    truth, picture = flat(100), flat(100)
    picture[:, 10:20], picture[:, 20:] = 120, 255
    heat = error_heat(picture, truth).astype(int).sum(axis=2)[0]
    assert heat[0] < 20 < heat[15] < heat[25]


def test_motion_marks_only_what_changed():
    frame, future = flat(100), flat(100)
    future[:, :10] = 250
    shown = motion_overlay(frame, future).astype(int)
    assert np.ptp(shown[0, 25]) == 0 and np.ptp(shown[0, 5]) > 100


@pytest.mark.parametrize("smooth", [True, False])
def test_upscaling_keeps_the_aspect(smooth):
    assert upscale(flat(3), height=40, smooth=smooth).shape == (40, 60, 3)
    assert upscale(flat(3), longer_side=90, smooth=smooth).shape == (60, 90, 3)


def test_nearest_upscaling_invents_no_colour():
    noise = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (8, 8, 3))
    assert set(np.unique(upscale(noise, height=64, smooth=False))) == {0, 255}


@pytest.mark.parametrize("kind", ["webp", "jpeg", "png"])
def test_pictures_as_text_read_back(kind):
    image = read(data_uri(flat(100, 60, 90), kind=kind, longer_side=45))
    assert image.format.lower() == kind and image.size == (45, 30)
    assert abs(int(np.asarray(image.convert("RGB")).mean()) - 100) < 4


@pytest.mark.parametrize("kind", ["webp", "gif"])
def test_animations_have_all_their_frames(kind):
    assert read(animation_uri([flat(0), flat(120), flat(240)], fps=5, kind=kind)).n_frames == 3


def test_blinking_pictures_escape_what_they_are_called():
    page = blink_html(flat(0), flat(255), alt='"><script>')
    assert "<script>" not in page and page.count("<img") == 2


def test_dollar_signs_in_figures_are_dollar_signs(tmp_path):
    from viz.figures.canvas import Canvas
    from viz.figures.paper import paper

    with paper():
        canvas = Canvas(2, 1)
        canvas.words(r"bad $\frac{1$ tex, 5$ or 6$", 0.1, 0.5)
        canvas.figure.savefig(tmp_path / "words.png")
    assert (tmp_path / "words.png").stat().st_size > 0
