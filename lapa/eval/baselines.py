"""What latent actions must beat: features of a pair of frames that nobody trained to be actions.

    PCA of the frame difference, an untrained quantizer of the same shape, and the difference of pretrained features.

All are given their best: components are whitened and fitted on the very pairs that are judged, codes of the untrained
quantizer lie where its latents do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float16, Int
from sklearn.decomposition import PCA
from torch import Tensor

from lapa.eval.sample import Batch
from lapa.models.laq import LAQ
from lapa.models.load import AnyLAQ
from lapa.models.vision import FrozenVision
from lapa.types import LapaError

SIDE = 64
"""Frame differences are kept at this size, in pixels."""
GRID = 8
"""Pretrained features are of GRID x GRID patches."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rivals:
    """One row per pair.

    Attributes:
        difference: of the two frames, at `SIDE` pixels.
        untrained_tokens, untrained_continuous: of the untrained quantizer.
        pretrained: difference of pretrained features, or None where none are set.
    """

    difference: Float16[np.ndarray, "n d"]
    untrained_tokens: Int[np.ndarray, "n l"]
    untrained_continuous: Float[np.ndarray, "n f"]
    pretrained: Float16[np.ndarray, "n e"] | None


class Baselines:
    """Computes the baselines' features batch by batch.

    Args:
        laq: whose shape the untrained quantizer has.
        features: folder of a local vision transformer, as `save_pretrained` of `transformers` writes it, or None.

    Raises:
        LapaError: if `features` is no such folder.
    """

    def __init__(self, laq: AnyLAQ, *, features: Path | None = None, seed: int = 0):
        self._device, self._seed, self._is_placed = next(laq.parameters()).device, seed, False
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._untrained = type(laq)(laq.config).eval().requires_grad_(False).to(self._device)
        if features is not None and not (features / "config.json").is_file():
            raise LapaError(f"'{features}' holds no vision model: give a folder with config.json and model.safetensors")
        self._vision = None if features is None else FrozenVision(str(features), GRID).to(self._device)

    @torch.inference_mode()
    def look(self, batch: Batch) -> Rivals:
        """Return the features of a batch."""
        if not self._is_placed:
            self._place_codes(batch)
        seen = self._untrained.encode(batch.frame, batch.future)
        small = F.adaptive_avg_pool2d(batch.future - batch.frame, SIDE).flatten(1)
        pretrained = None
        if self._vision is not None:
            pretrained = _half((self._vision(batch.future) - self._vision(batch.frame)).flatten(1))
        return Rivals(
            difference=_half(small),
            untrained_tokens=seen.tokens.cpu().numpy(),
            untrained_continuous=seen.continuous.flatten(1).float().cpu().numpy(),
            pretrained=pretrained,
        )

    def _place_codes(self, batch: Batch) -> None:
        """Put the codes where training would start them; the released architecture has no such place."""
        self._is_placed = True
        if isinstance(self._untrained, LAQ):
            latents = self._untrained.encode(batch.frame, batch.future).continuous
            self._untrained.quantizer.initialise(latents, torch.Generator().manual_seed(self._seed))


def components(features: Float16[np.ndarray, "n d"], num: int) -> Float[np.ndarray, "n f"]:
    """Return the first `num` whitened principal components, fewer where there are fewer rows or columns."""
    num = min(num, *features.shape, max(1, len(features) - 1))
    pca = PCA(num, whiten=True, svd_solver="randomized", random_state=0)
    return pca.fit_transform(features.astype(np.float32)).astype(np.float64)


def _half(features: Float[Tensor, "b d"]) -> Float16[np.ndarray, "b d"]:
    return features.cpu().numpy().astype(np.float16)
