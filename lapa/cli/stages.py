"""What the training verbs share: `VERB PRESET --section.field value --out DIR`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from lapa.cli import WrongUsage
from lapa.cli.options import parse
from lapa.presets import PRESETS
from lapa.processes import is_main


def run_stage(verb: str, args: list[str], preset: Callable[[str], Any], run: Callable[..., Path]) -> None:
    """Read a preset and its overrides, run the stage, print the folder it wrote.

    Raises:
        WrongUsage: if the preset is not one.
    """
    named = args and not args[0].startswith("-")
    name, rest = (args[0], args[1:]) if named else ("small", args)
    if name not in PRESETS:
        raise WrongUsage(f"'{name}' is not a preset: choose {', '.join(PRESETS)}")
    config = preset(name)
    kind = type(config)
    options = make_dataclass(
        "Options",
        [("out", Path), ("overwrite", bool, False), ("config", Annotated[kind, tyro.conf.arg(name="")], config)],
    )
    options.__doc__ = (
        f"{kind.__doc__}\n\nFirst argument: a preset ({', '.join(PRESETS)}; default small); "
        "every value below can override it. A stopped run goes on with the same command. "
        "With --overwrite a run that is finished, or was begun with other options, is made again."
    )
    parsed = parse(options, f"{verb} {name}", rest)
    folder = run(parsed.config, out=parsed.out, overwrite=parsed.overwrite)
    if is_main():
        print(folder)
