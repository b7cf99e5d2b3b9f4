"""`index`: sample a data set for the map and the search for neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli.options import parse
from lapa.index_build import IndexConfig


@dataclass(frozen=True, kw_only=True)
class Index:
    """Run a quantizer over a sample of a data set; keep tokens, latents, pictures and map coordinates."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    out: Path
    """Folder for the index."""
    bundle: str = "tabletop"
    """Shipped bundle whose quantizer to use."""
    laq: Path | None = None
    """Quantizer to use instead of the bundle's."""
    name: str = ""
    """What to call the data set; by default its folder's name."""
    config: Annotated[IndexConfig, tyro.conf.OmitArgPrefixes] = IndexConfig()


def main(verb: str, args: list[str]) -> None:
    options = parse(Index, verb, args)
    from lapa.bundle import find_laq, window_s
    from lapa.checkpoint import fingerprint
    from lapa.data.source import open_source
    from lapa.index import save_index
    from lapa.index_build import build_index
    from lapa.models.load import load_laq

    laq = find_laq(options.bundle, options.laq)
    source = open_source(options.data)
    index = build_index(
        load_laq(laq), source, options.config, laq_sha256=fingerprint(laq), window_s=window_s(laq), name=options.name
    )
    print(f"{save_index(index, options.out)}: {len(index)} transitions of {len(index.clip_names)} clips")
