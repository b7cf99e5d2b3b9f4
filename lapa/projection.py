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
