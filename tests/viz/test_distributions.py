import numpy as np
import pytest

from viz.figures.distributions import divergence_bits, entropy_bits


def test_entropy_runs_from_certain_to_clueless():
    assert entropy_bits(np.array([[1.0, 0, 0, 0], [0.25] * 4])) == pytest.approx([0, 2])


def test_divergence_runs_from_alike_to_disjoint():
    first, second = np.array([[1.0, 0], [0.5, 0.5], [1, 0]]), np.array([[1.0, 0], [1, 0], [0, 1]])
    found = divergence_bits(first, second)
    assert found == pytest.approx([0, 0.3113, 1], abs=1e-4)
    assert found == pytest.approx(divergence_bits(second, first))
