"""Frozen eyes: a pretrained vision transformer (DINOv2, DINOv3) that the encoder may look through instead of pixels.

Its weights are not part of a checkpoint: config.json names the model and its fingerprint, and it is opened again from
there. Knows nothing of latent actions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from lapa.types import LapaError

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the pictures DINO was trained on, where a model does not say its own."""


class FrozenVision(nn.Module):
    """Features of a grid of patches, by a model that stays as it is.

    Pictures are scaled so that the model's own patches make the grid: DINOv2's are 14 pixels wide, so a grid of 8 x 8
    is a picture of 112 pixels.

    Args:
        name: a folder as `save_pretrained` of `transformers` writes it, or a name on the Hugging Face hub.
        grid: patches along a side.

    Raises:
        LapaError: if it cannot be opened, or is no vision transformer.
    """

    def __init__(self, name: str, grid: int):
        super().__init__()
        model, mean, std = _open(name)
        patch = getattr(model.config, "patch_size", None)
        if not isinstance(patch, int):
            raise LapaError(f"'{name}' is no vision transformer with square patches: give one, such as DINOv2")
        self.grid, self.side, self.width = grid, grid * patch, model.config.hidden_size
        self._model = (model.eval().requires_grad_(False),)  # in a tuple, so that no checkpoint holds its weights
        self.register_buffer("mean", torch.tensor(mean).reshape(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(3, 1, 1), persistent=False)

    @property
    def sha256(self) -> str:
        """The fingerprint of its weights, which a checkpoint keeps beside its name."""
        return weights_sha256(self._model[0].state_dict())

    @torch.no_grad()
    def forward(self, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b p e"]:
        shown = F.interpolate(pixels, size=(self.side, self.side), mode="bilinear", antialias=True)
        seen = self._model[0](pixel_values=(shown - self.mean) / self.std).last_hidden_state
        return seen[:, -(self.grid**2) :]  # what comes first is no patch: the class token, registers

    def _apply(self, fn: Callable, recurse: bool = True) -> FrozenVision:
        self._model[0]._apply(fn, recurse)
        return super()._apply(fn, recurse)


def weights_sha256(weights: Mapping[str, Tensor]) -> str:
    """Return the sha256 of weights and their names, in the order of the names."""
    digest = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _open(name: str) -> tuple[nn.Module, list[float], list[float]]:
    from transformers import AutoModel, BaseImageProcessor  # heavy, and only needed here

    try:
        model = AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        what = "that folder holds none" if Path(name).exists() else "there is no such folder, and the hub gave none"
        raise LapaError(
            f"the vision model '{name}' cannot be opened, {what} ({(str(error).splitlines() or ['?'])[0][:120]}): "
            "put its folder there, with config.json and model.safetensors"
        ) from error
    try:
        says, _ = BaseImageProcessor.get_image_processor_dict(name)
    except OSError:  # a model without preprocessor_config.json
        says = {}
    return model, list(says.get("image_mean") or MEAN), list(says.get("image_std") or STD)
