"""The `params` file: read without reading, written byte for byte, and every broken one refused with a sentence."""

import io
import os
import pickle
import struct

import numpy as np
import pytest
import torch

from lapa.released import params_writer as writer
from lapa.released.params_names import official_paths, read_shape, to_ours, to_theirs, weights_of
from lapa.released.params_stream import scan_params
from lapa.released.params_writer import write_leaf
from lapa.released.policy_config import ReleasedPolicyConfig
from lapa.types import LapaError
from tests.lapa.released.conftest import SHAPE, random_leaves, shared, write_params

HEADS = SHAPE.num_heads


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("scanned", [True, False])
@pytest.mark.parametrize("chunk_bytes", [2**30, 3000])
def test_what_is_written_is_read_whole_and_layer_by_layer(tmp_path, dtype, scanned, chunk_bytes):
    leaves = random_leaves(SHAPE, dtype=dtype, scanned=scanned)
    path = write_params(tmp_path / "params", leaves, chunk_bytes=chunk_bytes)
    found = scan_params(path)
    assert [leaf.path for leaf in found] == list(leaves)
    assert any(len(leaf.pieces) > 1 for leaf in found) == (chunk_bytes == 3000)
    for leaf in found:
        assert torch.equal(leaf.read(), leaves[leaf.path]) and leaf.dtype == dtype
        assert torch.equal(leaf.read(1), leaves[leaf.path][1])
    assert read_shape(found, path, num_heads=HEADS) == SHAPE


def test_the_layout_does_not_change_the_weights(tmp_path):
    """Stacked or numbered, in one piece or many, in any order, alone or in a training state: the same policy."""
    stacked, numbered = random_leaves(SHAPE), random_leaves(SHAPE, scanned=False)
    backwards = dict(reversed(numbered.items()))
    paths = [
        write_params(tmp_path / "a", stacked),
        write_params(tmp_path / "b", stacked, chunk_bytes=1000),
        write_params(tmp_path / "c", backwards),
        write_params(tmp_path / "d", stacked, prefix=("params", "params")),
    ]
    with open(paths[3], "ab") as file:  # a training state holds more than parameters
        write_leaf(file, ("opt_state", "0", "mu"), (2,), torch.float32, [torch.zeros(2)])
        file.write(b"\x92\x91\xa4step\xc4\x01\x05")
    first, *others = (
        {w.name: w.read(HEADS) for shard in weights_of(scan_params(p)).values() for w in shard} for p in paths
    )
    for other in others:
        assert set(other) == set(first) and all(torch.equal(other[name], first[name]) for name in first)


def test_turning_there_and_back_changes_nothing():
    kernel = torch.randn(32, 32)
    for turn in ("as is", "transpose", "transpose, reorder heads"):
        assert torch.equal(to_theirs(to_ours(kernel, turn, 2), turn, 2), kernel)
    assert not torch.equal(to_ours(kernel, "transpose, reorder heads", 2), kernel.T)


def test_the_frames_are_what_the_msgpack_specification_says():
    file = io.BytesIO()
    write_leaf(file, ("a", "kernel"), (2, 300), torch.float32, [torch.zeros(2, 300)])
    payload = b"\x93\x92\x02\xcd" + struct.pack(">H", 300) + b"\xa7float32\xc5" + struct.pack(">H", 2400) + bytes(2400)
    blob = b"\xc8" + struct.pack(">H", len(payload)) + b"\x01" + payload
    assert file.getvalue() == b"\x92\x92\xa1a\xa6kernel\xc5" + struct.pack(">H", len(blob)) + blob


def test_chunks_are_put_together_by_their_numbers_wherever_they_lie(tmp_path):
    """Twelve chunks, stored last first: 10 and 11 come after 2, and a missing one is noticed."""
    values = torch.arange(24, dtype=torch.float32)
    chunks = [writer._text(str(i)) + writer._array_head((2,), torch.float32, 2) for i in range(12)]
    chunks = [head + values[2 * i : 2 * i + 2].numpy().tobytes() for i, head in enumerate(chunks)]

    def file_of(parts: list[bytes]) -> bytes:
        blob = writer._map(3) + writer._text(writer.CHUNKED) + b"\xc3"
        blob += writer._text("chunks") + writer._map(len(parts)) + b"".join(parts)
        blob += writer._text("shape") + writer._map(2) + writer._text("1") + b"\x06" + writer._text("0") + b"\x04"
        return b"\x92\x91\xa1a" + writer._binary_head(len(blob)) + blob

    path = tmp_path / "params"
    path.write_bytes(file_of(chunks[::-1]))
    (leaf,) = scan_params(path)
    assert leaf.shape == (4, 6) and torch.equal(leaf.read(), values.view(4, 6))
    assert leaf.read(2).tolist() == [*range(12, 18)]
    for parts, says in ((chunks[:5] + chunks[6:], "chunks are missing"), (chunks + chunks[:1], "not a row of numbers")):
        path.write_bytes(file_of(parts))
        with pytest.raises(LapaError, match=says):
            scan_params(path)


