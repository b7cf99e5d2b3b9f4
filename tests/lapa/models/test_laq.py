"""The quantizer: shapes, its inverse, and the properties its design promises."""

import dataclasses

import pytest
import torch

from lapa.checkpoint import save_checkpoint
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.types import LapaError

SMALL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=8)


@pytest.fixture(params=[("residual", "warp"), ("shared", "linear")], ids=["residual", "shared"])
def model(request):
    """A quantizer of either layout whose codes lie where its latents do."""
    layout, head = request.param
    torch.manual_seed(0)
    model = LAQ(dataclasses.replace(SMALL, quantizer=layout, head=head)).eval()
    with torch.no_grad():
        model.quantizer.codebook.mul_(0.05)
    return model


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(3, 3, 32, 32, generator=generator), torch.rand(3, 3, 32, 32, generator=generator)


def test_encode_and_decode_have_the_promised_shapes(model, pair):
    encoding = model.encode(*pair)
    assert encoding.continuous.shape == (3, 1 if model.config.quantizer == "residual" else 4, 8)
    assert encoding.tokens.shape == (3, 4) and encoding.tokens.dtype == torch.int64
    assert encoding.distances.shape == (3, 4, 8)
    assert model.decode(pair[0], encoding.tokens).shape == pair[0].shape
    assert model.frame_features(pair[0]).shape == (3, 4, 64)
    assert model.codebooks.shape == (4, 8, 8) and model.device == torch.device("cpu")
    assert model.code_vectors(encoding.tokens).shape == (3, 4, 8)
    assert model.latent_of(encoding.tokens).shape == encoding.continuous.shape


def test_each_token_is_the_code_nearest_to_what_those_before_it_left(model, pair):
    encoding = model.encode(*pair)
    left = encoding.continuous.expand(-1, 4, -1).clone()
    for position, codes in enumerate(model.codebooks):
        gaps = (left[:, position, None] - codes).square().sum(-1)
        torch.testing.assert_close(encoding.distances[:, position], gaps)
        assert torch.equal(encoding.tokens[:, position], gaps.argmin(-1))
        if model.config.quantizer == "residual":
            left = left - codes[gaps.argmin(-1)][:, None]


def test_frames_seen_alone_are_compared_as_pairs_are(model, pair):
    together = model.encode(*pair)
    apart = model.compare(*(torch.cat([model.see(one[None]) for one in frames]) for frames in pair))
    torch.testing.assert_close(apart.continuous, together.continuous, atol=1e-6, rtol=0)
    assert torch.equal(apart.tokens, together.tokens)


@pytest.mark.parametrize(("code_seq_len", "codebook_size"), [(1, 8), (2, 5), (4, 8), (6, 16)])
def test_sequence_length_and_codebook_size_are_free(code_seq_len, codebook_size, pair):
    model = LAQ(dataclasses.replace(SMALL, code_seq_len=code_seq_len, codebook_size=codebook_size))
    encoding = model.encode(*pair)
    assert encoding.distances.shape == (3, code_seq_len, codebook_size)
    assert model.decode(pair[0], encoding.tokens).shape == pair[0].shape


def test_two_equal_frames_differ_by_nothing(model, pair):
    """Up to rounding; the released model says something of them."""
    assert model.encode(pair[0], pair[0]).continuous.abs().max() < 1e-5
    assert model.encode(*pair).continuous.abs().max() > 1e-3


def test_the_current_frames_encoding_does_not_see_the_future(model, pair):
    """In the released model first-frame tokens depend on the second frame."""
    seen = []
    model.temporal.register_forward_hook(lambda module, args, out: seen.append(out[:, 0].clone()))
    model.encode(pair[0], pair[1])
    model.encode(pair[0], torch.zeros_like(pair[1]))
    assert torch.equal(*seen)


def test_a_decoder_token_is_made_of_its_code_and_of_none_after_it(model, pair):
    """In the released model a missing transpose mixes all codes into every token."""
    contexts = []
    model.decoder.layers[0].register_forward_pre_hook(
        lambda module, args, kwargs: contexts.append(kwargs["context"]), with_kwargs=True
    )
    model.decode(pair[0], torch.tensor([[0, 1, 2, 3]] * 3))
    model.decode(pair[0], torch.tensor([[0, 1, 7, 3]] * 3))
    same = torch.isclose(contexts[0], contexts[1]).all(-1).all(0)
    assert same.tolist() == [True, True, False, model.config.quantizer == "shared"]


def test_every_parameter_has_an_effect(model, pair):
    """Nothing is trained that nothing uses."""
    with torch.no_grad():  # zero-initialised last layers would hide what is behind them
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    out = model(*pair, mode="codes")
    ((out.future - pair[1]).square().mean() + out.loss).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert idle == []


def test_the_decoder_does_not_train_the_patch_embedding(model, pair):
    model.decode_vectors(pair[0], torch.zeros(3, 4, 8)).square().mean().backward()
    assert all(p.grad is None for p in model.embed.parameters())


def test_forward_leaves_the_codebook_alone(model, pair):
    before = model.codebooks.clone()
    model.train()
    for _ in range(3):
        model(*pair, mode="noise", generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.codebooks, before)


def test_a_saved_model_loads_strictly(model, pair, tmp_path):
    save_checkpoint(tmp_path / "laq", kind="laq", model=model.config, tensors=model.state_dict())
    again = load_laq(tmp_path / "laq")
    tokens = model.encode(*pair).tokens
    assert torch.equal(again.encode(*pair).tokens, tokens)
    torch.testing.assert_close(again.decode(pair[0], tokens), model.decode(pair[0], tokens))
    fewer = {name: tensor for name, tensor in model.state_dict().items() if name != "position"}
    save_checkpoint(tmp_path / "less", kind="laq", model=model.config, tensors=fewer)
    with pytest.raises(LapaError, match="do not fit"):
        load_laq(tmp_path / "less")
    save_checkpoint(tmp_path / "policy", kind="policy", model=model.config, tensors=model.state_dict())
    with pytest.raises(LapaError, match="kind 'policy'"):
        load_laq(tmp_path / "policy")
