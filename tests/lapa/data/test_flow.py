"""Motion in the picture, of pictures whose motion is known."""

import numpy as np
import pytest
from PIL import Image

from lapa.data.flow import flows, moving_flow
from lapa.data.transitions import Transitions
from tests.lapa.eval.conftest import SlidingSquare


def picture(x: int, y: int, size: int = 128) -> np.ndarray:
    """A soft textured blob on a grey ground."""
    rng = np.random.default_rng(0)
    texture = Image.fromarray(rng.integers(60, 256, (10, 10, 3)).astype(np.uint8)).resize((40, 40), Image.BICUBIC)
    frame = np.full((size, size, 3), 40, np.uint8)
    frame[y : y + 40, x : x + 40] = np.asarray(texture)
    return frame


def test_the_moving_region_moves_as_it_was_moved():
    right, up = moving_flow(picture(30, 40), picture(33, 38)) * 128
    assert right == pytest.approx(3, abs=0.5) and up == pytest.approx(2, abs=0.5)


def test_nothing_moves_where_nothing_changes():
    assert moving_flow(picture(30, 40), picture(30, 40)).tolist() == [0.0, 0.0]


def test_motion_is_a_share_of_the_longer_side_whatever_the_size():
    small = moving_flow(picture(30, 40), picture(33, 40))
    double = [np.asarray(Image.fromarray(picture(x, 40)).resize((256, 256), Image.BICUBIC)) for x in (30, 33)]
    assert moving_flow(*double) == pytest.approx(small, abs=0.004)


class Gliding(SlidingSquare):
    """A world of one clip: the blob goes 4 pixels to the right and 3 down per frame."""

    def frames(self, i, indices):
        return np.stack([picture(10 + 4 * t, 5 + 3 * t) for t in indices])


def test_far_motion_is_measured_in_links():
    where = Transitions(clip=np.array([0, 0]), t=np.array([0, 2]), window=np.array([12, 4]))
    far, near = flows(Gliding(), where) * 128
    assert far == pytest.approx([48, -36], rel=0.12) and near == pytest.approx([16, -12], rel=0.12)
    leap = moving_flow(picture(10, 5), picture(58, 41)) * 128
    assert np.abs(leap - [48, -36]).max() > 15  # what the links are for


def test_flow_explains_the_recorded_motion():
    source = SlidingSquare(num_clips=4)
    t = np.arange(19)
    where = Transitions(clip=np.repeat(np.arange(4), 19), t=np.tile(t, 4), window=np.ones(76, np.int64))
    moved = flows(source, where)
    states = np.concatenate([np.diff(source.states(i), axis=0)[:19] for i in range(4)])
    assert np.corrcoef(moved[:, 0], states[:, 0])[0, 1] > 0.85 and np.corrcoef(moved[:, 1], states[:, 1])[0, 1] > 0.85