def test_an_array_beyond_what_the_format_holds_is_refused():
    with pytest.raises(ValueError, match="the format holds"):
        write_leaf(io.BytesIO(), ("a",), (2**31,), torch.bfloat16, [])


@pytest.mark.parametrize("file, chunk_bytes", [("params", 2**30), ("params_chunked", 30_000), ("params_fp32", 2**30)])
def test_official_files_are_written_byte_for_byte(file, chunk_bytes):
    path = shared("official_policy") / file
    leaves, out = scan_params(path), io.BytesIO()
    shape = read_shape(leaves, path, num_heads=4)
    assert [leaf.path for leaf in leaves] == official_paths(shape) and shape.num_layers == 3
    for leaf in leaves:
        parts = (leaf.read(i) for i in range(leaf.shape[0]))
        write_leaf(out, leaf.path, leaf.shape, leaf.dtype, parts, chunk_bytes=chunk_bytes)
    assert out.getvalue() == path.read_bytes()


def test_real_shapes_are_those_of_the_7b_model():
    from lapa.released.policy_net import ReleasedNet

    with torch.device("meta"):
        net = ReleasedNet(ReleasedPolicyConfig())
    assert sum(p.numel() for p in net.parameters()) == 6_807_687_168


def whole() -> bytes:
    out = io.BytesIO()
    for path, leaf in random_leaves(SHAPE).items():
        write_leaf(out, path, tuple(leaf.shape), leaf.dtype, [leaf])
    return out.getvalue()


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/should-not-exist",)


@pytest.mark.parametrize(
    "content, says",
    [
        (b"", "is empty"),
        (b"hello, this is a text", "a text"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"PK\x03\x04" + bytes(100), "zip archive"),
        (pickle.dumps({"a": np.zeros(3)}), "Python pickle"),
        (pickle.dumps(Bomb()), "Python pickle"),
        (struct.pack("<Q", 40) + b'{"a":1}', "safetensors"),
        (bytes(range(256)), "not the released policy's 'params'"),
        (b"\xdd\xff\xff\xff\xff", "not the released policy's 'params'"),  # four thousand million items
        (b"\x92\xdd\xff\xff\xff\xff", "entries where at most"),
        (b"\x92\x91\xdb\xff\xff\xff\xff", "a name has"),
        (b"\x92\x91\xa1a\xc6\xff\xff\xff\xff", "cut short within 'a'"),
        (b"\x92\x91\xa1a\xc4\x01\x01", "something other than an array"),
        (b"\x92\x91\xa1a" * 3, "not the released policy's 'params'"),
    ],
)
def test_other_files_get_one_clear_sentence(tmp_path, content, says):
    path = tmp_path / "params"
    path.write_bytes(content)
    with pytest.raises(LapaError, match=says) as error:
        scan_params(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_file_cut_anywhere_is_refused(tmp_path):
    content, path = whole(), tmp_path / "params"
    for length in [1, 2, 5, 20, 21, 60, *range(100, len(content), 9973), len(content) - 1]:
        path.write_bytes(content[:length])
        with pytest.raises(LapaError, match="cut short|not a whole LAPA policy|has no"):
            read_shape(scan_params(path), path, num_heads=HEADS)


def test_flipped_bytes_never_end_in_a_traceback(tmp_path):
    content, path, rng = whole(), tmp_path / "params", np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content[:6000])
        for place in rng.integers(0, 300, 3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        with pytest.raises(LapaError):
            read_shape(scan_params(path), path, num_heads=HEADS)


def test_a_missing_a_strange_and_a_misshapen_leaf_are_named(tmp_path):
    leaves, path = random_leaves(SHAPE), tmp_path / "params"

    def refused(changed: dict, says: str) -> None:
        write_params(path, changed)
        with pytest.raises(LapaError, match=says):
            read_shape(scan_params(path), path, num_heads=HEADS)

    without = {k: v for k, v in leaves.items() if k != ("delta_head", "kernel")}
    refused(without, "delta_head/kernel' \\(as LWM")
    refused(leaves | {("extra", "kernel"): torch.zeros(2, 2)}, "extra/kernel")
    refused(leaves | {("action_head", "kernel"): torch.zeros(32, 7)}, "transformer/ate/embedding")
    refused(leaves | {("lm_head", "kernel"): torch.zeros(32, 319)}, r"\[32, 319\], but \[32, 320\]")
    refused(leaves | {("transformer", "h", "0", "ffn_norm", "kernel"): torch.zeros(32)}, "both stacked and numbered")
    write_params(path, leaves)
    with pytest.raises(LapaError, match="3 heads"):
        read_shape(scan_params(path), path, num_heads=3)
    with pytest.raises(LapaError, match="comes twice"):
        path.write_bytes(path.read_bytes() * 2)
        scan_params(path)
