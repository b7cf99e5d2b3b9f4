"""The image tokenizer: read without running anything, equal to the authors' outputs, hostile files refused."""

import pickle
import pickletools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lapa.frames import pixels_from_uint8
from lapa.released.pickled_tree import read_tree
from lapa.released.vqgan_reader import read_vqgan
from lapa.types import LapaError
from tests.lapa.released.conftest import EYES, shared, vqgan_tree


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_tree_of_arrays_is_read_from_every_protocol(tmp_path, protocol):
    path = tmp_path / "vqgan"
    path.write_bytes(pickle.dumps(vqgan_tree(), protocol=protocol))
    found, expected = read_tree(path), dict(flat(vqgan_tree()))
    assert set(found) == set(expected) and all((found[name] == expected[name]).all() for name in found)
    assert read_vqgan(path).config == EYES


def test_encoding_and_decoding_agree_with_the_tree_read_by_hand(tmp_path):
    """The same network from the authors' names and layout, written out once more with plain functions."""
    path, tree = tmp_path / "vqgan", dict(flat(vqgan_tree()))
    path.write_bytes(pickle.dumps(vqgan_tree(), protocol=4))
    model, pixels = read_vqgan(path), torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    by_hand = ByHand(tree)
    latents = by_hand.encode(2 * pixels - 1)
    assert torch.allclose(model.latents(pixels), latents, atol=1e-4)
    book = torch.from_numpy(tree["quantize/embeddings"])
    nearest = (latents.permute(0, 2, 3, 1)[..., None, :] - book).pow(2).sum(-1).argmin(-1)
    assert torch.equal(model.encode(pixels), nearest) and len(nearest.unique()) > 3
    decoded = by_hand.decode(book[nearest].permute(0, 3, 1, 2))
    assert torch.allclose(model.decode(nearest), (decoded.clamp(-1, 1) + 1) / 2, atol=1e-4)


class Bomb:
    def __init__(self, call, *arguments):
        self._made_by = call, arguments

    def __reduce__(self):
        return self._made_by


def hostile(tmp_path) -> dict[str, bytes]:
    import os
    import shutil

    deep: dict = {}
    for _ in range(40):
        deep = {"a": deep}
    laughs: dict = {}
    for _ in range(12):
        laughs = dict.fromkeys("abcdefghij", laughs)
    return {
        "posix.system": pickle.dumps(Bomb(os.system, f"touch {tmp_path / 'ran'}")),
        "builtins.eval": pickle.dumps(Bomb(eval, f"open({str(tmp_path / 'ran')!r}, 'w')")),
        "shutil.rmtree": pickle.dumps(Bomb(shutil.rmtree, str(tmp_path))),
        "no image tokenizer needs": b"\x80\x04cnumpy.testing\nassert_equal\n.",
        "numpy.core.multiarray.ndarray": b"\x80\x02cnumpy.core.multiarray\nndarray\n.",
        "outside itself": b"\x80\x02Pabc\n.",
        "holds a dict": pickle.dumps(deep),
        "more entries than": pickle.dumps(laughs),  # ten million million, in 400 bytes
        "more room than": b"\x80\x02}r\x00\x00\x00\x20.",  # a memo of 8 GB, all of it touched
        "more room than an": b"\x80\x02}p536870912\n.",
        "changes the function": b"\x80\x02c_codecs\nencode\nN}S'__defaults__'\nS'rot13'\n\x85s\x86b.",
        "holds a list": pickle.dumps([1, 2]),
        "no plain number|not a plain number": pickle.dumps({"a": np.array([{}], dtype=object)}),
    }


def test_hostile_pickles_get_one_clear_sentence_and_never_run(tmp_path):
    for says, content in hostile(tmp_path).items():
        path = tmp_path / "vqgan"
        path.write_bytes(content)
        with pytest.raises(LapaError, match=says) as error:
            read_tree(path)
        assert "\n" not in str(error.value)
        assert not (tmp_path / "ran").exists()


def test_other_and_damaged_files_get_one_clear_sentence(tmp_path):
    path, whole = tmp_path / "vqgan", pickle.dumps(vqgan_tree(), protocol=4)
    for content, says in [(b"", "is empty"), (b"a text", "is a text"), (b"PK\x03\x04rest", "zip archive")]:
        path.write_bytes(content)
        with pytest.raises(LapaError, match=says):
            read_vqgan(path)
    for length in range(2, len(whole), 200_003):
        path.write_bytes(whole[:length])
        with pytest.raises(LapaError, match="cut short|damaged|was not read"):
            read_vqgan(path)
    rng = np.random.default_rng(0)
    marks = [place for _, _, place in pickletools.genops(whole)]
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.choice(marks)] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_vqgan(path)
        except LapaError as error:
            assert "\n" not in str(error)


