"""Dreams of an oracle, which are true, and of decoders with a known fault."""

import json

import numpy as np
import pytest

from lapa.eval.readout import ReadoutConfig, draw_frames, position_columns, train_readout
from lapa.eval.world import _split_reader, evaluate_world
from lapa.frames import pixels_from_uint8
from lapa.types import LapaError
from tests.lapa.conftest import MovingSquare
from tests.lapa.eval.conftest import SIDE, WINDOW_S, Blurring, Oracle, SlidingSquare

READER = ReadoutConfig(num_steps=250, num_frames=800, side=SIDE, batch_size=24)
ASKED = {"window_s": WINDOW_S, "num_steps": 6, "num_dreams": 12}


@pytest.fixture(scope="module")
def teachers() -> SlidingSquare:
    source = SlidingSquare(num_clips=30, num_frames=30, seed=5)
    source._square = SlidingSquare()._square
    return source


@pytest.fixture(scope="module")
def facts(world, teachers) -> dict:
    return evaluate_world(Oracle(), world, readout=READER, readout_source=teachers, **ASKED)


def test_a_true_dream_is_as_good_as_the_truth(facts):
    assert facts["psnr_gain_db"] > 50 and facts["psnr_gain_db_last"] > 50
    assert facts["sharpness"] == pytest.approx(1.0) and facts["sharpness_moving"] == pytest.approx(1.0)
    assert facts["ssim"] == pytest.approx(1.0) and facts["ssim_copy"] < 0.99
    assert facts["effector_ratio"] == pytest.approx(1.0, abs=1e-3)
    assert [step["step"] for step in facts["steps"]] == [1, 2, 3, 4, 5, 6]
    json.dumps(facts, allow_nan=False)


def test_the_reader_finds_the_square_and_knows_a_copy_from_the_truth(facts):
    assert facts["effector_error_true_m"] < 0.003  # 3 of 48 pixels
    assert facts["effector_error_copy_m"] > 1.5 * facts["effector_error_true_m"]
    assert facts["played_cosine"] > 0.6 and facts["played_cosine_direct"] > 0.6
    assert facts["blocks_ratio"] is None  # one thing only


def test_a_blur_costs_sharpness_more_with_every_step(world):
    facts = evaluate_world(Blurring(), SlidingSquare(has_states=False), **ASKED)
    sharpness = [step["sharpness_moving"] for step in facts["steps"]]
    assert sharpness[0] < 0.7 and sharpness == sorted(sharpness, reverse=True)
    assert facts["sharpness"] < 0.7 and facts["num_reader_episodes"] == 0
    assert facts["effector_ratio"] is None and facts["played_cosine"] is None


def test_dreams_begin_with_first_frames_and_short_clips_are_counted(world):
    facts = evaluate_world(Oracle(), SlidingSquare(has_states=False), window_s=WINDOW_S, num_steps=20, num_dreams=99)
    assert facts["num_dreams"] == facts["num_episodes"] == 10 and facts["num_too_short"] == 0
    with pytest.raises(LapaError, match="the longest has 20"):
        evaluate_world(Oracle(), SlidingSquare(has_states=False), window_s=WINDOW_S, num_steps=21)


def test_the_reader_never_learns_from_a_judged_clip(teachers):
    source = SlidingSquare(num_clips=9)
    judged, learned_from, learned = _split_reader(source, list(range(9)), None)
    assert learned_from is source and set(judged).isdisjoint(learned) and len(judged) + len(learned) == 9
    judged, _, learned = _split_reader(source, [1, 5], None)
    assert judged == [1, 5] and set(learned) == set(range(9)) - {1, 5}
    assert _split_reader(SlidingSquare(has_states=False), [1], None)[2] == []


def test_the_reader_needs_data_of_the_same_world(world):
    other = MovingSquare()
    other.state_names = ("hand_x", "hand_y", "ball_x", "ball_y", "yaw")
    assert position_columns(other) == [0, 1, 2, 3]
    with pytest.raises(LapaError, match="places of 2 things and 'sliding-square' of 1"):
        evaluate_world(Oracle(), world, readout=READER, readout_source=other, **ASKED)


def test_positions_are_found_by_name():
    source = SlidingSquare(num_clips=1)
    assert position_columns(source) == [0, 1]
    source.state_names = ("cube_x", "cube_y", "cube_yaw", "pusher_x", "pusher_y")
    source.state_xy = (3, 4)
    assert position_columns(source) == [3, 4, 0, 1]
    source.state_names, source.state_xy = ("pan_x", "pan_y"), None
    assert position_columns(source) == [], "without an end effector nothing is known"


def test_what_was_not_recorded_teaches_nothing(teachers):
    frames, states = draw_frames(teachers, range(4), [0, 1], READER, SIDE, 0)
    assert frames.shape[1:] == (SIDE, SIDE, 3) and len(frames) == len(states)
    gaps = np.concatenate([states, np.full((len(states), 2), np.nan)], axis=1)
    small = ReadoutConfig(num_steps=3, side=SIDE, batch_size=4)
    reader = train_readout(frames, gaps, small, device=Oracle().position.device)
    assert np.isfinite(reader(pixels_from_uint8(frames[:2])).numpy()).all()


def test_a_dream_whose_frames_cannot_be_read_is_left_out_and_named(caplog):
    source = SlidingSquare(has_states=False)
    readable = source.frames

    def frames(i, indices):
        if i == 3:
            raise LapaError("it breaks off")
        return readable(i, indices)

    source.frames = frames
    facts = evaluate_world(Oracle(), source, window_s=WINDOW_S, num_steps=20, num_dreams=99)
    assert facts["num_dreams"] == facts["num_episodes"] == 9 and facts["psnr_gain_db"] > 50
    assert f"a dream on {source.records[3].name} of" in caplog.text
