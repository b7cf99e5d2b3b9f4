"""What `eval laq` and `eval world` share: which quantizer on which data, and where the report goes."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lapa.cli.options import AnyReading, Reading, usage

if TYPE_CHECKING:
    from lapa.models.load import AnyLAQ
    from lapa.protocols import ClipSource

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A quantizer, and held-out data."""

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    reading: AnyReading = Reading()
    bundle: str = "tabletop"
    """Shipped bundle whose quantizer to measure."""
    laq: Path | None = None
    """Quantizer to measure instead of the bundle's."""
    split: str | None = None
    """Split to measure on, or all; by default validation where the data set has it, else all of it."""
    only: str = ""
    """Label of the clips to measure on, such as site=5030472d: with --split all, of a quantizer that never saw them."""
    seed: int = 0
    """Seed of the draw."""
    device: str = "auto"
    """auto (a GPU where there is one), cpu, cuda, cuda:1, mps."""
    out: tuple[Path, ...] = ()
    """Reports to write: names that end in .json, .md or .tex."""
    json: bool = False
    """Print one JSON object."""

    def check(self) -> None:
        """Refuse reports of no known format before anything is measured.

        Raises:
            WrongUsage: naming the first of them.
        """
        from lapa.eval.report import check_names

        with usage():
            check_names(self.out)

    def open(self) -> tuple[AnyLAQ, Path, ClipSource]:
        """Load the quantizer onto its device; return it, its folder and the data."""
        from lapa.bundle import find_bundle
        from lapa.data.labels import labelled
        from lapa.data.subset import Subset
        from lapa.device import resolve_device
        from lapa.models.load import load_laq

        path = find_bundle(self.bundle, laq=self.laq).laq
        with usage():
            device = resolve_device(self.device)
        source = self.reading.open(self.data)
        if self.only:
            source = Subset(source, labelled(source, range(len(source.records)), self.only))
        return load_laq(path).to(device), path, source

    def report(self, kind: str, facts: dict[str, Any], laq: Path, source: ClipSource) -> None:
        """Print the facts, as JSON or as tables, and write the reports asked for."""
        from lapa.eval.report import to_markdown, write_reports

        facts = {"kind": kind, **self._provenance(laq, source), **facts}
        write_reports(facts, self.out)
        print(json.dumps(facts) if self.json else to_markdown(facts), end="\n" if self.json else "")

    def _provenance(self, laq: Path, source: ClipSource) -> dict[str, Any]:
        """Say which quantizer on which data; `held_out` is false where it was trained on the very clips judged."""
        from lapa.bundle import window_s
        from lapa.checkpoint import fingerprint
        from lapa.data.splits import default_split, kind_of_split

        split, unseen = self.split or default_split(source), self.only and self.only == left_out(laq)
        apart = bool(unseen) or kind_of_split(split or "") in ("validation", "test")
        held_out = apart or trained_on(laq) != source.path.resolve()
        if not held_out:
            log.warning(
                "'%s' was trained on '%s': these numbers are not of held-out clips; collect fresh ones",
                laq.name, source.name,
            )  # fmt: skip
        found = {"laq": fingerprint(laq), "data": source.name, "split": split, "window_s": window_s(laq)}
        found |= {"only": self.only} if self.only else {}
        return found | {"seed": self.seed, "held_out": held_out}


def trained_on(laq: Path) -> Path | None:
    """Return where the data lies that a quantizer was trained on, or None where that is not there."""
    from lapa.checkpoint import read_config

    data = (read_config(laq, "laq").get("stage") or {}).get("data")
    return Path(data).resolve() if isinstance(data, str) and Path(data).exists() else None


def left_out(laq: Path) -> str:
    """Return the label of the clips that a quantizer's training left out, "" where it left out none."""
    from lapa.checkpoint import read_config

    return str((read_config(laq, "laq").get("stage") or {}).get("leave_out") or "")
