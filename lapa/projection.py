"""Two coordinates for many points: PCA, whose distances mean something, and UMAP, whose neighbourhoods do.

UMAP is imported on first use: with its compiler it costs half a minute, and coordinates are computed once, when an
index is built. Knows nothing of latent actions.
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float32

UMAP_MIN_POINTS = 50
"""Below this many different points a UMAP says nothing that PCA does not."""
UMAP_NEIGHBOURS = 15
TRUST_SAMPLE = 2000
"""Points that trustworthiness is measured on: all pairs of them are compared."""
TRUST_NEIGHBOURS = 10

Points = Float32[np.ndarray, "n d"]
Plane = Float32[np.ndarray, "n 2"]


def pca(points: Points) -> Plane:
    """Project on the two widest axes; signs are fixed (the largest loading is positive), missing axes are 0."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    plane = centred @ (axes * np.where(largest < 0, -1.0, 1.0)).T
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))).astype(np.float32)


def umap(points: Points, seed: int) -> Plane:
    """Lay points out so that near ones stay near; the same seed gives the same picture.

    Equal points get equal coordinates (UMAP would spread copies into a cloud). With fewer than 50 different points,
    or points on a line, the answer is PCA's.
    """
    distinct, where = np.unique(points, axis=0, return_inverse=True)
    if len(distinct) < UMAP_MIN_POINTS or np.linalg.matrix_rank(distinct - distinct.mean(axis=0)) < 2:
        return pca(points)
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_jobs value", category=UserWarning)  # a seed means one thread
        layout = UMAP(n_neighbors=UMAP_NEIGHBOURS, init="pca", random_state=seed).fit_transform(distinct)
    return layout.astype(np.float32)[where.reshape(-1)]


def trustworthiness(points: Points, plane: Plane, seed: int) -> float | None:
    """Say how far neighbours on a plane are neighbours in truth, in [0, 1]; 1 is always, about 0.5 is chance.

    Looks at the 10 nearest of each point, on at most 2,000 points drawn with `seed`. None for fewer than 22 points.
    Source: Venna and Kaski 2001, as scikit-learn has it.
    """
    if len(points) > TRUST_SAMPLE:
        drawn = np.sort(np.random.default_rng(seed).choice(len(points), TRUST_SAMPLE, replace=False))
        points, plane = points[drawn], plane[drawn]
    if len(points) < 2 * TRUST_NEIGHBOURS + 2:
        return None
    from sklearn.manifold import trustworthiness as measure

    return round(float(measure(points, plane, n_neighbors=TRUST_NEIGHBOURS)), 4)
