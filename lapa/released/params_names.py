"""Which parameter of the `params` file becomes which weight of ours, and back.

The authors' layers are stacked on a first axis ("scanned") or numbered; dense kernels are (in, out), ours (out, in);
queries and keys pair neighbouring dimensions under rotation where `transformers` pairs the two halves of a head, so
their rows are reordered. All of it is a permutation: nothing is computed and nothing is lost.

Source: assets/docs/released_formats.md ("The policy's network", "Rotary angles and precision"); Meta's layout becomes
Hugging Face's as in transformers' own LLaMA conversion.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from einops import rearrange
from torch import Tensor

from lapa.released.params_stream import Leaf, LeafPath
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.types import LapaError

Turn = Literal["as is", "transpose", "transpose, reorder heads"]

WHOLE: dict[str, tuple[str, Turn]] = {
    "transformer/wte/embedding": ("language.embed_tokens.weight", "as is"),
    "transformer/vte/embedding": ("vision_embed.weight", "as is"),
    "transformer/dte/embedding": ("latent_embed.weight", "as is"),
    "transformer/ate/embedding": ("action_embed.weight", "as is"),
    "transformer/ln_f/kernel": ("language.norm.weight", "as is"),
    "lm_head/kernel": ("text_head.weight", "transpose"),
    "vision_head/kernel": ("vision_head.weight", "transpose"),
    "delta_head/kernel": ("latent_head.weight", "transpose"),
    "action_head/kernel": ("action_head.weight", "transpose"),
}
PER_LAYER: dict[str, tuple[str, Turn]] = {
    "attention/wq/kernel": ("self_attn.q_proj.weight", "transpose, reorder heads"),
    "attention/wk/kernel": ("self_attn.k_proj.weight", "transpose, reorder heads"),
    "attention/wv/kernel": ("self_attn.v_proj.weight", "transpose"),
    "attention/wo/kernel": ("self_attn.o_proj.weight", "transpose"),
    "feed_forward/w1/kernel": ("mlp.gate_proj.weight", "transpose"),
    "feed_forward/w3/kernel": ("mlp.up_proj.weight", "transpose"),
    "feed_forward/w2/kernel": ("mlp.down_proj.weight", "transpose"),
    "attention_norm/kernel": ("input_layernorm.weight", "as is"),
    "ffn_norm/kernel": ("post_attention_layernorm.weight", "as is"),
}
SCANNED = "transformer/h/scan_decoder/"
OPTIONAL = {"transformer/ate/embedding", "action_head/kernel"}


@dataclass(frozen=True, kw_only=True)
class Weight:
    """One weight of ours: its name, the leaf it is in, its layer in a stack (None: the whole leaf), how it turns."""

    name: str
    leaf: Leaf
    layer: int | None
    turn: Turn

    def read(self, num_heads: int) -> Tensor:
        """Read it from the `params` file, in our layout."""
        return to_ours(self.leaf.read(self.layer), self.turn, num_heads)


def read_shape(leaves: Sequence[Leaf], file: str | Path, **known) -> ReleasedPolicyConfig:
    """Read the policy's shape off its parameters; `known` are the fields that they do not say.

    Raises:
        LapaError: if a parameter is missing, unknown or of another shape than the others ask for.
    """
    by_name = {leaf.name: leaf for leaf in leaves}
    strange = sorted(name for name in by_name if _place(name) is None)
    if strange:
        raise LapaError(
            f"'{file}' has the parameter '{strange[0]}', which is no part of a LAPA policy: give its 'params'"
        )
    needed = set(WHOLE) if OPTIONAL & set(by_name) else set(WHOLE) - OPTIONAL
    if lost := sorted(needed - set(by_name)):
        raise LapaError(
            f"'{file}' has no '{lost[0]}'{_lwm_hint(lost[0])}: it is not a whole LAPA policy; download it again"
        )
    num_layers, stacked = _count_layers(by_name, file)
    vocab_size, width = _axes(by_name["transformer/wte/embedding"], 2)
    gate = by_name.get(f"{SCANNED}feed_forward/w1/kernel") or by_name["transformer/h/0/feed_forward/w1/kernel"]
    actions = by_name.get("transformer/ate/embedding")
    config = ReleasedPolicyConfig(
        vocab_size=vocab_size,
        vision_vocab_size=_axes(by_name["transformer/vte/embedding"], 2)[0],
        codebook_size=_axes(by_name["transformer/dte/embedding"], 2)[0],
        num_actions=_axes(actions, 2)[0] if actions else 0,
        width=width,
        hidden=gate.shape[-1],
        num_layers=num_layers,
        **known,
    )
    if config.width % config.num_heads or config.width // config.num_heads % 2:
        raise LapaError(f"a width of {width} does not come out even in {config.num_heads} heads: name the right number")
    for leaf in leaves:
        wanted = _shape(leaf.name, config, stacked)
        if leaf.shape != wanted:
            raise LapaError(f"'{leaf.name}' in '{file}' has shape {list(leaf.shape)}, but {list(wanted)} is needed")
    return config


def weights_of(leaves: Sequence[Leaf]) -> dict[str, list[Weight]]:
    """List our weights in shards: "outer" and "layer-00", "layer-01", ..."""
    shards: dict[str, list[Weight]] = {"outer": []}
    for leaf in leaves:
        layer, name, turn = _place(leaf.name)
        if layer is None:
            shards["outer"].append(Weight(name=name, leaf=leaf, layer=None, turn=turn))
            continue
        for i in range(leaf.shape[0]) if layer == "all" else [int(layer)]:
            weight = Weight(
                name=f"language.layers.{i}.{name}", leaf=leaf, layer=i if layer == "all" else None, turn=turn
            )
            shards.setdefault(f"layer-{i:02d}", []).append(weight)
    return dict(sorted(shards.items(), key=lambda item: (item[0] != "outer", item[0])))


def weight_names(path: LeafPath, num_layers: int) -> tuple[list[str], Turn]:
    """Return the weights of ours that make up a leaf of the authors', layer by layer, and how they turn."""
    layer, name, turn = _place("/".join(path))
    if layer is None:
        return [name], turn
    return [f"language.layers.{i}.{name}" for i in (range(num_layers) if layer == "all" else [layer])], turn


