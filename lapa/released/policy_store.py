"""A released policy on disk: one safetensors file per layer, an index, and nothing that must be read whole.

    DIR/config.json, provenance.json         what it is, where it is from
    DIR/model-outer.safetensors, model-layer-00.safetensors, ...
    DIR/model.safetensors.index.json         weight -> file, as `transformers` and `accelerate` have it; sha256 of each
    DIR/vqgan/, DIR/tokenizer.model          the image and the text tokenizer

Weights can be placed on several devices; what fits on none stays on disk and is fetched for each pass.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from accelerate import dispatch_model, infer_auto_device_map, init_empty_weights
from accelerate.utils import set_module_tensor_to_device
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from lapa.checkpoint import write_text
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.policy_net import ReleasedNet
from lapa.types import LapaError

INDEX = "model.safetensors.index.json"
NOT_SPLIT = ["LlamaDecoderLayer"]

Place = int | str | torch.device


def shard_file(name: str) -> str:
    """Return the file name of a shard ("outer", "layer-00")."""
    return f"model-{name}.safetensors"


def shard_of(weight: str) -> str:
    """Return which shard a weight of ours belongs to."""
    parts = weight.split(".")
    return f"layer-{int(parts[2]):02d}" if parts[:2] == ["language", "layers"] else "outer"


def write_shard(folder: Path, name: str, tensors: Mapping[str, Tensor]) -> dict:
    """Write one shard, whole or not at all; return what the index says of it."""
    temporary, path = folder / f".{name}.tmp", folder / shard_file(name)
    save_file({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, temporary)
    os.replace(temporary, path)
    return {"sha256": sha256_of(path), "weights": sorted(tensors), "bytes": path.stat().st_size}


def write_index(folder: Path, shards: Mapping[str, dict]) -> None:
    """Write the index, from what `write_shard` said of each shard."""
    index = {
        "metadata": {
            "total_size": sum(shard["bytes"] for shard in shards.values()),
            "sha256": {shard_file(name): shard["sha256"] for name, shard in sorted(shards.items())},
        },
        "weight_map": {w: shard_file(name) for name, shard in sorted(shards.items()) for w in shard["weights"]},
    }
    write_text(folder / INDEX, json.dumps(index, indent=1) + "\n")


def write_weights(folder: Path, weights: Mapping[str, Tensor]) -> None:
    """Write all weights of a network that is in memory."""
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, list[str]] = {}
    for weight in weights:
        names.setdefault(shard_of(weight), []).append(weight)
    write_index(folder, {n: write_shard(folder, n, {w: weights[w] for w in group}) for n, group in names.items()})


def fingerprint_policy(folder: str | Path) -> str:
    """Return the sha256 of a policy: of its index, which holds those of its files."""
    return sha256_of(Path(folder) / INDEX)


def sha256_of(path: str | Path) -> str:
    """Return the sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Shards:
    """The weights of a policy on disk, read one by one."""

    def __init__(self, folder: str | Path):
        """Read the index.

        Raises:
            LapaError: if it is not there or damaged, or a file it names is missing.
        """
        self.folder = Path(folder)
        try:
            read = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            self.files: dict[str, str] = dict(read["weight_map"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise LapaError(f"'{folder}/{INDEX}' is missing or damaged: import the policy again") from error
        for name in sorted(set(self.files.values())):
            if Path(name).name != name or not (self.folder / name).is_file():
                raise LapaError(f"'{folder}' has no '{name[:80]}': copy it again, or import the policy again")

    def read(self, names: Iterable[str]) -> Iterable[tuple[str, Tensor]]:
        """Read weights, file by file.

        Raises:
            LapaError: if a file is damaged.
        """
        wanted = sorted(names, key=lambda name: (self.files[name], name))
        for file in dict.fromkeys(self.files[name] for name in wanted):
            try:
                with safe_open(self.folder / file, "pt") as opened:
                    for name in (name for name in wanted if self.files[name] == file):
                        yield name, opened.get_tensor(name)
            except SafetensorError as error:
                raise LapaError(f"'{self.folder / file}' is damaged: import the policy again") from error

    def dtype(self) -> torch.dtype:
        """Return the type the weights are stored in."""
        return next(iter(self.read(["language.norm.weight"])))[1].dtype


def load_net(
    folder: str | Path,
    config: ReleasedPolicyConfig,
    *,
    dtype: torch.dtype | None = None,
    device_map: str | dict[str, Place] = "auto",
    max_memory: dict[Place, int | str] | None = None,
) -> ReleasedNet:
    """Load the network, a layer at a time, onto one device or several.

    `device_map` is a device, "auto" (fill the GPUs, then memory, then leave the rest on disk) or accelerate's map of
    modules; `max_memory` bounds each device for "auto", such as {0: "10GiB", "cpu": "6GiB"}. `dtype`: as stored.

    Raises:
        LapaError: if weights are missing, damaged or of other shapes than `config` says.
    """
    shards = Shards(folder)
    dtype = dtype or shards.dtype()
    with init_empty_weights():
        net = ReleasedNet(config)
    wanted = net.state_dict()
    wrong = sorted(set(wanted) ^ set(shards.files))
    if wrong:
        raise LapaError(f"the weights in '{folder}' do not fit its config.json ('{wrong[0]}'): import the policy again")
    places = _places(net, device_map, dtype, max_memory)
    on_disk = [name for name in wanted if _place_of(name, places) == "disk"]
    for name, tensor in shards.read(set(wanted) - set(on_disk)):
        if tensor.shape != wanted[name].shape:
            raise LapaError(f"'{name}' in '{folder}' does not fit its config.json: import the policy again")
        set_module_tensor_to_device(net, name, _place_of(name, places), value=tensor, dtype=dtype)
    net.eval().requires_grad_(False)
    if len(set(places.values())) == 1 and not on_disk:
        return net
    stored = {
        name: {
            "safetensors_file": str(shards.folder / shards.files[name]),
            "weight_name": name,
            "dtype": str(dtype).removeprefix("torch."),
        }
        for name in on_disk
    }
    return dispatch_model(net, places, offload_dir=str(folder), offload_index=stored or None)


def _places(
    net: ReleasedNet, device_map: str | dict[str, Place], dtype: torch.dtype, max_memory: dict[Place, int | str] | None
) -> dict[str, Place]:
    if isinstance(device_map, dict):
        return device_map
    if device_map != "auto":
        return {"": device_map}
    return infer_auto_device_map(net, max_memory=max_memory, no_split_module_classes=NOT_SPLIT, dtype=dtype)


def _place_of(name: str, places: dict[str, Place]) -> Place:
    parts = name.split(".")
    for length in range(len(parts), -1, -1):
        if (found := places.get(".".join(parts[:length]))) is not None:
            return found
    raise LapaError(f"the device map has no place for '{name}'")
