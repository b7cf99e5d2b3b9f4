"""`index`: sample a data set for the map and the search for neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli.options import AnyReading, Reading, parse
from lapa.index_build import IndexConfig


@dataclass(frozen=True, kw_only=True)
class Index:
    """Run a quantizer over a sample of a data set; keep tokens, latents, pictures, map and what each code means."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    reading: AnyReading = Reading()
    out: Path
    """Folder for the index."""
    bundle: str = "tabletop"
    """Shipped bundle whose quantizer to use."""
    laq: Path | None = None
    """Quantizer to use instead of the bundle's."""
    name: str = ""
    """What to call the data set; by default its folder's name."""
    only_meaning: bool = False
    """Measure only what the codes mean, for the index that is already in `out`."""
    config: Annotated[IndexConfig, tyro.conf.OmitArgPrefixes] = IndexConfig()


def main(verb: str, args: list[str]) -> None:
    options = parse(Index, verb, args)
    from lapa.bundle import find_laq, window_s
    from lapa.checkpoint import token_fingerprint
    from lapa.eval.meaning_record import measure_meaning
    from lapa.finished import check_kind
    from lapa.index import load_index, save_index
    from lapa.index_build import build_index
    from lapa.meaning import save_meaning
    from lapa.models.load import load_laq

    check_kind(options.out, "index")
    laq = find_laq(options.bundle, options.laq)
    sha256, source = token_fingerprint(laq), options.reading.open(options.data)
    if options.only_meaning:
        index = load_index(options.out, sha256)
    else:
        index = build_index(
            load_laq(laq), source, options.config, laq_sha256=sha256, window_s=window_s(laq), name=options.name
        )
        save_index(index, options.out)
    save_meaning(measure_meaning(index, source), options.out)
    print(f"{options.out}: {len(index)} transitions of {len(index.clip_names)} clips")