def test_a_missing_a_strange_and_a_misshapen_array_are_named(tmp_path):
    path = tmp_path / "vqgan"

    def refused(change, says: str) -> None:
        tree = vqgan_tree()
        change(tree)
        path.write_bytes(pickle.dumps(tree))
        with pytest.raises(LapaError, match=says):
            read_vqgan(path)

    refused(lambda tree: tree.pop("quant_conv"), "quant_conv/kernel")
    refused(lambda tree: tree.update(extra={"kernel": np.zeros(2, np.float32)}), "extra/kernel")
    refused(lambda tree: tree["quant_conv"].update(bias=np.zeros(3, np.float32)), r"quant_conv/bias.*\[3\]")


def test_every_container_the_released_file_may_have_come_in():
    folder = shared("official_vqgan") / "container_variants"
    expected = dict(np.load(folder / "expected_leaves.npz"))
    variants = [path for path in sorted(folder.iterdir()) if path.suffix != ".npz"]
    assert len(variants) == 6
    for path in variants:
        found = read_tree(path)
        assert set(found) == set(expected) and all((found[name] == expected[name]).all() for name in expected), path


@torch.inference_mode()
def test_official_outputs():
    folder = shared("official_vqgan")
    model, arrays = read_vqgan(folder / "vqgan"), np.load(folder / "expected.npz")
    pixels = pixels_from_uint8(arrays["images_uint8"])
    np.testing.assert_allclose(2 * pixels.permute(0, 2, 3, 1) - 1, arrays["images_normalised"], atol=1e-6)
    latents = model.latents(pixels).permute(0, 2, 3, 1)
    np.testing.assert_allclose(latents, arrays["latents_before_quantisation"], atol=5e-4)
    clear = arrays["code_distance_gap"] > 0.005
    codes = model.encode(pixels).numpy()
    assert (codes[clear] == arrays["code_indices"][clear]).all() and clear.mean() > 0.9
    vectors = model.codebook[torch.from_numpy(arrays["code_indices"]).long()]
    np.testing.assert_allclose(vectors, arrays["quantised_latents"], atol=1e-6)
    for name, decoded in (("code_indices", "decoded"), ("random_codes", "random_codes_decoded")):
        found = 2 * model.decode(torch.from_numpy(arrays[name]).long()).permute(0, 2, 3, 1) - 1
        np.testing.assert_allclose(found, arrays[decoded], atol=2e-4)


def flat(tree: dict, prefix: str = ""):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


class ByHand:
    def __init__(self, tree: dict[str, np.ndarray]):
        self.tree = {name: torch.from_numpy(np.array(value)) for name, value in tree.items()}

    def conv(self, x, name, **how):
        return F.conv2d(x, self.tree[f"{name}/kernel"].permute(3, 2, 0, 1), self.tree[f"{name}/bias"], **how)

    def act(self, x, name):
        return F.silu(F.group_norm(x, 32, self.tree[f"{name}/scale"], self.tree[f"{name}/bias"], 1e-6))

    def block(self, x, name):
        y = self.conv(self.act(x, f"{name}/GroupNorm_0"), f"{name}/Conv_0", padding=1)
        y = self.conv(self.act(y, f"{name}/GroupNorm_1"), f"{name}/Conv_1", padding=1)
        return y + (self.conv(x, f"{name}/Conv_2") if f"{name}/Conv_2/kernel" in self.tree else x)

    def encode(self, x):
        x = self.conv(x, "encoder/Conv_0", padding=1)
        for level in range(5):
            x = self.block(x, f"encoder/DownsamplingBlock_{level}/ResnetBlock_0")
            if level < 4:
                name = f"encoder/DownsamplingBlock_{level}/Downsample_0/Conv_0"
                x = self.conv(F.pad(x, (0, 1, 0, 1)), name, stride=2)
        for i in range(2):
            x = self.block(x, f"encoder/MidBlock_0/ResnetBlock_{i}")
        x = self.conv(self.act(x, "encoder/GroupNorm_0"), "encoder/Conv_1", padding=1)
        return self.conv(x, "quant_conv")

    def decode(self, x):
        x = self.conv(self.conv(x, "post_quant_conv"), "decoder/Conv_0", padding=1)
        for i in range(2):
            x = self.block(x, f"decoder/MidBlock_0/ResnetBlock_{i}")
        for level in range(5):
            for i in range(2):
                x = self.block(x, f"decoder/UpsamplingBlock_{level}/ResnetBlock_{i}")
            if level < 4:
                x = x.repeat_interleave(2, -1).repeat_interleave(2, -2)
                x = self.conv(x, f"decoder/UpsamplingBlock_{level}/Upsample_0/Conv_0", padding=1)
        return self.conv(self.act(x, "decoder/GroupNorm_0"), "decoder/Conv_1", padding=1)
