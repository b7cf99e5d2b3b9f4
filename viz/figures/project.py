"""Two coordinates for a handful of points, and a place on a finished map for a new one.

A codebook has eight vectors: too few for UMAP, so their distances are kept as well as a plane can (classical
multidimensional scaling, which for Euclidean distances is PCA). The map of many transitions comes with the index.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

Plane = Float32[np.ndarray, "n 2"]


def distance_matrix(vectors: Float[np.ndarray, "n d"]) -> Float32[np.ndarray, "n n"]:
    """Return Euclidean distances of all pairs."""
    vectors = vectors.astype(np.float64)
    return np.linalg.norm(vectors[:, None] - vectors[None], axis=2).astype(np.float32)


def classical_mds(distances: Float[np.ndarray, "n n"]) -> Plane:
    """Return points in a plane whose distances come as near to those given as a linear projection can.

    Signs are fixed (the largest coordinate of each axis is positive); axes that do not exist are 0.
    """
    squared = distances.astype(np.float64) ** 2
    centred = squared - squared.mean(0) - squared.mean(1)[:, None] + squared.mean()
    values, vectors = np.linalg.eigh(-0.5 * centred)
    plane = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0.0))
    largest = np.take_along_axis(plane, np.abs(plane).argmax(axis=0)[None], axis=0)
    plane = plane * np.where(largest < 0, -1.0, 1.0)
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))).astype(np.float32)


def stress(distances: Float[np.ndarray, "n n"], plane: Plane) -> float:
    """Return how much the plane distorts the distances (Kruskal's stress 1): 0 is exact, above 0.2 is poor."""
    shown = distance_matrix(plane)
    total = float((distances.astype(np.float64) ** 2).sum())
    return float(np.sqrt(((distances - shown).astype(np.float64) ** 2).sum() / total)) if total else 0.0


def place(coordinates: Float[np.ndarray, "m 2"], distances: Float[np.ndarray, "m"]) -> Float32[np.ndarray, "2"]:
    """Place a new point on a map: the mean of its neighbours' coordinates, nearer ones weighing more.

    Args:
        coordinates: of the neighbours, on the map.
        distances: to the neighbours, in the original space; a neighbour at distance 0 decides alone.
    """
    weights = 1.0 / np.maximum(distances.astype(np.float64), 1e-9)
    return (weights @ coordinates / weights.sum()).astype(np.float32)
