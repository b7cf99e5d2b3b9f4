"""The language model of a released policy: `transformers`' Llama with the authors' arithmetic in three places.

Taken over unchanged, because the mathematics is the same: the decoder layer (pre-norm attention and gated MLP, no
biases), its linear layers, the residual sums and the cache of keys and values. Our own, because it is not:

    angles      the released weights were trained with rotary angles that had been rounded to bfloat16, which moves
                them by up to one radian within 392 positions. Precise angles give other tokens.
    norms       statistics in float32, rounded to the weights' type before the weight multiplies (Llama's own rounds
                to the type of its input, which is float32 in our multi-token passes).
    attention   scores, softmax and weighted sum in float32 on queries and keys rounded to the weights' type.

The residual stream is what is put in: float32 over many tokens, the weights' type over one (see policy_net.py).
Pairs under rotation are the halves of a head here; `params_names.py` reorders the rows of queries and keys.

Source: assets/docs/released_formats.md ("Rotary angles and precision"), measured on the authors' own code.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import AttentionInterface, DynamicCache, LlamaConfig, LlamaModel
from transformers.models.llama.modeling_llama import LlamaRMSNorm

from lapa.released.policy_config import PAD, ReleasedPolicyConfig

ATTENTION = "lapa_released"


class RoundedAngles(nn.Module):
    """Cosine and sine of each position's angles, rounded as in training; in place of Llama's rotary embedding."""

    def __init__(self, head_width: int, base: float, dtype: torch.dtype):
        super().__init__()
        self._head_width, self._base, self._dtype = head_width, base, dtype

    def forward(
        self, hidden: Float[Tensor, "b s d"], position_ids: Int[Tensor, "_ s"]
    ) -> tuple[Float[Tensor, "_ s e"], Float[Tensor, "_ s e"]]:
        """Return cos and sin, float32, whatever the type of `hidden`: the rotation itself is done in float32."""
        exponents = torch.arange(0, self._head_width, 2, dtype=torch.float64, device=hidden.device) / self._head_width
        angles = (position_ids[..., None].double() * self._base**-exponents).to(self._dtype).float()
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos().to(self._dtype).float(), angles.sin().to(self._dtype).float()


class WeightTypeNorm(LlamaRMSNorm):
    """Llama's RMSNorm, its result in the type of its weight."""

    def forward(self, hidden_states: Float[Tensor, "b s d"]) -> Float[Tensor, "b s d"]:
        hidden = hidden_states.float()
        scale = torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)
        return self.weight * (hidden * scale).to(self.weight.dtype)


def float32_attention(
    module: nn.Module,
    query: Float[Tensor, "b n s e"],
    key: Float[Tensor, "b n m e"],
    value: Float[Tensor, "b n m e"],
    attention_mask: Bool[Tensor, "b 1 s m"],
    scaling: float,
    dropout: float = 0.0,
    **_,
) -> tuple[Float[Tensor, "b s n e"], None]:
    """Attend in float32 over queries and keys rounded to the values' type; the result has that type too."""
    with torch.autocast(value.device.type, enabled=False):  # training's would take it down to bfloat16
        rounded = (x.to(value.dtype).float() for x in (query, key, value))
        out = F.scaled_dot_product_attention(*rounded, attn_mask=attention_mask, scale=scaling)
    return out.to(value.dtype).transpose(1, 2).contiguous(), None


class RoundedCache(DynamicCache):
    """Keys and values in the values' type: rotated keys come in float32, and attention rounds them anyway."""

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args, **kwargs):
        return super().update(key_states.to(value_states.dtype), value_states, layer_idx, *args, **kwargs)


AttentionInterface.register(ATTENTION, float32_attention)


def build_decoder(config: ReleasedPolicyConfig) -> LlamaModel:
    """Build the decoder without meaningful weights; takes a 4-D mask, true where a place may look."""
    llama = LlamaConfig(
        vocab_size=config.vocab_size,
        hidden_size=config.width,
        intermediate_size=config.hidden,
        num_hidden_layers=config.num_layers,
        num_attention_heads=config.num_heads,
        num_key_value_heads=config.num_heads,
        head_dim=config.width // config.num_heads,
        rms_norm_eps=config.norm_eps,
        pad_token_id=PAD,
        attn_implementation=ATTENTION,
    )
    model = LlamaModel(llama)
    head_width = config.width // config.num_heads
    model.rotary_emb = RoundedAngles(head_width, config.rope_base, getattr(torch, config.rope_table))
    for layer in model.layers:
        layer.input_layernorm = WeightTypeNorm(config.width, config.norm_eps)
        layer.post_attention_layernorm = WeightTypeNorm(config.width, config.norm_eps)
    model.norm = WeightTypeNorm(config.width, config.norm_eps)
    model.embed_tokens.padding_idx = None  # id 0 is a token like any other where it is not masked
    return model
