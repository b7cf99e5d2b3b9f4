"""A small index with known structure: four clusters, each with a sequence of its own."""

import numpy as np
import pytest

from lapa.types import LatentIndex

SEQUENCES = ((0, 1, 2, 3), (4, 5, 6, 7), (0, 0, 0, 0), (7, 1, 7, 1))
CENTRES = ((0.0, 0.0), (10.0, 0.0), (0.0, 10.0), (10.0, 10.0))
MOVES = ((0.1, 0.0), (0.0, 0.1), (-0.1, 0.0), (np.nan, np.nan))
PER_CLUSTER = (40, 30, 20, 10)


def make_index(per_cluster=PER_CLUSTER, *, is_shared: bool = False) -> LatentIndex:
    """Return the index of a model with a codebook per token, each half as wide as the last; or with one for all."""
    rng = np.random.default_rng(0)
    which = np.repeat(np.arange(4), per_cluster)
    num = len(which)
    tokens = np.array(SEQUENCES, np.int16)[which]
    codebooks = (rng.normal(size=(4, 8, 6)) * 0.5 ** np.arange(4)[:, None, None]).astype(np.float32)
    codebooks = np.repeat(codebooks[:1], 4, axis=0) if is_shared else codebooks
    vectors = codebooks[np.arange(4), tokens]
    continuous = vectors if is_shared else vectors.sum(axis=1, keepdims=True)
    xy = (np.array(CENTRES)[which] + rng.normal(size=(num, 2)) * 0.1).astype(np.float32)
    return LatentIndex(
        laq="c0ffee" * 10,
        data="four clusters",
        codebook_size=8,
        codebooks=codebooks,
        window=6,
        window_s=0.6,
        tokens=tokens,
        continuous=continuous + rng.normal(size=continuous.shape).astype(np.float32) * np.float32(0.01),
        clip=(which % 3).astype(np.int32),
        t=np.arange(num, dtype=np.int32),
        magnitude=np.linspace(0, 0.1, num, dtype=np.float32),
        displacement=np.array(MOVES, np.float32)[which],
        pca=xy[:, ::-1].copy(),
        umap=xy,
        novelty_center=np.zeros(3, np.float32),
        novelty_axes=np.zeros((2, 3), np.float32),
        novelty_scale=np.ones(2, np.float32),
        clip_names=("first", "second <i>", "third"),
        clip_instructions=("push the star", "<script>slide</script> it", ""),
        clip_splits=("train", "validation", "train"),
    )


@pytest.fixture(scope="session")
def index() -> LatentIndex:
    return make_index()


@pytest.fixture(scope="session")
def shared_index() -> LatentIndex:
    return make_index(is_shared=True)
