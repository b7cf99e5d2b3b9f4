"""Turn the authors' `params`, `vqgan` and `tokenizer.model` into a checkpoint, one layer in memory at a time.

Stopped or killed, it goes on where it was with the same command: files that are whole (by sha256) are kept while source
and number of heads are the same. config.json is written last; a finished folder is returned as is where it was made of
the same files with the same options, and refused where it was not.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from lapa.checkpoint import FORMAT_VERSION, read_config, save_checkpoint, token_fingerprint, write_text
from lapa.finished import check_same
from lapa.models.robot import ACTIONS_FILE
from lapa.released.action_bins_csv import BINS_FILE, read_bins
from lapa.released.params_names import SCANNED, Weight, read_shape, weights_of
from lapa.released.params_stream import Leaf, scan_params
from lapa.released.params_writer import CHUNK_BYTES
from lapa.released.policy import TOKENIZER, VQGAN_FOLDER, check_quantizer
from lapa.released.policy_config import WINDOW_S, ReleasedPolicyConfig
from lapa.released.policy_store import sha256_of, shard_file, write_index, write_shard
from lapa.released.text_tokenizer import TextTokenizer
from lapa.released.vqgan import VQGAN
from lapa.released.vqgan_reader import read_vqgan
from lapa.types import LapaError

PROVENANCE = "provenance.json"
PROGRESS = ".import.json"
SOURCES = ("params", "vqgan", "tokenizer", "bins")


@dataclass(frozen=True, kw_only=True)
class ImportPolicyConfig:
    """What the released files do not say of themselves."""

    num_heads: int | None = None
    """Attention heads; by default one per 128 of width, as in every LLaMA."""
    rope_base: float = 50_000_000.0
    """Base of the rotary angles (released code: theta)."""
    window_s: float = WINDOW_S
    """Seconds that a latent action reaches ahead."""
    data: str = "Open X-Embodiment"
    """What it was trained on, for the app to say."""
    crop: bool = True
    """A robot's policy: it was trained on the middle of each frame (released code: image_aug)."""
    image_size: int | None = None
    """Side of the pictures in pixels; by default that which the image tokenizer turns into 16 x 16 codes."""


