"""Read a quantizer file of the authors, such as laq_openx.pt: a bare state dict that torch.save wrote.

A stranger's file is not trusted: nothing in it is run (`weights_only`), and nothing is unpacked or made dense before
what it claims has been held against its size. Then it must fit: every tensor of the network, of its shape, no other.

Source: the released code strips "module." (left by distributed training) and loads what happens to fit; this is strict.
"""

from __future__ import annotations

import math
import pickle
import zipfile
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from lapa.released.laq import READ_OUTS, ReleasedLAQ, ReleasedLAQConfig, num_read
from lapa.types import LapaError

Shapes = dict[str, tuple[int, ...]]
CHUNK = 1 << 20
USUAL_GRID = {1: 8, 2: 8, 4: 8, 16: 16, 64: 16, 256: 32}
"""Tokens of a latent action -> patches along a side, where the file's user does not say."""


def read_laq(path: str | Path, *, image_size: int | None = None) -> tuple[ReleasedLAQConfig, dict[str, Tensor]]:
    """Read a released quantizer.

    All but `image_size` shows in the shapes; None takes the picture whose patch grid the read-out was made for. (So 4
    tokens look like 16 and 64 like 256, on a grid twice as fine: those need to be told.)

    Returns:
        its config, and its tensors in float32 under the names they have in `ReleasedLAQ`.

    Raises:
        LapaError: if the file is missing, cut off, damaged, holds anything but tensors, or other tensors than these.
    """
    path = Path(path)
    if not path.is_file():
        raise LapaError(f"'{path}' is not a file: name the released quantizer's, such as laq_openx.pt")
    _check_archive(path)
    tensors = _strip(_load(path), path)
    config = infer_config({name: tuple(tensor.shape) for name, tensor in tensors.items()}, image_size, path)
    _check_shapes(config, tensors, path)
    checked = {}
    for name, tensor in tqdm(tensors.items(), desc="check", unit="tensor", delay=2):
        checked[name] = tensor.detach().float().contiguous()
        if not torch.isfinite(checked[name]).all():
            raise LapaError(f"'{path}' is damaged: '{name}' has values that are no numbers; download it again")
    return config, checked


