"""`train-laq`: stage 1, train a quantizer on videos."""

from __future__ import annotations

from lapa.cli.stages import run_stage


def main(verb: str, args: list[str]) -> None:
    from lapa import presets
    from lapa.train import laq

    run_stage(verb, args, presets.laq, laq.run)
