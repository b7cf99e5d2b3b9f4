"""How far a frame is from the training frames, so that nobody trusts tokens of pictures the model never saw.

A Mahalanobis distance of pooled vision features, with shrunken variances. Fitted on half of the clips and calibrated
on the other half: within a clip frames are alike, and a fit judged on its own clips would call everything new.
Source: Lee et al. 2018 (arXiv 1807.03888), one class; differs in the features (mean and spread over patches).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from lapa.types import LatentIndex

SHRINKAGE = 0.1
"""Share of the mean variance added to each axis."""
LEAST_SPREAD = 0.01
"""What a standard deviation counts at least, as a share of the features' size: frames that are all alike have none."""
LEAST_RADIUS = 1.0
"""The least distance, in such deviations, up to which a frame is taken to be like the training frames."""
MOST_SAID = 100.0
"""Beyond this score a number says nothing more."""


UNKNOWN = "The frames of this index are all alike, so it cannot say how new this one is: build it again to find out."


@dataclass(frozen=True, kw_only=True)
class Novelty:
    """How unlike its training frames a model finds a frame.

    Attributes:
        score: 1.0 is the 99th percentile of training frames of clips that were held out of the fit.
        inside: whether the score is at most 1.
        sentence: the same in words, for the user.
    """

    score: float
    inside: bool
    sentence: str

    @property
    def short(self) -> str:
        """The same in a few words, such as "1.5x outside the training videos"."""
        if not math.isfinite(self.score):
            return "not known how far from the training videos"
        return f"{'inside' if self.inside else f'{_times(self.score)} outside'} the training videos"


def pool_features(features: Float[Tensor, "b p d"]) -> Float32[np.ndarray, "b e"]:
    """Return mean and spread over patches, e = 2 d."""
    pooled = torch.cat([features.mean(dim=1), features.std(dim=1)], dim=-1)
    return pooled.float().cpu().numpy()


def fit_novelty(
    features: Float32[np.ndarray, "n d"], clips: Int[np.ndarray, "n"], rng: np.random.Generator
) -> tuple[Float32[np.ndarray, "d"], Float32[np.ndarray, "r d"], Float32[np.ndarray, "2"]]:
    """Return centre, whitening axes, and (median, 99th percentile) of the held-out half's distances.

    With a single clip, fit and calibration share it.
    """
    distinct = rng.permutation(np.unique(clips))
    fitted = np.isin(clips, distinct[: (len(distinct) + 1) // 2])
    judged = ~fitted if not fitted.all() else fitted
    centre = features[fitted].mean(axis=0)
    _, spread, axes = np.linalg.svd(features[fitted] - centre, full_matrices=True)
    variance = np.zeros(features.shape[1])
    variance[: len(spread)] = np.square(spread) / max(1, fitted.sum() - 1)
    least = max(LEAST_SPREAD**2 * float(np.square(features[fitted]).mean()), 1e-8)
    scale = 1.0 / np.sqrt(np.maximum(variance + SHRINKAGE * variance.mean(), least))
    whitening = (axes * scale[:, None]).astype(np.float32)
    distances = np.linalg.norm((features[judged] - centre) @ whitening.T, axis=1)
    radii = np.maximum(np.quantile(distances, [0.5, 0.99]), [0.0, LEAST_RADIUS])
    return centre.astype(np.float32), whitening, radii.astype(np.float32)


def novelty(index: LatentIndex, features: Float32[np.ndarray, "d"]) -> Novelty:
    """Judge one frame by its pooled features."""
    distance = float(np.linalg.norm(index.novelty_axes @ (features - index.novelty_center)))
    score = distance / max(float(index.novelty_scale[1]), 1e-6)
    if not np.isfinite(score):  # an index of still clips, built before these had a spread
        return Novelty(score=score, inside=False, sentence=UNKNOWN)
    return Novelty(score=score, inside=score <= 1.0, sentence=_sentence(score))


def _sentence(score: float) -> str:
    if score <= 1.0:
        return "This frame looks like the videos this model was trained on."
    return (
        f"This frame is {_times(score)} farther from the training videos than 99 % of their own frames are: "
        "read its tokens with care."
    )


def _times(score: float) -> str:
    if score < 1.05:
        return "slightly"
    return f"{score:.1f}x" if score < MOST_SAID else f"more than {MOST_SAID:.0f}x"
