"""A tiny released policy, image tokenizer and text tokenizer in the authors' formats, written with a fixed seed."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from sentencepiece import SentencePieceTrainer

from lapa.released.params_names import PER_LAYER, leaf_shape, official_paths
from lapa.released.params_writer import CHUNK_BYTES, write_leaf
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.released.vqgan import VQGAN, VQGANConfig
from lapa.released.vqgan_reader import name_of

SHARED = Path(__file__).parents[4] / "shared"
SHAPE = ReleasedPolicyConfig(vocab_size=320, width=32, hidden=48, num_layers=2, num_heads=2)
EYES = VQGANConfig(base=32, multipliers=(1, 2, 1, 1, 1), num_blocks=1, latent_channels=6, num_codes=32, code_width=5)


def shared(name: str) -> Path:
    """A folder of ../shared; skips the test where it is not there."""
    if not (SHARED / name).is_dir():
        pytest.skip(f"no {SHARED / name}")
    return SHARED / name


def random_leaves(
    shape: ReleasedPolicyConfig, *, dtype=torch.bfloat16, scanned: bool = True, seed: int = 0
) -> dict[tuple[str, ...], torch.Tensor]:
    """Leaves of a random policy, of a scale at which attention and prompts matter."""
    generator, leaves = torch.Generator().manual_seed(seed), {}
    for path in official_paths(shape):
        size = leaf_shape(path, shape)
        scale = 1.0 if path[-1] == "embedding" else 2.0 * size[-2] ** -0.5 if len(size) > 1 else 0.3
        scale = scale / 3 if path[0] in ("delta_head", "action_head") else scale  # several tokens stay likely
        leaf = torch.randn(size, generator=generator) * scale + (1.0 if "norm" in path[-2] or "ln_f" in path else 0.0)
        if not scanned and "scan_decoder" in path:
            name = "/".join(path).removeprefix("transformer/h/scan_decoder/")
            assert name in PER_LAYER
            for i in range(shape.num_layers):
                leaves[("transformer", "h", str(i), *name.split("/"))] = leaf[i].to(dtype)
        else:
            leaves[path] = leaf.to(dtype)
    return leaves


def write_params(path: Path, leaves: dict, *, chunk_bytes: int = CHUNK_BYTES, prefix: tuple[str, ...] = ()) -> Path:
    with open(path, "wb") as file:
        for name, leaf in leaves.items():
            write_leaf(file, (*prefix, *name), tuple(leaf.shape), leaf.dtype, [leaf], chunk_bytes=chunk_bytes)
    return path


def vqgan_tree(config: VQGANConfig = EYES, seed: int = 0) -> dict:
    """A random image tokenizer as the authors store it: nested dicts of numpy arrays, kernels (h w in out)."""
    torch.manual_seed(seed)
    model = VQGAN(config)
    torch.nn.init.normal_(model.codebook, std=0.5)
    tree: dict = {}
    for name, tensor in model.state_dict().items():
        array = (tensor.permute(2, 3, 1, 0) if tensor.ndim == 4 else tensor).contiguous().numpy()
        *parents, leaf = name_of(name, config).split("/")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = array
    return tree


@pytest.fixture(scope="session")
def tokenizer_file(tmp_path_factory) -> Path:
    """A SentencePiece model with LLaMA's specials and byte fallback, 320 pieces."""
    sentences = ["You are a helpful assistant. USER: What action should the robot take to `push the red star`"] * 20
    sentences += [
        f"{verb} the {thing} {where}"
        for verb in ("push", "take")
        for thing in ["star", "cube", "pot"]
        for where in ("left", "right", "out of the pot")
    ]
    model = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=320, model_type="bpe", byte_fallback=True,
        unk_id=0, bos_id=1, eos_id=2, pad_id=-1, hard_vocab_limit=False, minloglevel=2,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.model"
    path.write_bytes(model.getvalue())
    return path


@pytest.fixture(scope="session")
def released_files(tmp_path_factory, tokenizer_file) -> dict[str, Path]:
    """The three released files, tiny: params (bf16, stacked layers), vqgan, tokenizer."""
    folder = tmp_path_factory.mktemp("released")
    (folder / "vqgan").write_bytes(pickle.dumps(vqgan_tree(), protocol=4))
    return {
        "params": write_params(folder / "params", random_leaves(SHAPE)),
        "vqgan": folder / "vqgan",
        "tokenizer": tokenizer_file,
    }


@pytest.fixture(scope="session")
def imported(tmp_path_factory, released_files) -> Path:
    """The tiny released policy, imported."""
    from lapa.released.policy_import import ImportPolicyConfig, import_policy

    config = ImportPolicyConfig(num_heads=SHAPE.num_heads)
    return import_policy(**released_files, out=tmp_path_factory.mktemp("imported") / "policy", config=config)


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A picture that is wider than high, with structure."""
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (12, 20, 3), dtype=np.uint8)
    return blocks.repeat(10, axis=0).repeat(10, axis=1)
