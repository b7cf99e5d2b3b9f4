"""`label`: write the latent actions of a data set, for `train-policy`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli.options import parse
from lapa.train.label import LabelConfig, run


@dataclass(frozen=True, kw_only=True)
class Label:
    """Name what happens at every frame of a data set: by a quantizer's tokens, or by the actions recorded with it."""

    out: Path
    """Folder for the labels."""
    overwrite: bool = False
    """Make labels again that are finished, whatever they were made with."""
    config: Annotated[LabelConfig, tyro.conf.OmitArgPrefixes] = LabelConfig()


def main(verb: str, args: list[str]) -> None:
    options = parse(Label, verb, args)
    print(run(options.config, out=options.out, overwrite=options.overwrite))
