import numpy as np
import pytest

from viz.figures.project import classical_mds, distance_matrix, place, stress


def test_points_of_a_plane_keep_their_distances():
    flat = np.random.default_rng(0).normal(size=(8, 2))
    rotated = np.pad(flat, ((0, 0), (0, 5))) @ np.linalg.qr(np.random.default_rng(1).normal(size=(7, 7)))[0]
    distances = distance_matrix(rotated)
    plane = classical_mds(distances)
    assert np.allclose(distance_matrix(plane), distances, atol=1e-4)
    assert stress(distances, plane) < 1e-4


def test_stress_tells_of_what_a_plane_cannot_keep():
    simplex = distance_matrix(np.eye(8))
    assert stress(simplex, classical_mds(simplex)) > 0.2


@pytest.mark.parametrize("num_points", [1, 2, 3])
def test_a_handful_of_points_has_a_plane(num_points):
    points = np.arange(num_points, dtype=np.float64)[:, None] * np.ones(4)
    plane = classical_mds(distance_matrix(points))
    assert plane.shape == (num_points, 2) and np.isfinite(plane).all()
    assert np.allclose(plane[:, 1], 0, atol=1e-3)


def test_a_new_point_lies_with_its_neighbours():
    coordinates = np.array([[0.0, 0.0], [4.0, 0.0]])
    assert np.allclose(place(coordinates, np.array([1.0, 1.0])), [2, 0])
    assert np.allclose(place(coordinates, np.array([1.0, 3.0])), [1, 0])
    assert np.allclose(place(coordinates, np.array([0.0, 3.0])), [0, 0], atol=1e-6)
