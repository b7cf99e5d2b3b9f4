"""A released policy in 8 or 4 bits per weight, by bitsandbytes: about half or a third of bfloat16's memory.

Only the decoder's linear layers are quantised; tables, norms and heads stay as they are. Each weight is quantised as
it is read, so the whole network is never there at full size.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path

from accelerate import init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from torch import Tensor, nn

from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.policy_net import ReleasedNet
from lapa.released.policy_store import Shards
from lapa.types import LapaError


def load_quantized(folder: str | Path, config: ReleasedPolicyConfig, bits: int, *, device: str) -> ReleasedNet:
    """Load the network with its decoder in `bits` (8 or 4) per weight, the rest as stored.

    Raises:
        LapaError: if bitsandbytes is not installed, or the weights do not fit `config`.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise LapaError(f"{bits}-bit weights need the library bitsandbytes: 'pip install bitsandbytes', or choose bf16")
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # it reports every rounding of an input
    shards = Shards(folder)
    with init_empty_weights():
        net = ReleasedNet(config)
    wanted = net.state_dict()
    if set(wanted) != set(shards.files):
        raise LapaError(f"the weights in '{folder}' do not fit its config.json: import the policy again")
    for name, tensor in shards.read(wanted):
        owner, _, leaf = name.rpartition(".")
        if leaf == "weight" and isinstance(net.get_submodule(owner), nn.Linear) and owner.startswith("language."):
            net.set_submodule(owner, _quantised(tensor, bits, device))
        else:
            set_module_tensor_to_device(net, name, device, value=tensor, dtype=tensor.dtype)
    return net.eval().requires_grad_(False)


def _quantised(weight: Tensor, bits: int, device: str) -> nn.Module:
    from bitsandbytes import nn as few_bits

    sizes = weight.shape[1], weight.shape[0]
    if bits == 8:
        layer = few_bits.Linear8bitLt(*sizes, bias=False, has_fp16_weights=False, device="meta")
        layer.weight = few_bits.Int8Params(weight, requires_grad=False, has_fp16_weights=False)
    else:
        layer = few_bits.Linear4bit(*sizes, bias=False, compute_dtype=weight.dtype, quant_type="nf4", device="meta")
        layer.weight = few_bits.Params4bit(weight, requires_grad=False, quant_type="nf4", module=layer)
    return layer.to(device)
