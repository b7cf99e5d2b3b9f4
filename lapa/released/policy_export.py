"""The way back: an imported or finetuned policy as a `params` file that the authors' code loads.

Leaf by leaf, each layer read from its own file, so memory stays at one layer. A policy that was imported is written
in the layout it came in, which makes an untouched one the same file again, byte for byte; of a training state it
writes the parameters under the names they have there, not the optimizer's numbers.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from lapa.checkpoint import read_config
from lapa.models.action_bins import ActionBins
from lapa.models.robot import ACTIONS_FILE
from lapa.released.action_bins_csv import BINS_FILE, write_bins
from lapa.released.params_names import OPTIONAL, leaf_shape, official_paths, to_theirs, weight_names
from lapa.released.params_stream import DTYPES, LeafPath
from lapa.released.params_writer import CHUNK_BYTES, write_leaf
from lapa.released.policy import TOKENIZER, released_shape
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.policy_import import PROVENANCE, read_record
from lapa.released.policy_store import Shards
from lapa.types import LapaError


def export_policy(policy: Path, out: Path) -> Path:
    """Write `params`, `tokenizer.model` and, for a robot's policy, `action_bins.csv` into the folder `out`.

    Raises:
        LapaError: if `policy` is not a released policy, or `out` has such files already.
    """
    config = read_config(policy)
    shape, shards = released_shape(config, policy), Shards(policy)
    if (out / "params").exists():
        raise LapaError(f"'{out}/params' is there already: give another folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    record = read_record(policy)
    paths, dtypes, chunk_bytes = _layout(record, shape)
    prefix = tuple((record or {}).get("prefix", ()))
    temporary = out / ".params.tmp"
    with open(temporary, "wb") as file:
        for path, dtype in tqdm(list(zip(paths, dtypes, strict=True)), desc="export", unit="array", mininterval=1.0):
            parts = (part.to(dtype) for part in _parts(path, shape, shards))
            try:
                write_leaf(file, prefix + path, leaf_shape(path, shape), dtype, parts, chunk_bytes=chunk_bytes)
            except ValueError as error:
                temporary.unlink()
                raise LapaError(f"'{policy}' cannot be written in the authors' format: {error}") from error
    os.replace(temporary, out / "params")
    shutil.copyfile(policy / TOKENIZER, out / TOKENIZER)
    _write_bins(policy, out)
    return out


def loading_options(policy: Path, out: Path) -> str:
    """Return the options with which the authors' code loads what `export_policy` wrote."""
    prefix = tuple((read_record(policy) or {}).get("prefix", ()))
    kind = "trainstate_params" if prefix == ("params", "params") else "params"
    options = f'--load_checkpoint "{kind}::{out}/params" --vocab_file {out / TOKENIZER}'
    shape = released_shape(read_config(policy), policy)
    if not shape.num_actions:
        return options
    table = f" --action_scale_file {out / BINS_FILE}" if (out / BINS_FILE).is_file() else ""
    return f"{options}{table} and action_vocab_size {shape.num_actions}"


def _write_bins(policy: Path, out: Path) -> None:
    """Write a robot policy's table of bins: the very file it was imported with, or one of our bins."""
    if (policy / BINS_FILE).is_file():
        shutil.copyfile(policy / BINS_FILE, out / BINS_FILE)
    elif (policy / ACTIONS_FILE).is_file():
        write_bins(ActionBins.from_json((policy / ACTIONS_FILE).read_text(encoding="utf-8")), out / BINS_FILE)


def _layout(record: dict | None, shape: ReleasedPolicyConfig) -> tuple[list[LeafPath], list[torch.dtype], int]:
    """Return the leaves in order, their types, and above how many bytes an array is stored in chunks."""
    if record is None:
        paths = official_paths(shape)
        return paths, [torch.bfloat16] * len(paths), CHUNK_BYTES
    try:
        stored = {tuple(leaf["path"]): DTYPES[leaf["dtype"]] for leaf in record["leaves"]}
        chunk_bytes = int(record["chunk_bytes"])
    except (KeyError, TypeError, ValueError) as error:
        raise LapaError(f"{PROVENANCE} does not say how the weights were laid out: import the policy again") from error
    kept = [path for path in stored if shape.num_actions or "/".join(path) not in OPTIONAL]
    added = [
        tuple(name.split("/"))
        for name in sorted(OPTIONAL)
        if shape.num_actions and tuple(name.split("/")) not in stored
    ]
    types = [stored[path] for path in kept] + [next(iter(stored.values()))] * len(added)
    return kept + added, types, chunk_bytes


def _parts(path: LeafPath, shape: ReleasedPolicyConfig, shards: Shards) -> Iterator[Tensor]:
    names, turn = weight_names(path, shape.num_layers)
    for name in names:
        for _, tensor in shards.read([name]):
            yield to_theirs(tensor, turn, shape.num_heads)
