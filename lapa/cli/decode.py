"""`decode`: the future of a frame under given tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from lapa.cli import WrongUsage
from lapa.cli.options import AnyModels, Models, Video, parse, usage
from lapa.types import LatentAction

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, kw_only=True)
class Decode:
    """Draw what the quantizer expects a window after a frame, if this latent action happens."""

    video: Video
    """A video file, or a folder of pictures."""
    tokens: str
    """The latent action, such as 3-0-7-1."""
    out: Path
    """Picture to write: .png, .jpg or .webp."""
    t: int = 0
    """Number of the frame to start from."""
    models: AnyModels = Models()


def main(verb: str, args: list[str]) -> None:
    options = parse(Decode, verb, args)
    if options.out.suffix.lower() not in PICTURES:
        raise WrongUsage(f"--out {options.out} is not a picture: give a name that ends in {', '.join(PICTURES)}")
    explorer = options.models.open()
    with usage():
        action = LatentAction.from_label(
            options.tokens, code_seq_len=explorer.code_seq_len, codebook_size=explorer.codebook_size
        )
    frame = explorer.open_frame(options.video, options.t)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(explorer.decode(frame, action)).save(options.out)
    print(options.out)
