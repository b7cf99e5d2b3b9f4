"""Whitening makes small directions as loud as large ones, and is part of the checkpoint."""

import torch

from lapa.models.whiten import Whiten


def test_variance_is_even_and_places_have_no_mean():
    torch.manual_seed(0)
    loud = torch.randn(400, 4, 6) * torch.tensor([30.0, 10.0, 3.0, 2.0, 1.5, 1.0]) + 5 * torch.randn(4, 6)
    whiten = Whiten(4, 6)
    assert torch.equal(whiten(loud), loud), "the identity until fitted"
    whiten.fit(loud)
    flat = whiten(loud).flatten(0, 1)
    covariance = flat.T @ flat / len(flat)
    assert whiten(loud).mean(0).abs().max() < 1e-3
    assert covariance.diagonal().min() > 0.4 and covariance.diagonal().max() < 1.01
    assert (covariance - covariance.diagonal().diag()).abs().max() < 1e-3
    assert set(whiten.state_dict()) == {"mean", "axes"}


def test_a_direction_without_variance_is_not_blown_up():
    features = torch.randn(100, 2, 3)
    features[..., 2] = 1.0
    whiten = Whiten(2, 3)
    whiten.fit(features)
    assert torch.isfinite(whiten(features)).all() and whiten(features)[..., 0].abs().max() < 1e-2
