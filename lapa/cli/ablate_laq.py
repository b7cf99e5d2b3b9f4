"""`ablate laq`: the quantizer's choices against their rivals, at a fixed small budget, as tables and a figure."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lapa.cli import WrongUsage
from lapa.cli.options import parse, usage


@dataclass(frozen=True, kw_only=True)
class AblateLAQ:
    """Train the quantizer with one choice changed at a time, judge each on held-out episodes, lay them side by side.

    Writes ablation.json, .md, .tex and figure.pdf, .svg, .png into --out, and each training into a folder there. A
    stopped grid goes on with the same command.
    """

    data: Path
    """Data set: a LeRobot data set, or a folder of videos."""
    out: Path
    """Folder to write to."""
    overwrite: bool = False
    """Train again what is finished, or was begun with other options."""
    grid: str = "quantizer,conditioning,head,codes,width,window,motion,seed"
    """Axes, by commas: quantizer, conditioning, head, codes (tokens x codes), width (of a code vector), window, motion
    (what a latent is held to), seed, and with --vision input."""
    vision: str = ""
    """Frozen vision model (DINOv2, DINOv3; folder or hub name) to set beside pixels, on the axis "input"."""
    preset: Literal["tiny", "small", "base"] = "tiny"
    """Size of the models (see train-laq)."""
    steps: int = 600
    """Training steps of each."""
    batch_size: int = 32
    """Pairs per step."""
    num_train: int = 600
    """Clips to train on, spread evenly; 0 takes them all."""
    num_pairs: int = 600
    """Held-out pairs to judge each on."""
    seed: int = 0
    """Seed of all but the axis of seeds."""


def main(verb: str, args: list[str]) -> None:
    options = parse(AblateLAQ, verb, args)
    if options.steps < 1:
        raise WrongUsage(f"--steps {options.steps} trains nothing: give 1 or more")
    from lapa.ablate.grid import cells
    from lapa.ablate.run import run_grid
    from lapa.ablate.tables import write_tables
    from viz.figures.export import export_ablation

    base, axes = _base(options), [axis.strip() for axis in options.grid.split(",") if axis.strip()]
    axes += ["input"] * bool(options.vision and "input" not in axes)
    with usage():
        grid = cells(base, axes, vision=options.vision)
    options.out.mkdir(parents=True, exist_ok=True)
    about, files = _about(options, base), []
    for rows in run_grid(grid, out=options.out, num_pairs=options.num_pairs, overwrite=options.overwrite):
        files = write_tables(rows, about, options.out)
    print(*files, *export_ablation(rows, about, options.out / "figure"), sep="\n")


def _base(options: AblateLAQ) -> Any:
    """Return the run that every axis varies: the preset at the budget asked for."""
    from lapa import presets

    base = presets.laq(options.preset)
    loop = dataclasses.replace(
        base.loop,
        num_steps=options.steps,
        batch_size=options.batch_size,
        seed=options.seed,
        warmup_steps=min(50, max(1, options.steps // 10)),
        log_every=min(50, options.steps),
        eval_every=options.steps,
        save_every=min(200, options.steps),
    )
    return dataclasses.replace(base, data=str(options.data), num_train=options.num_train, num_validation=60, loop=loop)


def _about(options: AblateLAQ, base: Any) -> dict[str, Any]:
    return {
        "data": options.data.name,
        "num_steps": options.steps,
        "batch_size": options.batch_size,
        "image_size": base.model.image_size,
        "width": base.model.width,
        "num_train": options.num_train,
        "num_pairs": options.num_pairs,
        "seed": options.seed,
    }
