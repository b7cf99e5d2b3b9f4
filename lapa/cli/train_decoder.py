"""`train-decoder`: stage 1b, train a quantizer's decoder further on its own pictures."""

from __future__ import annotations

from lapa.cli.stages import run_stage


def main(verb: str, args: list[str]) -> None:
    from lapa import presets
    from lapa.train import decoder

    run_stage(verb, args, presets.decoder, decoder.run)
