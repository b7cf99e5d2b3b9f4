"""`finetune`: stage 3, turn a policy into a robot's."""

from __future__ import annotations

from lapa.cli.stages import run_stage


def main(verb: str, args: list[str]) -> None:
    from lapa import presets
    from lapa.train import finetune

    run_stage(verb, args, presets.finetune, finetune.run)
