"""The shape of a released policy, and the words of the authors' code for it.

Of LLaMA-7B's numbers only the number of heads and the base of the rotary angles cannot be read off the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NUM_PATCHES = 256
"""Image codes of a frame of the released policies: 16 x 16, row by row."""
END_OF_VISION = 8193
"""Vision id that closes a frame (8192 would close one of several)."""
BOS, EOS, PAD = 1, 2, 0
CODE_SEQ_LEN = 4
WINDOW_S = 0.6
"""Seconds between the two frames of a latent action in the robot videos it was trained on (paper, Appendix F)."""


@dataclass(frozen=True, kw_only=True)
class ReleasedPolicyConfig:
    """Shape of a released policy; the defaults are LAPA-7B-openx."""

    architecture: Literal["released"] = "released"
    """Tells config.json of this policy from one of ours."""
    vocab_size: int = 32_000
    """Text ids."""
    vision_vocab_size: int = 8448
    """Vision ids: 8192 image codes, two ends, the rest unused."""
    codebook_size: int = 8
    """Latent codes of each token (released code: delta_vocab_size)."""
    num_actions: int = 0
    """Action ids of a finetuned policy (released code: action_vocab_size); 0 for a latent one."""
    width: int = 4096
    """Width of the language model."""
    hidden: int = 11_008
    """Inner width of its MLP."""
    num_layers: int = 32
    """Its layers."""
    num_heads: int = 32
    """Its attention heads."""
    rope_base: float = 50_000_000.0
    """Base of the rotary angles (released code: theta)."""
    norm_eps: float = 1e-6
    """Added to the mean square in each RMSNorm."""
    rope_table: Literal["bfloat16", "float32"] = "bfloat16"
    """Precision of the rotary angles. Training rounded them to bfloat16, so float32 ones are wrong for its weights."""
    code_seq_len: int = CODE_SEQ_LEN
    """Tokens of a latent action."""
