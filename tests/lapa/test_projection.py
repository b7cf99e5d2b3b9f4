"""Coordinates for points: few, equal, flat and many."""

import sys

import numpy as np
import pytest

from lapa import projection


@pytest.mark.parametrize("num", [1, 2, 3, 10])
def test_few_points_are_projected_without_umap(num, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    points = np.random.default_rng(0).normal(size=(num, 5)).astype(np.float32)
    plane = projection.umap(points, 0)
    np.testing.assert_array_equal(plane, projection.pca(points))
    assert plane.shape == (num, 2)
    assert np.isfinite(plane).all()


def test_pca_keeps_distances_of_points_in_a_plane():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(30, 2))
    points = (flat @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]).astype(np.float32)
    plane = projection.pca(points)
    drawn, true = (np.linalg.norm(x[:, None] - x[None], axis=2) for x in (plane, flat))
    np.testing.assert_allclose(drawn, true, atol=1e-5)


def test_umap_is_seeded_and_puts_equal_points_on_one_spot():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(80, 4)).astype(np.float32)
    points[40:] += 12
    points = np.concatenate([points, points[:10]])
    plane = projection.umap(points, 3)
    np.testing.assert_array_equal(plane[:10], plane[80:])
    np.testing.assert_array_equal(plane, projection.umap(points, 3))
    spread = np.linalg.norm(plane[:40].mean(axis=0) - plane[40:80].mean(axis=0))
    assert spread > 2 * np.linalg.norm(plane[:40] - plane[:40].mean(axis=0), axis=1).mean()


def test_a_faithful_plane_is_trusted_and_a_shuffled_one_is_not():
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(3000, 6)) * (9, 7, 0.1, 0.1, 0.1, 0.1)).astype(np.float32)
    plane = projection.pca(points)
    faithful = projection.trustworthiness(points, plane, 0)
    assert faithful > 0.98
    assert 0.4 < projection.trustworthiness(points, rng.permutation(plane), 0) < 0.6
    assert projection.trustworthiness(points, plane, 0) == faithful
    assert projection.trustworthiness(points[:21], plane[:21], 0) is None
