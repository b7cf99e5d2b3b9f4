"""From a quantizer file of the authors to one of our checkpoints, which every verb and the app accept."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from lapa.checkpoint import read_config, save_checkpoint
from lapa.finished import check_same
from lapa.released.laq_read import read_laq
from lapa.types import LapaError


def import_laq(
    path: str | Path,
    out: str | Path,
    *,
    window_s: float,
    image_size: int | None = None,
    data: str = "",
    overwrite: bool = False,
) -> Path:
    """Write the quantizer in `path` as a checkpoint of kind "laq" to the folder `out`.

    The file does not know its `window_s`, nor what `data` it was trained on: both are recorded as given. For
    `image_size` see `read_laq`. A finished import of the same file with the same options is left as it is;
    `overwrite` makes another one again.

    Raises:
        LapaError: if `out` holds a checkpoint that was not imported, or as `read_laq`.
        OtherOptions: if `out` was imported from another file or with other options, unless `overwrite`.
    """
    path, out = Path(path), Path(out)
    config, tensors = read_laq(path, image_size=image_size)
    stage = {
        "window_s": window_s,
        "data": data or f"not recorded in {path.name}",
        "imported": path.name,
        "imported_sha256": _sha256(path),
    }
    if (out / "config.json").exists():
        _check_import(out, {"model": dataclasses.asdict(config), "stage": stage}, overwrite)
        if not overwrite:
            return out
        (out / "config.json").unlink()  # half of an import is never taken for a whole one
    return save_checkpoint(out, kind="laq", model=config, tensors=tensors, stage=stage)


def _check_import(out: Path, wanted: dict, overwrite: bool) -> None:
    """Refuse a folder that is no import, and, unless it may be overwritten, an import of something else."""
    made = read_config(out)
    if made["kind"] != "laq" or "imported" not in (made.get("stage") or {}):
        raise LapaError(f"'{out}' holds a {made['kind']} that was not imported: give another folder with --out")
    if not overwrite:
        check_same(out, {key: made[key] for key in wanted}, wanted)


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
