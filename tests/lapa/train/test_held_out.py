"""What the right instruction is worth, and the weights that are kept: by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from lapa.protocols import ClipRecord
from lapa.train.held_out import BestWeights, draw_held_out, score_held_out

PRIOR = np.array([[0.75, 0.25], [0.5, 0.5]], np.float32)


def records(*texts: str) -> list[ClipRecord]:
    return [ClipRecord(name=str(i), num_frames=9, fps=10.0, instruction=text) for i, text in enumerate(texts)]


def measure(score, texts=("go left", "go right", "wait"), clip=(0, 0, 1, 2)):
    rows = np.arange(len(clip)) + 5
    tokens = np.array([[0, 1], [0, 0], [1, 1], [0, 1]])
    return score_held_out(score, records(*texts), np.array(clip), tokens, PRIOR, rows, np.random.default_rng(0))


def test_the_gap_is_what_a_wrong_instruction_costs():
    asked = []

    def score(rows, texts):
        asked.append((rows.tolist(), texts))
        return (np.full(len(rows), 1.0 if texts is None else 3.0), np.full(len(rows), 0.5))

    facts = measure(score)
    assert facts["nll_right"] == 1.0 and facts["nll_swapped"] == 3.0 and facts["nll_gap"] == 2.0
    assert facts["accuracy"] == 0.5
    wanted = -(3 * math.log(0.75) + math.log(0.25) + 4 * math.log(0.5)) / 8
    assert facts["nll_marginal"] == pytest.approx(wanted, abs=1e-6)
    (own, none), (other, wrong) = asked
    assert own == other == [5, 6, 7, 8] and none is None
    assert all(text != own for text, own in zip(wrong, ("go left", "go left", "go right", "wait")))


def test_clips_that_all_say_the_same_cannot_be_compared():
    facts = measure(lambda rows, _: (np.ones(len(rows)), np.ones(len(rows))), texts=("go", "Go ", "go"))
    assert facts["nll_right"] == 1.0 and math.isnan(facts["nll_gap"]) and math.isnan(facts["nll_swapped"])


def test_the_same_pairs_are_drawn_each_time():
    first, again = draw_held_out(100, 7)[0], draw_held_out(100, 7)[0]
    assert first.tolist() == again.tolist() == sorted(set(first.tolist())) and len(first) == 7
    assert draw_held_out(3, 7)[0].tolist() == [0, 1, 2]


def test_the_best_weights_come_back_and_later_changes_do_not_reach_them():
    model, best = nn.Linear(2, 1), BestWeights()
    learnt = {"weight": model.weight}
    for nll, value in ((2.0, 1.0), (1.0, 2.0), (1.0, 3.0), (1.5, 4.0)):
        with torch.no_grad():
            model.weight.fill_(value)
        best.offer(nll, learnt)
    bias = model.bias.clone()
    best.restore(model)
    assert model.weight.tolist() == [[2.0, 2.0]] and torch.equal(model.bias, bias)
    resumed = BestWeights()
    resumed.state = dict(best.state)
    resumed.offer(1.2, learnt)
    assert resumed.state["nll"] == 1.0
