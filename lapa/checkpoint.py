"""A checkpoint is a directory: config.json, model.safetensors, report.json, metrics.jsonl. Strict, and no pickle.

config.json holds the kind ("laq", "policy", "robot"), the format version, the model's and the stage's config, the
sha256 of the checkpoints it was made from (its parents) and the seed. Knows no model class: the caller builds the
model from `config` and loads `tensors` strictly.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lapa.types import LapaError

FORMAT_VERSION = 1
INDEX_VERSION = 2
"""Of an index: since 2 it has a codebook per token."""
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """An opened checkpoint: its parts, not yet a model."""

    path: Path
    kind: str
    model: dict[str, Any]
    """The model's config, as JSON."""
    stage: dict[str, Any]
    """The config of the stage that made it, as JSON."""
    parents: dict[str, str]
    """Kind of parent -> sha256 of its weights."""
    tensors: dict[str, Tensor]

    @property
    def sha256(self) -> str:
        return fingerprint(self.path)


def save_checkpoint(
    path: Path,
    *,
    kind: str,
    model: Any,
    tensors: dict[str, Tensor],
    stage: Any = None,
    parents: dict[str, str] | None = None,
    seed: int = 0,
    extra_files: dict[str, str] | None = None,
) -> Path:
    """Write a checkpoint directory; `model` and `stage` are dataclasses or JSON dicts, `extra_files` name -> text."""
    path.mkdir(parents=True, exist_ok=True)
    config = {
        "kind": kind,
        "format_version": FORMAT_VERSION,
        "model": _as_json(model),
        "stage": _as_json(stage),
        "parents": parents or {},
        "seed": seed,
    }
    temporary = path / ".model.safetensors.tmp"
    save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary)
    os.replace(temporary, path / "model.safetensors")
    for name, text in (extra_files or {}).items():
        write_text(path / name, text)
    write_text(path / "config.json", json.dumps(config, indent=2) + "\n")
    return path


def load_checkpoint(path: str | Path, kind: str) -> Checkpoint:
    """Read a checkpoint directory of the given kind.

    Raises:
        LapaError: if it is not there, is of another kind, of another format version, or damaged.
    """
    path = Path(path)
    config = read_config(path, kind)
    try:
        tensors = load_file(path / "model.safetensors")
    except (OSError, SafetensorError) as error:
        raise LapaError(f"'{path}/model.safetensors' cannot be read ({_first_line(error)}): copy it again") from error
    return Checkpoint(
        path=path,
        kind=kind,
        model=config["model"],
        stage=config.get("stage") or {},
        parents=config.get("parents") or {},
        tensors=tensors,
    )


def read_config(path: str | Path, kind: str | None = None) -> dict[str, Any]:
    """Read and check config.json alone.

    Raises:
        LapaError: as `load_checkpoint`.
    """
    path = Path(path)
    if not (path / "config.json").is_file():
        raise LapaError(f"'{path}' is not a checkpoint: it has no config.json")
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        found, version = config["kind"], config["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise LapaError(f"'{path}/config.json' is damaged ({_first_line(error)}): copy it again") from error
    if kind is not None and found != kind:
        raise LapaError(f"'{path}' is a checkpoint of kind '{found}', but one of kind '{kind}' is needed here")
    wanted = INDEX_VERSION if found == "index" else FORMAT_VERSION
    if version != wanted:
        remedy = f": rebuild it with 'python -m lapa index --laq LAQ --data DIR --out {path} --overwrite'" * (
            found == "index"
        )
        raise LapaError(f"'{path}' has format version {version}, this program reads version {wanted}{remedy}")
    return config


def config_from(cls: type[T], values: dict[str, Any], path: str | Path = "config.json") -> T:
    """Build a config dataclass from JSON, strictly (unknown or missing fields are refused; lists become tuples).

    Raises:
        LapaError: if a field is unknown or a required one is missing.
    """
    names = {f.name for f in dataclasses.fields(cls)}
    unknown = sorted(set(values) - names)
    if unknown:
        raise LapaError(f"'{path}' has the unknown setting '{unknown[0]}' for {cls.__name__}")
    try:
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except TypeError as error:
        raise LapaError(f"'{path}' does not fit {cls.__name__}: {_first_line(error)}") from error


def fingerprint(path: str | Path) -> str:
    """Return the sha256 of a checkpoint's weights."""
    with open(Path(path) / "model.safetensors", "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def token_fingerprint(path: str | Path) -> str:
    """Return the sha256 by which labels, policies and indexes name the quantizer at `path`.

    It is that of its weights; after `train-decoder`, which leaves all tokens as they are, that of the quantizer before.
    """
    return (read_config(Path(path), "laq").get("parents") or {}).get("encoder") or fingerprint(path)


def write_text(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def _as_json(config: Any) -> dict[str, Any]:
    if config is None:
        return {}
    return dataclasses.asdict(config) if dataclasses.is_dataclass(config) else dict(config)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]