def to_ours(tensor: Tensor, turn: Turn, num_heads: int) -> Tensor:
    """Turn a leaf (or one layer of it) into a weight of ours."""
    if turn == "as is":
        return tensor
    if turn == "transpose":
        return tensor.T.contiguous()
    return rearrange(tensor, "i (n d two) -> (n two d) i", n=num_heads, two=2).contiguous()


def to_theirs(tensor: Tensor, turn: Turn, num_heads: int) -> Tensor:
    """Invert `to_ours`."""
    if turn == "as is":
        return tensor
    if turn == "transpose":
        return tensor.T.contiguous()
    return rearrange(tensor, "(n two d) i -> i (n d two)", n=num_heads, two=2).contiguous()


def leaf_shape(path: LeafPath, config: ReleasedPolicyConfig) -> tuple[int, ...]:
    """Return the shape of a leaf, from its path and the policy's shape."""
    name = "/".join(path)
    return _shape(name, config, name.startswith(SCANNED))


def official_paths(config: ReleasedPolicyConfig) -> list[LeafPath]:
    """List the leaves of a policy as the authors' code saves it: layers stacked, in the order of its dictionary."""
    names = [name for name in WHOLE if config.num_actions or name not in OPTIONAL]
    return [tuple(name.split("/")) for name in sorted([*names, *(SCANNED + name for name in PER_LAYER)])]


def _place(name: str) -> tuple[str | None, str, Turn] | None:
    """Return (layer: None, "all" or its number, name of ours, turn) of a leaf; None for an unknown one."""
    if name in WHOLE:
        return None, *WHOLE[name]
    found = re.fullmatch(r"transformer/h/(scan_decoder|0|[1-9]\d{0,3})/(.+)", name)
    if not found or found[2] not in PER_LAYER:
        return None
    return "all" if found[1] == "scan_decoder" else found[1], *PER_LAYER[found[2]]


def _count_layers(by_name: dict[str, Leaf], file: str | Path) -> tuple[int, bool]:
    stacked = {name for name in by_name if name.startswith(SCANNED)}
    numbers = {int(name.split("/")[2]) for name in by_name if re.match(r"transformer/h/\d", name)}
    if bool(stacked) == bool(numbers):
        raise LapaError(
            f"'{file}' has {'both stacked and numbered' if stacked else 'no'} layers: it is not a LAPA policy"
        )
    if stacked:
        wanted = {SCANNED + name for name in PER_LAYER}
        count = next((by_name[name].shape[0] for name in sorted(stacked) if by_name[name].shape), 0)
    else:
        count = max(numbers) + 1
        wanted = {f"transformer/h/{i}/{name}" for i in range(count) for name in PER_LAYER}
    lost = sorted(wanted - set(by_name))
    if lost:
        raise LapaError(f"'{file}' has no '{lost[0]}': it is not a whole LAPA policy; download it again")
    return count, bool(stacked)


def _shape(name: str, config: ReleasedPolicyConfig, stacked: bool) -> tuple[int, ...]:
    width, hidden = config.width, config.hidden
    ids = {
        "wte": config.vocab_size,
        "vte": config.vision_vocab_size,
        "dte": config.codebook_size,
        "ate": config.num_actions,
        "lm_head": config.vocab_size,
        "vision_head": config.vision_vocab_size,
        "delta_head": config.codebook_size,
        "action_head": config.num_actions,
    }
    parts = name.split("/")
    if name in WHOLE:
        if parts[-1] == "embedding":
            return ids[parts[1]], width
        return (width,) if "ln_f" in parts else (width, ids[parts[0]])
    if "norm" in name:
        shape = (width,)
    elif "attention" in name:
        shape = (width, width)
    else:
        shape = (hidden, width) if "/w2/" in name else (width, hidden)
    return (config.num_layers, *shape) if stacked else shape


def _axes(leaf: Leaf, count: int) -> tuple[int, ...]:
    if len(leaf.shape) != count:
        raise LapaError(f"'{leaf.name}' in '{leaf.file}' has shape {list(leaf.shape)}, which is no policy's")
    return leaf.shape


def _lwm_hint(name: str) -> str:
    return " (as LWM, which LAPA started from)" if name in ("transformer/dte/embedding", "delta_head/kernel") else ""
