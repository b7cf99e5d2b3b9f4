"""Environment `real`: what is drawn, and that blocks are still told apart by their colours."""

import colorsys
from dataclasses import asdict

import numpy as np
import pytest

from lapa.worlds.tabletop.appearance import View, looking
from lapa.worlds.tabletop.board import BOARD_HALF
from lapa.worlds.tabletop.bodies import BODIES
from lapa.worlds.tabletop.distractors import KINDS, thing_xml
from lapa.worlds.tabletop.env import TabletopEnv
from lapa.worlds.tabletop.environments import ENVIRONMENTS, draw_look
from lapa.worlds.tabletop.real import THINGS, draw_real
from lapa.worlds.tabletop.sensor import Sensor
from lapa.worlds.tabletop.shapes import BLOCKS, COLORS, HALF_HEIGHT
from lapa.worlds.tabletop.textures import KINDS as TEXTURES
from lapa.worlds.tabletop.textures import paint


def looks(count=30):
    return [draw_real(np.random.default_rng(seed)) for seed in range(count)]


def pixel_of(view: View, point, size: int):
    """Project a point (metres) into the picture: row, column."""
    offset = np.subtract(point, view.position)
    right, up = np.array(view.right), np.array(view.up) / np.linalg.norm(view.up)
    depth = offset @ np.cross(up, right)
    scale = size / 2 / np.tan(np.radians(view.fovy_deg) / 2)
    return size / 2 - scale * (offset @ up) / depth, size / 2 + scale * (offset @ right) / depth


def nearest_color(rgb):
    """Tell a colour by its hue alone; "" where there is hardly any."""
    hue, saturation, _ = colorsys.rgb_to_hsv(*(np.array(rgb) / 255))
    if saturation < 0.35:
        return ""
    hues = {name: colorsys.rgb_to_hsv(*color)[0] for name, color in COLORS.items()}
    return min(hues, key=lambda name: min(abs(hue - hues[name]), 1 - abs(hue - hues[name])))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_look_depends_on_the_generator_alone(environment):
    for body in BODIES.values():
        first, again = (draw_look(environment, body, np.random.default_rng(7)) for _ in range(2))
        assert first == again


def test_nothing_is_drawn_for_the_arm_in_sim():
    rng, untouched = np.random.default_rng(3), np.random.default_rng(3)
    draw_look("sim", BODIES["arm"], rng)
    assert rng.random() == untouched.random(), "seeds would give other episodes than before"


def test_episodes_differ_in_everything_that_is_drawn():
    drawn = [asdict(look) for look in looks()]
    for part in ("view", "light", "colors", "board", "table", "things", "sensor"):
        assert len({str(look[part]) for look in drawn}) == len(drawn)


def test_the_whole_board_is_in_the_picture_and_seen_from_elsewhere_than_in_sim():
    x, y = BOARD_HALF
    for view in (look.view for look in looks()):
        corners = np.array([pixel_of(view, (a, b, 0.0), 1) for a in (-x, x) for b in (-y, y)])
        assert corners.min() > -0.02 and corners.max() < 1.02
        away = np.subtract(view.position, View().position)
        assert np.linalg.norm(away) > 0.3


def test_looking_points_at_the_target_and_stays_upright():
    view = looking((0.3, -1.0, 0.8), (0.1, 0.2, 0.0), 40.0)
    assert pixel_of(view, (0.1, 0.2, 0.0), 100) == pytest.approx((50, 50))
    assert view.right[2] == pytest.approx(0) and view.up[2] > 0
    assert np.dot(view.right, view.up) == pytest.approx(0)


def test_things_lie_beside_the_board_and_have_no_blocks_colour():
    for look in looks():
        assert 2 <= len(look.things) <= 5
        for thing in look.things:
            assert abs(thing.x) > BOARD_HALF[0] + 0.05 or abs(thing.y) > BOARD_HALF[1] + 0.05
            assert thing.kind in KINDS and "contype" not in thing_xml(thing)
    strong = [rgb for rgb in THINGS if max(rgb) - min(rgb) > 0.45]
    for rgb in strong:
        assert min(np.abs(np.subtract(rgb, color)).sum() for color in COLORS.values()) > 0.3


def test_red_is_still_red():
    """The colour at the middle of every block that nothing hides, over many looks, told by its hue."""
    env = TabletopEnv(environment="real", render_mode="rgb_array")
    told = []
    for seed in range(12):
        env.reset(seed=seed)
        state = env.state
        state[:2] = (0.34, 0.28)  # the arm out of the way
        env.reset(seed=seed, options={"state": state, "task": env.task, "look": env.look})
        frame = env.render()
        for i, block in enumerate(BLOCKS):
            if block.shape == "moon":  # its middle is a hole
                continue
            row, column = pixel_of(env.look.view, (*state[2 + 3 * i : 4 + 3 * i], 2 * HALF_HEIGHT), 128)
            patch = frame[round(row) - 1 : round(row) + 2, round(column) - 1 : round(column) + 2]
            told.append(nearest_color(np.median(patch.reshape(-1, 3), axis=0)) == block.color)
    env.close()
    assert np.mean(told) > 0.95, f"{np.mean(told):.3f} of the blocks have their colour"


def test_a_frame_is_the_same_however_often_it_is_drawn_and_noise_differs_between_frames():
    env = TabletopEnv(environment="real", image_size=64, render_mode="rgb_array")
    env.reset(seed=5)
    first, again = env.render(), env.render()
    env.step(np.zeros(2, np.float32))
    later = env.render()
    env.close()
    assert np.array_equal(first, again) and not np.array_equal(first, later)
    assert np.abs(first.astype(float) - later).mean() < 8, "the picture jumps although nothing moved"


def test_sensor_adds_noise_that_grows_with_light_and_darkens_the_corners():
    grey = np.repeat(np.linspace(40, 200, 64).astype(np.uint8)[None, :, None], 64, 0).repeat(3, 2)
    noise = {"blur_px": 0.1, "vignette": 0.0, "jpeg_quality": 100, "read_noise": 0.002}
    many = np.stack([Sensor(seed=1, shot_noise=0.05, **noise).record(grey, i) for i in range(40)]).astype(float)
    deviation = many.std(0).mean((0, 2))
    assert deviation[-8:].mean() > 1.3 * deviation[:8].mean() > 1.0
    even = np.full((64, 64, 3), 180, np.uint8)
    dark = Sensor(seed=1, vignette=0.4, shot_noise=0.0).record(even, 0).astype(float)
    assert dark[:4, :4].mean() < 0.75 * dark[30:34, 30:34].mean()


@pytest.mark.parametrize("kind", TEXTURES)
def test_textures_have_their_colour_repeat_without_a_seam_and_differ_by_seed(kind):
    tile = paint(kind, (0.5, 0.4, 0.3), 3, size=64).astype(float)
    assert tile.shape == (64, 64, 3) and np.abs(tile.mean((0, 1)) / 255 - (0.5, 0.4, 0.3)).max() < 0.06
    assert not np.array_equal(tile, paint(kind, (0.5, 0.4, 0.3), 4, size=64))
    inside = np.abs(np.diff(tile, axis=1)).mean()
    assert np.abs(tile[:, 0] - tile[:, -1]).mean() < 3 * inside + 4
