"""`rollout`: dream a video from a frame and an instruction."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, Video, parse, usage

VIDEOS = (".mp4", ".webm", ".gif")


@dataclass(frozen=True, kw_only=True)
class RolloutOptions:
    """Dream: the policy chooses latent actions for an instruction, the quantizer's decoder shows what they do."""

    video: Video
    """A video file, or a folder of pictures, whose frame --t is the start."""
    instruction: str
    """What should be done, such as "push the red star to the left"."""
    out: Path
    """Video to write: .mp4, .webm or .gif."""
    t: int = 0
    """Number of the frame to start from."""
    steps: int = 8
    """Steps to dream; each is one window long."""
    temperature: float = 0.0
    """0 takes the likeliest tokens, 1 samples as the policy believes."""
    top_k: int = 0
    """Sample from this many of the likeliest codes only; 0 from all."""
    seed: int = 0
    """Seed of the sampling."""
    fps: float = 4.0
    """Frames per second of the video written."""
    json: bool = False
    """Print one JSON object: {"steps": [{"tokens": [..], "probabilities": [..]}, ..]}."""
    models: AnyModels = Models()


def main(verb: str, args: list[str]) -> None:
    options = parse(RolloutOptions, verb, args)
    if options.out.suffix.lower() not in VIDEOS:
        raise WrongUsage(f"--out {options.out} is not a video: give a name that ends in {', '.join(VIDEOS)}")
    from tqdm import tqdm

    from lapa.data.video_writer import write_video
    from lapa.limits import fit

    explorer = options.models.open()
    frame = explorer.open_frame(options.video, options.t)
    explorer.need_policy()
    with usage():
        steps = explorer.rollout(
            frame,
            options.instruction,
            options.steps,
            temperature=options.temperature,
            seed=options.seed,
            top_k=options.top_k,
        )
    shown = list(tqdm(steps, total=options.steps, desc="dream", unit="step", delay=2))
    write_video(options.out, [fit(frame), *(step.frame for step in shown)], options.fps)
    if options.json:
        print(json.dumps({"steps": [_facts(step) for step in shown]}))
        return
    for step in shown:
        print(f"{step.index:4d}  {step.latent_action.label}")
    print(options.out)


def _facts(step) -> dict:
    chosen = zip(step.distributions, step.latent_action.tokens, strict=True)
    return {
        "tokens": list(step.latent_action.tokens),
        "probabilities": [round(float(row[token]), 4) for row, token in chosen],
    }
