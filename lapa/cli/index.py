"""`index`: sample a data set for the map and the search for neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli.options import AnyReading, Reading, parse
from lapa.index_build import IndexConfig
from lapa.protocols import ClipSource
from lapa.types import LatentIndex


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
    overwrite: bool = False
    """Build again an index that is finished, whatever it was built with."""
    config: Annotated[IndexConfig, tyro.conf.OmitArgPrefixes] = IndexConfig()


@dataclass(frozen=True, kw_only=True)
class Built:
    """What an index is built of: it is written beside it, so that another is not taken for it."""

    data: str = ""
    clips: str = ""
    """Digest of the clips' names and lengths."""
    reading: Reading = Reading()
    laq: str = ""
    """Fingerprint of the quantizer."""
    name: str = ""
    config: IndexConfig = IndexConfig()


def main(verb: str, args: list[str]) -> None:
    options = parse(Index, verb, args)
    from lapa.bundle import find_laq
    from lapa.checkpoint import token_fingerprint
    from lapa.data.identity import clips_digest
    from lapa.finished import check_kind, is_finished
    from lapa.index import load_index

    check_kind(options.out, "index")
    laq = find_laq(options.bundle, options.laq)
    sha256, source = token_fingerprint(laq), options.reading.open(options.data)
    built = Built(
        data=str(options.data),
        clips=clips_digest(source.records),
        reading=options.reading,
        laq=sha256,
        name=options.name,
        config=options.config,
    )
    if options.only_meaning:
        _measure(load_index(options.out, sha256), source, options.out)
    elif not is_finished(options.out, "index", built, overwrite=options.overwrite):
        _build(built, laq, source, options.out)
    index = load_index(options.out, sha256)
    print(f"{options.out}: {len(index)} transitions of {len(index.clip_names)} clips")


def _build(built: Built, laq: Path, source: ClipSource, out: Path) -> None:
    """Write an index; its config.json, by which it counts as finished, comes last."""
    from lapa.bundle import window_s
    from lapa.finished import begin
    from lapa.index import save_index
    from lapa.index_build import build_index
    from lapa.models.load import load_laq

    window = window_s(laq)
    index = build_index(load_laq(laq), source, built.config, laq_sha256=built.laq, window_s=window, name=built.name)
    begin(out, "index", built)
    _measure(index, source, out)
    save_index(index, out)


def _measure(index: LatentIndex, source: ClipSource, out: Path) -> None:
    from lapa.eval.meaning_record import measure_meaning
    from lapa.meaning import save_meaning

    save_meaning(measure_meaning(index, source), out)
