"""The released quantizer: the authors' own outputs, and each behaviour a compatible network must reproduce."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lapa.frames import pixels_from_uint8
from lapa.models.load import load_laq
from lapa.released.laq import ReleasedLAQ, ReleasedLAQConfig
from lapa.released.laq_import import import_laq
from lapa.released.laq_parts import Attention, PositionConvolution
from lapa.released.laq_read import infer_config
from lapa.types import LapaError
from tests.lapa.released.laq_files import RELEASED, official_shapes, official_tensors

FIXTURE = Path(__file__).resolve().parents[4] / "shared" / "official_laq"


@pytest.fixture
def laq() -> ReleasedLAQ:
    tensors = official_tensors()
    model = ReleasedLAQ(infer_config({name: tuple(tensor.shape) for name, tensor in tensors.items()}))
    model.load_state_dict(tensors, strict=True)
    return model.eval().requires_grad_(False)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(5, 3, 32, 32, generator=generator), torch.rand(5, 3, 32, 32, generator=generator)


@pytest.mark.skipif(not FIXTURE.is_dir(), reason="the authors' outputs are not on this machine")
def test_it_answers_as_the_authors_code_does(tmp_path):
    laq = load_laq(import_laq(FIXTURE / "laq_official_format.pt", tmp_path / "laq", window_s=0.6))
    asked = json.loads((FIXTURE / "config.json").read_text())
    config = laq.config
    assert asked == {
        "dim": config.width,
        "quant_dim": config.code_width,
        "codebook_size": config.codebook_size,
        "image_size": config.image_size,
        "patch_size": config.patch,
        "spatial_depth": config.num_spatial,
        "temporal_depth": config.num_temporal,
        "dim_head": config.head_width,
        "heads": config.num_heads,
        "code_seq_len": config.code_seq_len,
    }
    with np.load(FIXTURE / "expected.npz") as file:
        expected = {name: file[name] for name in file.files}
    pairs = expected["pairs_u8"].transpose(2, 0, 3, 4, 1)
    frame, future = map(pixels_from_uint8, pairs)
    encoding = laq.encode(frame, future)
    np.testing.assert_array_equal(encoding.tokens.numpy(), expected["token_ids"])
    decoded = laq.decode(frame, encoding.tokens)
    np.testing.assert_allclose(decoded.numpy(), expected["reconstruction"], rtol=0, atol=1e-4)
    chosen = laq.decode(frame, torch.from_numpy(expected["chosen_tokens"]))
    np.testing.assert_allclose(chosen.numpy(), expected["decoded_from_chosen"], rtol=0, atol=1e-4)
    assert np.abs(decoded.numpy() - chosen.numpy()).max() > 0.01


def test_the_file_in_full_size_is_the_one_that_was_released():
    """343 796 080 parameters in 493 tensors, 1.38 GB in float32; built without memory."""
    shapes = official_shapes(RELEASED)
    config = infer_config(shapes)
    assert config == ReleasedLAQConfig()
    with torch.device("meta"):
        model = ReleasedLAQ(config)
    assert {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()} == shapes
    assert len(shapes) == 493
    assert sum(parameter.numel() for parameter in model.parameters()) == 343_796_080
    num_bytes = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    assert num_bytes == 1_375_458_752


def test_encode_and_decode_have_the_shapes_of_our_own(laq, pair):
    encoding = laq.encode(*pair)
    assert encoding.continuous.shape == (5, 4, 8)
    assert encoding.tokens.shape == (5, 4) and encoding.tokens.dtype == torch.int64
    assert encoding.distances.shape == (5, 4, 8)
    assert torch.equal(encoding.tokens, encoding.distances.argmin(-1))
    assert laq.decode(pair[0], encoding.tokens).shape == pair[0].shape
    assert laq.frame_features(pair[0]).shape == (5, 64, 64)
    assert laq.codebooks.shape == (4, 8, 8)
    assert torch.equal(laq.code_vectors(encoding.tokens)[2, 3], laq.codebooks[3, encoding.tokens[2, 3]])
    assert torch.equal(laq.latent_of(encoding.tokens), laq.code_vectors(encoding.tokens))


def test_a_batch_of_chosen_tokens_is_decoded_as_one_by_one(laq, pair):
    """The authors' code takes a list of tokens for a batch of one only, and needs a second frame."""
    tokens = torch.randint(8, (5, 4), generator=torch.Generator().manual_seed(2))
    together = laq.decode(pair[0], tokens)
    for i in range(5):
        torch.testing.assert_close(together[i], laq.decode(pair[0][i : i + 1], tokens[i : i + 1])[0])
    assert (together - laq.decode(pair[0], tokens.flip(1))).abs().max() > 1e-3


