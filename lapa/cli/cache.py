"""`cache`: see and empty what is kept of data sets so that it need not be computed again."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Annotated, Literal

import tyro

from lapa.cli.options import parse
from lapa.data.cache import cache_folder
from lapa.data.cache_entries import Entry, entries, remove

DAY = 24 * 3600
Kind = Literal["frames", "codes", "features", "changes", "links", "unfinished", "earlier"]


@dataclass(frozen=True, kw_only=True)
class Cache:
    """List what is kept of data sets in LAPA_CACHE (by default ~/.cache/lapa), or remove it.

    Decoded frames, image codes, features, and what changed and moved; what an unfinished process left, and what earlier
    versions of the program kept. All of it is made again when it is needed.
    """

    empty: bool = False
    """Remove what would be listed; what another process is writing stays."""
    kind: tuple[Kind, ...] = ()
    """Only these kinds; none means all."""
    unused_days: float = 0.0
    """Only what was not used for so many days."""
    as_json: Annotated[bool, tyro.conf.arg(name="json")] = False
    """Print one JSON object."""


def main(verb: str, args: list[str]) -> None:
    options = parse(Cache, verb, args)
    before = time.time() - options.unused_days * DAY
    found = [e for e in entries() if e.last_used <= before and (not options.kind or e.kind in options.kind)]
    removed = [entry for entry in found if options.empty and remove(entry)]
    if options.as_json:
        rows = [asdict(e) | {"path": str(e.path), "removed": e in removed} for e in found]
        print(json.dumps({"folder": str(cache_folder()), "entries": rows}))
        return
    for entry in found:
        print(_line(entry))
    what = f"{len(removed)} of {len(found)} entries removed" if options.empty else f"{len(found)} entries"
    print(f"{what}, {sum(e.num_bytes for e in (removed if options.empty else found)) / 1e9:.2f} GB, '{cache_folder()}'")


def _line(entry: Entry) -> str:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.last_used))
    return f"{entry.num_bytes / 1e6:>10.1f} MB  {entry.kind:<10}  used {used}  {entry.path.name}  {entry.of}"
