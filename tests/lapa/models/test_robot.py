"""Which bin stands for a distribution over actions."""

import torch

from lapa.models.robot import middle_bin


def test_the_middle_not_the_likeliest():
    shares = torch.tensor([[0.30, 0.05, 0.20, 0.25, 0.20], [0.1, 0.6, 0.1, 0.1, 0.1], [0.0, 0.0, 0.0, 0.2, 0.8]])
    assert middle_bin(shares.clamp(min=1e-9).log()).tolist() == [2, 1, 4]


def test_rounding_never_leaves_the_bins():
    assert middle_bin(torch.full((1, 4), -20.0)).tolist() == [3]