def test_every_decoder_token_mixes_all_codes(laq, pair):
    """The missing transpose, element by element: out[n][d] = code[l d // q][(l d + n) mod q]."""
    seen = []
    laq.vq.project_out.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    tokens = torch.tensor([[0, 1, 2, 3]] * 5)
    laq.decode(pair[0], tokens)
    codes, width = laq.code_vectors(tokens)[0], laq.config.code_width
    for n in range(4):
        for d in range(width):
            assert seen[0][0, n, d] == codes[4 * d // width, (4 * d + n) % width]


def test_keys_and_values_skip_the_norm():
    """With queries of zero all weights are equal, and the answer is linear in the input as it came."""
    torch.manual_seed(0)
    attention = Attention(16, 2, 8, num_null=0)
    torch.nn.init.zeros_(attention.to_q.weight)
    x = torch.randn(3, 5, 16)
    values = attention.to_kv(x).chunk(2, dim=-1)[1].mean(dim=1, keepdim=True)
    torch.testing.assert_close(attention(x), attention.to_out(values).expand(-1, 5, -1))
    torch.testing.assert_close(attention(3 * x), 3 * attention(x))


def test_null_keys_and_values_alternate():
    """Of the four rows the first and third are keys, the second and fourth values; keys are normalised."""
    torch.manual_seed(0)
    attention = Attention(16, 2, 8, num_null=2)
    x, context = torch.randn(1, 3, 16), torch.randn(1, 4, 16)
    keys, values = attention.to_kv(attention.context_norm(context)).chunk(2, dim=-1)
    heads = []
    for head in range(2):
        part = slice(8 * head, 8 * head + 8)
        k = torch.cat([attention.null_kv[head, [0, 2]], keys[0, :, part]])
        v = torch.cat([attention.null_kv[head, [1, 3]], values[0, :, part]])
        q = attention.to_q(attention.norm(x))[0, :, part]
        heads.append((8 * F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).T).softmax(-1) @ v)
    torch.testing.assert_close(attention(x, context)[0], attention.to_out(torch.cat(heads, dim=-1)))


def test_the_position_convolution_looks_back_not_ahead():
    """Two frames back, none ahead; of a single frame only the last tap counts."""
    torch.manual_seed(0)
    convolution, x = PositionConvolution(4), torch.randn(1, 3 * 4, 4)
    later = x.clone()
    later[:, 8:] += 1.0
    before, after = convolution(x, (1, 3, 2, 2)), convolution(later, (1, 3, 2, 2))
    assert torch.equal(before[:, :8], after[:, :8])
    assert not torch.equal(before[:, 8:], after[:, 8:])
    first = convolution(x[:, :4], (1, 1, 2, 2))
    torch.testing.assert_close(first, before[:, :4])
    convolution.dsconv.weight.data[:, :, :2] = 0
    torch.testing.assert_close(convolution(x[:, :4], (1, 1, 2, 2)), first)


def test_the_temporal_encoder_folds_the_picture(laq, pair):
    """Position (h, w, t) lies at t' = h // 4, h' = 2 (h mod 4) + w // 4, w' = 2 (w mod 4) + t."""
    layer = laq.enc_temporal_transformer.layers[0]["0"]
    layer.dsconv.weight.zero_()
    layer.dsconv.bias.zero_()
    layer.dsconv.weight[:, :, 2, 1, 2] = 1.0  # fetch the right-hand neighbour, as the convolution sees it
    seen = []
    layer.register_forward_hook(lambda module, args, out: seen.append((args[0], out)))
    laq.encode(*pair)
    given, out = (x.reshape(5, 8, 8, 2, 32) for x in seen[0])
    laid = torch.zeros(5, 2, 8, 9, 32)
    for h in range(8):
        for w in range(8):
            for t in range(2):
                laid[:, h // 4, 2 * (h % 4) + w // 4, 2 * (w % 4) + t] = given[:, h, w, t]
    for h in range(8):
        for w in range(8):
            for t in range(2):
                fetched = laid[:, h // 4, 2 * (h % 4) + w // 4, 2 * (w % 4) + t + 1]
                torch.testing.assert_close(out[:, h, w, t], fetched)


def test_first_frame_tokens_see_the_future(laq, pair):
    """Its temporal encoder looks both ways."""
    first = laq._both_frames(laq.see(pair[0]), laq.see(pair[1]))[0]
    other = laq._both_frames(laq.see(pair[0]), laq.see(pair[1].flip(0)))[0]
    assert (first - other).abs().max() > 1e-3


def test_some_parameters_have_no_effect_and_equal_frames_differ(laq, pair):
    """The context norms of self-attention, and the last bias before the difference."""
    before = laq.encode(*pair).continuous
    for name, parameter in laq.named_parameters():
        if ".1.context_norm." in name or name == "vq.cnn_encoder.2.bias":
            parameter.add_(1.0)
    torch.testing.assert_close(laq.encode(*pair).continuous, before, atol=1e-5, rtol=0)
    assert laq.encode(pair[0], pair[0]).continuous.abs().max() > 1e-3


def test_the_decoder_uses_the_patch_embedding_alone(laq, pair):
    """The encoder takes no part in it."""
    tokens = torch.zeros(5, 4, dtype=torch.int64)
    before = laq.decode(pair[0], tokens)
    for parameter in (*laq.enc_spatial_transformer.parameters(), *laq.enc_temporal_transformer.parameters()):
        parameter.zero_()
    assert torch.equal(laq.decode(pair[0], tokens), before)


def test_the_bias_is_that_of_all_pairs(laq):
    """It is computed once per offset; the authors' code runs the network for each of the pairs."""
    place = torch.stack(torch.meshgrid(torch.arange(8), torch.arange(8), indexing="ij"), dim=-1).reshape(64, 2)
    x = (place[:, None] - place[None]).float()
    x = x.sign() * (x.abs() + 1).log()
    for layer in laq.spatial_rel_pos_bias.net:
        x = layer(x)
    torch.testing.assert_close(laq.spatial_rel_pos_bias(8), x.permute(2, 0, 1))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"code_seq_len": 3}, "no read-out of 3 tokens"),
        ({"image_size": 250}, "no whole number of patches"),
        ({"image_size": 512}, "36 tokens, not 4"),
    ],
)
def test_a_shape_the_released_code_cannot_have_is_refused(values, said):
    with pytest.raises(LapaError, match=said):
        ReleasedLAQ(ReleasedLAQConfig(**values))
