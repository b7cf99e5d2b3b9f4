"""`label`: write the latent actions of a data set."""

from __future__ import annotations

from lapa.cli.stages import run_stage


def main(verb: str, args: list[str]) -> None:
    from lapa import presets
    from lapa.train import label

    run_stage(verb, args, presets.label, label.run)
