"""From a quantizer file of the authors to one of our checkpoints, which every verb and the app accept."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lapa.checkpoint import save_checkpoint
from lapa.released.laq_read import read_laq
from lapa.types import LapaError


def import_laq(
    path: str | Path,
    out: str | Path,
    *,
    window_s: float,
    image_size: int | None = None,
    data: str = "",
) -> Path:
    """Write the quantizer in `path` as a checkpoint of kind "laq" to the folder `out`.

    The file does not know its `window_s`, nor what `data` it was trained on: both are recorded as given. For
    `image_size` see `read_laq`.

    Raises:
        LapaError: if `out` holds a checkpoint already, or as `read_laq`.
    """
    path, out = Path(path), Path(out)
    if (out / "config.json").exists():
        raise LapaError(f"'{out}' holds a checkpoint already: name a new folder, or delete it first")
    config, tensors = read_laq(path, image_size=image_size)
    stage = {
        "window_s": window_s,
        "data": data or f"not recorded in {path.name}",
        "imported": path.name,
        "imported_sha256": _sha256(path),
    }
    return save_checkpoint(out, kind="laq", model=config, tensors=tensors, stage=stage)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
