"""`train-policy`: stage 2, train a policy on labelled videos."""

from __future__ import annotations

from lapa.cli.stages import run_stage


def main(verb: str, args: list[str]) -> None:
    from lapa import presets
    from lapa.train import policy

    run_stage(verb, args, presets.policy, policy.run)
