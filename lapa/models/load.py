"""The one door to a quantizer on disk: its config.json says which architecture it has, ours or the released one.

Whoever needs a quantizer takes an `AnyLAQ`: both have the same verbs (encode, see, compare, decode, code_vectors,
latent_of, decode_vectors, frame_features), `device`, `codebooks`, and a `config` that names image_size, patch,
code_seq_len, codebook_size and code_width.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from lapa.checkpoint import Checkpoint, config_from, load_checkpoint
from lapa.models.laq import LAQ, LAQConfig
from lapa.released.laq import ReleasedLAQ, ReleasedLAQConfig
from lapa.types import LapaError

AnyLAQ: TypeAlias = LAQ | ReleasedLAQ

ARCHITECTURES: dict[str, tuple[type, type]] = {
    "lapa": (LAQConfig, LAQ),
    "released": (ReleasedLAQConfig, ReleasedLAQ),
}
"""What config.json calls an architecture -> its config and its class; "lapa" where it says nothing."""


def load_laq(path: str | Path, *, needs_tokens: bool = True) -> AnyLAQ:
    """Load a quantizer for inference.

    Raises:
        LapaError: if `path` is not a checkpoint of kind "laq", of an unknown architecture, or does not fit its config;
            if it looks through a vision model that is not there, or is another than it was trained with; if it is
            continuous, unless `needs_tokens` is false.
    """
    checkpoint = load_checkpoint(path, "laq")
    name = checkpoint.model.get("architecture", "lapa")
    if name not in ARCHITECTURES:
        raise LapaError(f"'{path}' has the architecture '{name}', this program knows {' and '.join(ARCHITECTURES)}")
    config, architecture = ARCHITECTURES[name]
    model = architecture(config_from(config, checkpoint.model, path))
    try:
        model.load_state_dict(checkpoint.tensors, strict=True)
    except RuntimeError as error:
        raise LapaError(f"the weights in '{path}' do not fit its config.json: copy the checkpoint again") from error
    if isinstance(model, LAQ):
        _check_kind(model, checkpoint, needs_tokens)
    return model.eval().requires_grad_(False)


def _check_kind(model: LAQ, checkpoint: Checkpoint, needs_tokens: bool) -> None:
    """Refuse a quantizer without tokens where they are needed, and one whose vision model was replaced since."""
    if needs_tokens and not model.has_tokens:
        raise LapaError(
            f"'{checkpoint.path}' is a continuous quantizer, an upper bound without tokens: give one that was trained "
            "with another --model.quantizer than none"
        )
    if model.vision is not None and checkpoint.parents.get("vision") != model.vision.sha256:
        raise LapaError(
            f"'{checkpoint.path}' was trained with another vision model than the one at '{model.config.vision}': "
            "put that one back"
        )
