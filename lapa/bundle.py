"""Bundles: checkpoints that belong together, checkpoints/NAME/{laq,policy,robot,index}, and where data may lie.

A policy or an index is only ever paired with the quantizer it was made with.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lapa.checkpoint import read_config, token_fingerprint
from lapa.types import LapaError

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Where each part lies; None for what is not there."""

    name: str
    laq: Path
    policy: Path | None = None
    robot: Path | None = None
    index: Path | None = None


def checkpoints_folder() -> Path:
    """Return where bundles lie: $LAPA_CHECKPOINTS, or the repository's checkpoints/."""
    return Path(os.environ.get("LAPA_CHECKPOINTS", ROOT / "checkpoints"))


def bundle_names() -> tuple[str, ...]:
    """Return the names of the bundles that have a quantizer; the default one first."""
    names = {path.parent.parent.name for path in checkpoints_folder().glob("*/laq/config.json")}
    return tuple(sorted(names, key=lambda name: (name != "tabletop", name)))


def find_laq(name: str, laq: str | Path | None = None) -> Path:
    """Find a bundle's quantizer, or check the one that stands in for it, whatever else the bundle holds.

    Raises:
        LapaError: if there is no such bundle, or it is not a quantizer.
    """
    path = checkpoints_folder() / name / "laq" if laq is None else Path(laq)
    if laq is None and not (path / "config.json").is_file():
        known = ", ".join(bundle_names()) or "none"
        raise LapaError(
            f"there is no bundle '{name}' in '{checkpoints_folder()}' (there is: {known}): choose one of those, "
            "or name a quantizer with --laq"
        )
    read_config(path, "laq")
    return path


def find_bundle(name: str, **parts: str | Path | None) -> Bundle:
    """Find a bundle's parts; those in `parts` (laq, policy, robot, index) stand in for the bundle's own.

    Raises:
        LapaError: if there is no such bundle, or a part was made with another quantizer.
    """
    named = {kind: Path(path) for kind, path in parts.items() if path is not None}
    laq = find_laq(name, named.get("laq"))
    sha256 = token_fingerprint(laq)
    found = {}
    for kind in ("policy", "robot", "index"):
        path = named.get(kind, checkpoints_folder() / name / kind)
        ours = (path / "config.json").is_file() and ("laq" not in named or _is_of(path, kind, sha256))
        if kind in named or ours:
            _check_parent(path, kind, laq, sha256)
            found[kind] = path
    return Bundle(name=str(laq) if "laq" in named else name, laq=laq, **found)


def window_s(laq: str | Path) -> float:
    """Return the window of a quantizer's checkpoint, in seconds.

    Raises:
        LapaError: if it is not a quantizer, or does not say.
    """
    seconds = (read_config(laq, "laq").get("stage") or {}).get("window_s")
    if not isinstance(seconds, int | float) or seconds <= 0:
        raise LapaError(f"'{laq}/config.json' does not say the window it was trained with (stage.window_s, in seconds)")
    return float(seconds)


def find_data(data: str, clip_name: str) -> Path | None:
    """Return where a video of the data set named `data` lies, if it is on this disk.

    Looked for in $LAPA_DATA and in the repository's data/.
    """
    roots = [Path(os.environ["LAPA_DATA"])] if "LAPA_DATA" in os.environ else []
    roots.append(ROOT / "data")
    found = (root / data / clip_name for root in roots)
    return next((path for path in found if path.exists()), None)


def _parent(path: Path, kind: str) -> str | None:
    """Return the sha256 of the quantizer that a policy or an index was made with; None where it names none."""
    config = read_config(path, kind)
    return config.get("laq") if kind == "index" else (config.get("parents") or {}).get("laq")


def _is_of(path: Path, kind: str, sha256: str) -> bool:
    """Whether a part was made with this quantizer; one that cannot be read was not."""
    try:
        return _parent(path, kind) == sha256
    except LapaError:
        return False


def _check_parent(path: Path, kind: str, laq: Path, sha256: str) -> None:
    parent = _parent(path, kind)
    if parent is not None and parent != sha256:
        verb = {"index": "index", "policy": "train-policy", "robot": "finetune"}[kind]
        raise LapaError(
            f"the {kind} '{path}' was made with another quantizer than '{laq}': make it again with "
            f"'python -m lapa {verb}', or name its own quantizer with --laq"
        )
