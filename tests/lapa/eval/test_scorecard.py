"""The scorecard against quantizers whose worth is known: one that knows the world, and ones with a fault."""

import json
from dataclasses import replace

import numpy as np
import pytest

from lapa.data.transitions import Transitions
from lapa.eval.laq import evaluate_laq
from lapa.eval.targets import targets_of
from lapa.models.load import load_laq
from lapa.types import LapaError
from tests.lapa.conftest import WINDOW_S as TINY_WINDOW_S
from tests.lapa.eval.conftest import WINDOW_S, Leaky, Oracle, SlidingSquare


@pytest.fixture(scope="module")
def facts(world) -> dict:
    return evaluate_laq(Oracle(), world, window_s=WINDOW_S, num_pairs=120)


def test_an_oracle_draws_the_future_because_of_its_tokens(facts):
    assert facts["psnr_gain_db"] > 50
    assert facts["controllability_db"] > 50 and facts["controllability_shuffled_db"] > 50
    assert facts["ssim"] == pytest.approx(1.0) and facts["ssim_copy"] < 0.99
    assert facts["identity_label"] == "1-1" and facts["identity_share"] == 1.0
    assert facts["identity_change"] == pytest.approx(0.0, abs=1e-9)
    assert facts["psnr_gain_db_low"] <= facts["psnr_gain_db"] <= facts["psnr_gain_db_high"]


def test_what_an_oracle_says_holds_elsewhere(facts):
    assert facts["cycle_tokens"] == facts["cycle_sequences"] == 1.0 > facts["cycle_tokens_chance"]
    assert facts["cycle_cosine"] == pytest.approx(facts["cycle_cosine_direct"], abs=1e-6)
    assert facts["cycle_cosine"] > 0.99
    assert min(facts[f"consistency_{name}"] for name in ("episode", "scene", "site")) > 0.99
    assert abs(facts["consistency_chance"]) < 0.4


def test_an_oracles_tokens_have_words(facts):
    words = {(code["position"], code["code"]): code for code in facts["codes"]}
    assert words[0, 2]["adds_word"] == words[0, 2]["decoded_word"] == "right"
    assert words[0, 0]["adds_word"] == "left"
    assert words[1, 0]["adds_word"] == "forward" and words[1, 2]["adds_word"] == "back"
    assert words[0, 2]["across_episodes"] > 0.5
    assert facts["motion"] == "displacement"


def test_probes_stand_beside_their_baselines(facts):
    rows = {(row["target"], row["features"]): row for row in facts["probes"]}
    assert rows["displacement", "tokens"]["r2"] > 0.99
    assert rows["displacement", "tokens"]["r2"] > rows["displacement", "untrained"]["r2"] - 1e-9
    assert {target for target, _ in rows} == {"displacement", "action", "flow"}
    assert {"tokens", "continuous", "pca", "untrained", "untrained_continuous"} == {name for _, name in rows}
    assert rows["displacement", "pca"]["dimension"] == 6
    assert facts["probe_r2_tokens"] == rows["displacement", "tokens"]["r2"]
    assert facts["probe_r2_flow"] == facts["probe_r2_flow_tokens"] == rows["flow", "tokens"]["r2"]
    assert facts["probe_r2_flow"] > 0.6


def test_a_leak_is_found_where_appearance_is_in_the_tokens(facts, world):
    leaky = evaluate_laq(Leaky(), world, window_s=WINDOW_S, num_pairs=120)
    assert leaky["leak_db"] > facts["leak_db"] + 1.5
    assert facts["leak_db"] < 1.0


def test_use_of_the_codes_is_counted_per_position_and_jointly(facts):
    assert [p["codes_used"] for p in facts["positions"]] == [3, 3]
    assert facts["dead_codes"] == 0 and facts["sequences_used"] == 9
    assert 2.5 < facts["joint_entropy_bits"] <= facts["joint_entropy_max_bits"] == pytest.approx(2 * np.log2(3))
    assert facts["redundancy"] < 0.1 and facts["shared_information"][0][0] == 1.0


def test_without_states_the_picture_says_what_moves():
    facts = evaluate_laq(Oracle(), SlidingSquare(has_states=False), window_s=WINDOW_S, num_pairs=120)
    assert facts["probe_r2_tokens"] is None and facts["probe_r2_action_tokens"] is None
    assert facts["motion"] == "flow" and facts["probe_r2_flow"] > 0.6
    assert {code["adds_word"] for code in facts["codes"] if code["position"] == 1} >= {"up", "down"}
    assert facts["cycle_cosine"] > 0.8


def test_bodies_are_told_apart_and_carried_across():
    world = SlidingSquare(num_clips=12)
    world.records = [replace(record, embodiment=("arm", "hand")[i % 2]) for i, record in enumerate(world.records)]
    facts = evaluate_laq(Oracle(), world, window_s=WINDOW_S, num_pairs=96)
    assert facts["cycle_tokens_embodiment"] == 1.0 and facts["cycle_cosine_embodiment"] > 0.99
    assert facts["consistency_embodiment"] > 0.99
    assert "cycle_cosine_environment" not in facts


def test_bodies_with_other_actions_are_left_out_of_the_actions_probe():
    class TwoBodies(SlidingSquare):
        def actions(self, i):
            mine = super().actions(i)
            return mine if i else np.pad(mine, ((0, 0), (0, 1)))

    where = Transitions(clip=np.array([0, 1, 2]), t=np.zeros(3, int), window=np.ones(3, int))
    world = TwoBodies(num_clips=3)
    actions = targets_of(world, where)["action"]
    assert actions.shape == (3, 2) and np.isnan(actions[0]).all()
    assert np.array_equal(actions[1:], [world.actions(1)[0], world.actions(2)[0]])


def test_one_clip_has_no_elsewhere():
    facts = evaluate_laq(Oracle(), SlidingSquare(num_clips=1), window_s=WINDOW_S, num_pairs=10)
    nothing = ("leak_db", "controllability_shuffled_db", "cycle_tokens", "cycle_cosine", "consistency_episode")
    assert all(facts[name] is None for name in nothing) and facts["probe_r2_tokens"] is None
    assert facts["psnr_gain_db"] is not None
    json.dumps(facts, allow_nan=False)


def test_a_real_quantizer_gets_every_number_and_they_are_json(bundle, source):
    facts = evaluate_laq(load_laq(bundle / "laq"), source, window_s=TINY_WINDOW_S, num_pairs=30)
    again = json.loads(json.dumps(facts, allow_nan=False))
    assert again["num_pairs"] == 30 and len(again["codes"]) == 4 * 8 and len(again["positions"]) == 4
    assert again["probe_r2_action_tokens"] is None
    assert evaluate_laq(load_laq(bundle / "laq"), source, window_s=TINY_WINDOW_S, num_pairs=30) == facts


def test_a_split_that_is_not_there_is_one_sentence(bundle):
    from tests.lapa.conftest import MovingSquare

    source = MovingSquare(splits=("train", "validation"))
    with pytest.raises(LapaError, match="it has train, validation"):
        evaluate_laq(load_laq(bundle / "laq"), source, window_s=TINY_WINDOW_S, split="test")
