"""`import-released laq`: the authors' released quantizer, as a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli import WrongUsage
from lapa.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class ImportReleasedLAQ:
    """Turn the authors' quantizer (laq_openx.pt, or any file of its format) into a checkpoint for --laq.

    The file is read as tensors only, nothing in it is run, and its configuration is read off their shapes.
    """

    file: Annotated[Path, tyro.conf.Positional]
    """The released file."""
    out: Path
    """Folder for the checkpoint."""
    window_s: float = 0.6
    """Seconds between the two frames it was trained on; the file does not say, the paper does for robot videos."""
    image_size: int | None = None
    """Side of its pictures, in pixels; by default that of 8 x 8 patches (16 x 16 where it has 64 tokens)."""
    data: str = ""
    """What it was trained on, for the app to say, such as "Open X-Embodiment"."""
    overwrite: bool = False
    """Import again into a folder that was imported from another file or with other options."""


def main(verb: str, args: list[str]) -> None:
    options = parse(ImportReleasedLAQ, verb, args)
    if not 0 < options.window_s < float("inf"):
        raise WrongUsage(f"--window-s {options.window_s:g} is no time between two frames: give seconds, such as 0.6")
    if options.image_size is not None and options.image_size < 1:
        raise WrongUsage(f"--image-size {options.image_size} is no picture: give its side in pixels, such as 256")
    from lapa.models.load import load_laq
    from lapa.released.laq_import import import_laq

    out = import_laq(
        options.file,
        options.out,
        window_s=options.window_s,
        image_size=options.image_size,
        data=options.data,
        overwrite=options.overwrite,
    )
    laq = load_laq(out)
    num_parameters, config = sum(p.numel() for p in laq.parameters()), laq.config
    print(
        f"{out}: {num_parameters:,} parameters, pictures of {config.image_size} pixels, "
        f"{config.code_seq_len} tokens out of {config.codebook_size} codes, window {options.window_s:g} s"
    )