def import_policy(
    params: Path,
    vqgan: Path,
    tokenizer: Path,
    out: Path,
    *,
    config: ImportPolicyConfig | None = None,
    laq: Path | None = None,
    bins: Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Import a released policy; `laq` binds it to a quantizer, `bins` is a robot policy's table of action bins (csv).

    Writes kind "policy", or "robot" where the file has an action head. `overwrite` makes a finished import again.

    Raises:
        LapaError: if a file is missing, damaged, of another kind, or they do not belong together.
        OtherOptions: if `out` is finished and was made of other files or with other options, unless `overwrite`.
    """
    config = config or ImportPolicyConfig()
    leaves = scan_params(params)
    shape = read_shape(leaves, params, num_heads=config.num_heads or _heads(leaves), rope_base=config.rope_base)
    texts, pictures = TextTokenizer(tokenizer), read_vqgan(vqgan, image_size=config.image_size)
    _check_fit(shape, texts, tokenizer, pictures, vqgan)
    kind = "robot" if shape.num_actions else "policy"
    if bins is not None and kind == "policy":
        raise LapaError(f"'{params}' has no action head, so the action bins '{bins}' say nothing of it: leave them out")
    facts = {
        "kind": kind,
        "format_version": FORMAT_VERSION,
        "model": dataclasses.asdict(shape),
        "stage": dataclasses.asdict(config),
        "parents": {} if laq is None else {"laq": token_fingerprint(laq)},
        "seed": 0,
    }
    if laq is not None:
        check_quantizer(params, facts, shape, laq)
    action_bins = None if bins is None else read_bins(bins, shape.num_actions)
    record = _layout_of(leaves) | _sources(params=params, vqgan=vqgan, tokenizer=tokenizer, bins=bins)
    if (out / "config.json").is_file():
        if not overwrite:
            _check_same(out, facts, record)
            return out
        _clear(out)
    out.mkdir(parents=True, exist_ok=True)
    shards = _write_shards(weights_of(leaves), shape, out, record["params"]["sha256"])
    write_index(out, shards)
    save_checkpoint(out / VQGAN_FOLDER, kind="vqgan", model=pictures.config, tensors=pictures.state_dict())
    shutil.copyfile(tokenizer, out / TOKENIZER)
    for name in (ACTIONS_FILE, BINS_FILE):  # of an import that was stopped, and went on with another table or none
        (out / name).unlink(missing_ok=True)
    if action_bins is not None:
        write_text(out / ACTIONS_FILE, action_bins.to_json())
        shutil.copyfile(bins, out / BINS_FILE)
    write_text(out / PROVENANCE, json.dumps(record, indent=1) + "\n")
    write_text(out / "config.json", json.dumps(facts, indent=2) + "\n")
    (out / PROGRESS).unlink(missing_ok=True)
    return out


def read_record(path: Path) -> dict | None:
    """Return what the import wrote down of the `params` file's layout; None where there is nothing."""
    try:
        return json.loads((path / PROVENANCE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LapaError(f"'{path}/{PROVENANCE}' is damaged: import the policy again") from error


def _write_shards(
    planned: dict[str, list[Weight]], shape: ReleasedPolicyConfig, out: Path, source: str
) -> dict[str, dict]:
    origin = {"source": source, "num_heads": shape.num_heads}
    done = _resume(out, origin)
    for name, weights in tqdm(planned.items(), desc="import", unit="layer", mininterval=1.0):
        if name in done:
            continue
        done[name] = write_shard(out, name, {weight.name: weight.read(shape.num_heads) for weight in weights})
        write_text(out / PROGRESS, json.dumps(origin | {"shards": done}))
    return done


def _resume(out: Path, origin: dict) -> dict[str, dict]:
    """Return the shards that a stopped import left whole."""
    try:
        found = json.loads((out / PROGRESS).read_text(encoding="utf-8"))
        if {key: found[key] for key in origin} != origin:
            return {}
        files = {name: out / shard_file(name) for name in found["shards"]}
        return {
            name: facts
            for name, facts in found["shards"].items()
            if files[name].is_file() and sha256_of(files[name]) == facts["sha256"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # nothing begun, or nothing that can be trusted
        return {}


def _check_same(out: Path, facts: dict, record: dict) -> None:
    """Refuse a finished folder that was made of other files or with other options, or by another command."""
    made, source = _need_import(out)
    files = {name: source[name]["sha256"] for name in SOURCES if name in source}
    wanted = {name: record[name]["sha256"] for name in SOURCES if name in record}
    settings = ("kind", "model", "stage", "parents")
    check_same(out, {key: made[key] for key in settings} | files, {key: facts[key] for key in settings} | wanted)


def _need_import(out: Path) -> tuple[dict, dict]:
    """Return an import's config.json and its record of files; refuse what another command wrote."""
    made, source = read_config(out), read_record(out) or {}
    if made["kind"] not in ("policy", "robot") or "params" not in source:
        raise LapaError(f"'{out}' holds a {made['kind']} that was not imported: give another folder with --out")
    return made, source


def _clear(out: Path) -> None:
    """Take away what an import wrote, config.json first, so that what is left is never taken for a whole one.

    Raises:
        LapaError: if the folder holds something else than an import.
    """
    _need_import(out)
    (out / "config.json").unlink()
    for file in (out / PROVENANCE, out / PROGRESS, *out.glob(shard_file("*"))):
        file.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    digest, piece = hashlib.sha256(), 1 << 24
    with open(path, "rb") as file:
        bar = tqdm(total=path.stat().st_size, desc="sha256", unit="B", unit_scale=True, delay=2)
        while block := file.read(piece):
            digest.update(block)
            bar.update(len(block))
        bar.close()
    return digest.hexdigest()


def _layout_of(leaves: Sequence[Leaf]) -> dict:
    """Say how the weights were laid out, so that they can be written back the same way."""
    chunked = [leaf.pieces[0][1] for leaf in leaves if len(leaf.pieces) > 1]
    whole = [leaf.pieces[0][1] for leaf in leaves if len(leaf.pieces) == 1]
    return {
        "scanned": any(leaf.name.startswith(SCANNED) for leaf in leaves),
        "prefix": leaves[0].prefix,
        "chunk_bytes": chunked[0] if chunked else max([CHUNK_BYTES, *whole]),
        "leaves": [{"path": leaf.path, "dtype": str(leaf.dtype).removeprefix("torch.")} for leaf in leaves],
    }


def _sources(**files: Path | None) -> dict:
    """Say which files these are, as they can be told from others."""
    return {
        name: {"name": path.name, "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for name, path in files.items()
        if path is not None
    }


def _heads(leaves: Sequence[Leaf]) -> int:
    widths = [leaf.shape[0] for leaf in leaves if leaf.name == "transformer/ln_f/kernel" and leaf.shape]
    if not widths or widths[0] % 128:
        width = widths[0] if widths else "unknown"
        raise LapaError(
            f"a width of {width} is no multiple of 128, so the number of heads is unknown: give --num-heads"
        )
    return widths[0] // 128


def _check_fit(
    shape: ReleasedPolicyConfig, texts: TextTokenizer, tokenizer: Path, pictures: VQGAN, vqgan: Path
) -> None:
    if len(texts) > shape.vocab_size:
        raise LapaError(
            f"'{tokenizer}' has {len(texts)} pieces, the policy only {shape.vocab_size}: they do not belong"
        )
    if (codes := pictures.config.num_codes) + 2 > shape.vision_vocab_size:
        raise LapaError(f"'{vqgan}' has {codes} codes, the policy's table only {shape.vision_vocab_size} vision ids")