def infer_config(shapes: Shapes, image_size: int | None = None, path: str | Path = "file") -> ReleasedLAQConfig:
    """Read the configuration off the shapes of a state dict.

    Raises:
        LapaError: if a tensor that tells of it is missing or has no such shape, or `image_size` does not fit.
    """
    num_pixels, width = (_shape(shapes, f"to_patch_emb_first_frame.{i}.weight", 1, path)[0] for i in (1, 3))
    patch = math.isqrt(num_pixels // 3)
    if 3 * patch**2 != num_pixels:
        raise LapaError(f"'{path}' is no released quantizer: {num_pixels} values are no square patch of colour pixels")
    codebook_size, code_width = _shape(shapes, "vq.codebooks", 2, path)
    grid = None if image_size is None else image_size // patch
    code_seq_len = _code_seq_len(_kernels(shapes), grid, path)
    return ReleasedLAQConfig(
        image_size=USUAL_GRID[code_seq_len] * patch if image_size is None else image_size,
        patch=patch,
        width=width,
        num_heads=_shape(shapes, "spatial_rel_pos_bias.net.2.weight", 2, path)[0],
        head_width=_shape(shapes, "enc_spatial_transformer.layers.0.1.q_scale", 1, path)[0],
        num_spatial=_num_layers(shapes, "enc_spatial_transformer"),
        num_temporal=_num_layers(shapes, "enc_temporal_transformer"),
        code_seq_len=code_seq_len,
        codebook_size=codebook_size,
        code_width=code_width,
    )


def _check_archive(path: Path) -> None:
    """Refuse what torch.save did not write, what is cut off or damaged, and what unpacks to more than it holds."""
    again = "download it again (laq_openx.pt has 1.4 GB)"
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
            if packed or sum(member.file_size for member in members) > path.stat().st_size:
                raise LapaError(f"'{path}' unpacks to more than it holds, which no file of torch.save does: not opened")
            for member in tqdm(members, desc="read", unit="part", delay=2):
                with archive.open(member) as part:
                    while part.read(CHUNK):
                        pass
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise LapaError(f"'{path}' is no file of torch.save, or is cut off or damaged ({error}): {again}") from error


def _load(path: Path) -> dict[str, Tensor]:
    """Open the archive without running anything in it; the tensors stay on the disk until they are read."""
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        raise LapaError(f"'{path}' holds more than tensors, which may be a program: nothing in it was run") from error
    except Exception as error:  # a hostile file can make the reader fail in any way; whatever it is, it is the file's
        raise LapaError(f"'{path}' cannot be read as tensors ({type(error).__name__}): download it again") from error
    if not isinstance(found, dict) or not found:
        raise LapaError(f"'{path}' holds no state dict, but a {type(found).__name__}: it is no released quantizer")
    num_bytes = 0
    for name, tensor in found.items():
        if not isinstance(name, str) or not _is_plain(tensor):
            kind = tensor.dtype if isinstance(tensor, Tensor) else f"a {type(tensor).__name__}"
            raise LapaError(
                f"'{path}' is no bare state dict: {_shown(name)} is {kind}, where a tensor of weights should be"
            )
        num_bytes += tensor.numel() * tensor.element_size()
    if num_bytes > path.stat().st_size:
        raise LapaError(f"the tensors of '{path}' claim {num_bytes} bytes, more than the file has: not opened")
    return found


def _shown(name: object) -> str:
    """Return a name of the file's as one short line, whatever is in it."""
    return repr(name) if len(repr(name)) <= 100 else repr(name)[:100] + "..."


def _is_plain(tensor: object) -> bool:
    return (
        isinstance(tensor, Tensor)
        and tensor.layout == torch.strided
        and tensor.is_floating_point()
        and tensor.device.type == "cpu"
    )


def _strip(tensors: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Take "module." out of the names."""
    stripped = {name.replace("module.", ""): tensor for name, tensor in tensors.items()}
    if len(stripped) < len(tensors):
        raise LapaError(f"'{path}' has tensors twice, with and without 'module.': it is no released quantizer")
    return stripped


def _shape(shapes: Shapes, name: str, num_axes: int, path: str | Path) -> tuple[int, ...]:
    if name not in shapes:
        raise LapaError(f"'{path}' is no released quantizer: it has no '{name}'")
    if len(shapes[name]) != num_axes or 0 in shapes[name]:
        raise LapaError(f"'{path}' is no released quantizer: '{name}' has the shape {list(shapes[name])}")
    return shapes[name]


def _num_layers(shapes: Shapes, transformer: str) -> int:
    num = 0
    while f"{transformer}.layers.{num}.1.q_scale" in shapes:
        num += 1
    return num


def _kernels(shapes: Shapes) -> list[tuple[int, ...]]:
    names = [f"vq.cnn_encoder.{i}.weight" for i in (0, 2)]
    return [shapes[name][2:] for name in names if name in shapes]


def _code_seq_len(kernels: list[tuple[int, ...]], grid: int | None, path: str | Path) -> int:
    """Tell the number of tokens by the read-out's kernels and, where two have the same ones, by the patch grid."""
    alike = [num for num, layers in READ_OUTS.items() if [_pair(layer[0]) for layer in layers] == kernels]
    if not alike:
        raise LapaError(f"'{path}' is no released quantizer: its read-out has kernels of {kernels}")
    fitting = [num for num in alike if grid is not None and num_read(num, grid) == num]
    return (fitting or alike)[0]


def _pair(kernel: int | tuple[int, int]) -> tuple[int, int]:
    return kernel if isinstance(kernel, tuple) else (kernel, kernel)


def _check_shapes(config: ReleasedLAQConfig, tensors: dict[str, Tensor], path: Path) -> None:
    """Hold the tensors against those of the network, which is built without memory."""
    with torch.device("meta"):
        expected = ReleasedLAQ(config).state_dict()
    missing, foreign = [k for k in expected if k not in tensors], [k for k in tensors if k not in expected]
    if missing:
        raise LapaError(f"'{path}' lacks {len(missing)} of {len(expected)} tensors, the first is '{missing[0]}'")
    if foreign:
        raise LapaError(
            f"'{path}' has {len(foreign)} tensors too many for a released quantizer, the first is {_shown(foreign[0])}"
        )
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise LapaError(
                f"'{path}' does not fit together: '{name}' has the shape {list(tensor.shape)}, "
                f"the others ask for {list(expected[name].shape)}"
            )
