"""`export-released`: write a released policy back in the authors' format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class ExportReleased:
    """Write an imported or finetuned released policy as the authors' code loads it.

    The folder gets params, tokenizer.model and, for a robot's policy, action_bins.csv; assets/docs/released.md says
    which of their options takes which.
    """

    policy: Annotated[Path, tyro.conf.Positional]
    """Checkpoint of an imported policy, or of one finetuned from it."""
    out: Path
    """Folder to write into."""


def main(verb: str, args: list[str]) -> None:
    options = parse(ExportReleased, verb, args)
    from lapa.released.policy_export import export_policy, loading_options

    out = export_policy(options.policy, options.out)
    print(f"{out}: the authors' code loads it with {loading_options(options.policy, out)}")
