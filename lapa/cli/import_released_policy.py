"""`import-released policy`: the authors' released 7B policy, as a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from lapa.cli import WrongUsage
from lapa.cli.options import parse


@dataclass(frozen=True, kw_only=True)
class ImportReleasedPolicy:
    """Turn the authors' policy (params, vqgan, tokenizer.model) into a checkpoint for --policy.

    One layer is in memory at a time; a stopped import goes on with the same command, a finished one is left as it is.
    Nothing in the files is run.
    assets/docs/released.md says where to get them and what the result needs.
    """

    params: Annotated[Path, tyro.conf.Positional]
    """The released weights ("params")."""
    vqgan: Path
    """The released image tokenizer ("vqgan")."""
    tokenizer: Path
    """The released text tokenizer ("tokenizer.model")."""
    out: Path
    """Folder for the checkpoint."""
    laq: Path | None = None
    """Imported released quantizer to bind it to; without, it goes with any released one of as many tokens."""
    bins: Path | None = None
    """Table of action bins (csv) of a robot's policy."""
    crop: bool = True
    """A robot's policy: it looks at the middle of each frame, as the authors' do; --no-crop for one finetuned here."""
    num_heads: int | None = None
    """Attention heads, which the file does not say; by default one per 128 of width, as in LLaMA."""
    rope_base: float = 50_000_000.0
    """Base of the rotary angles, which the file does not say (released code: theta)."""
    image_size: int | None = None
    """Side of its pictures, in pixels; by default that which "vqgan" turns into 16 x 16 codes."""
    overwrite: bool = False
    """Import again into a folder that was imported from other files or with other options."""


def main(verb: str, args: list[str]) -> None:
    options = parse(ImportReleasedPolicy, verb, args)
    if options.num_heads is not None and options.num_heads < 1:
        raise WrongUsage(f"--num-heads {options.num_heads} is no number of heads: give one such as 32")
    if not 1 < options.rope_base < 1e12:
        raise WrongUsage(f"--rope-base {options.rope_base:g} makes no sense: the released policy has 50000000")
    from lapa.checkpoint import read_config
    from lapa.released.policy_import import ImportPolicyConfig, import_policy

    config = ImportPolicyConfig(
        num_heads=options.num_heads, rope_base=options.rope_base, crop=options.crop, image_size=options.image_size
    )
    out = import_policy(
        options.params,
        options.vqgan,
        options.tokenizer,
        options.out,
        config=config,
        laq=options.laq,
        bins=options.bins,
        overwrite=options.overwrite,
    )
    made = read_config(out)
    model = made["model"]
    print(
        f"{out}: a {made['kind']} of {model['num_layers']} layers, width {model['width']}, "
        f"{model['code_seq_len']} tokens out of {model['codebook_size']} codes"
    )
