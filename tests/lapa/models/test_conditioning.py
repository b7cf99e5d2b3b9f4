"""How the decoder learns of the latent action, and what a model without tokens can still do."""

import dataclasses

import pytest
import torch

from lapa.checkpoint import save_checkpoint
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.load import load_laq
from lapa.models.quantizer import QUANTIZERS
from lapa.types import LapaError

SMALL = LAQConfig(image_size=32, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4, codebook_size=8)


def build(**choices) -> LAQ:
    """A model whose zero-initialised last layers are woken, and whose codes lie where its latents do."""
    torch.manual_seed(0)
    model = LAQ(dataclasses.replace(SMALL, **choices))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    model.quantizer.initialise(model.encode(*frames(32)).continuous, torch.Generator().manual_seed(0))
    return model.eval()


def frames(num: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(num, 3, 32, 32, generator=generator), torch.rand(num, 3, 32, 32, generator=generator)


@pytest.mark.parametrize("head", ["warp", "linear"])
@pytest.mark.parametrize("conditioning", ["cross", "additive"])
def test_every_token_changes_the_picture(conditioning, head):
    model, (frame, _) = build(conditioning=conditioning, head=head), frames()
    tokens = torch.zeros(3, 4, dtype=torch.int64)
    plain = model.decode(frame, tokens)
    for position in range(4):
        other = tokens.clone()
        other[:, position] = 5
        changed = (model.decode(frame, other) - plain).abs().amax(dim=(1, 2, 3))
        assert (changed > 1e-6).all(), position


def test_the_order_of_added_tokens_counts():
    model, (frame, _) = build(conditioning="additive", quantizer="shared"), frames()
    one, other = (model.decode(frame, torch.tensor([tokens] * 3)) for tokens in ([1, 2, 3, 4], [4, 3, 2, 1]))
    assert (one - other).abs().max() > 1e-6


def test_added_tokens_need_no_cross_attention():
    cross, additive = build(), build(conditioning="additive")
    assert not [name for name, _ in additive.named_parameters() if "cross" in name or "token_position" in name]
    assert sum(p.numel() for p in additive.parameters()) < sum(p.numel() for p in cross.parameters())


@pytest.mark.parametrize("conditioning", ["cross", "additive"])
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_every_parameter_learns(quantizer, conditioning):
    model, (frame, future) = build(quantizer=quantizer, conditioning=conditioning).train(), frames(8)
    out = model(frame, future)
    ((out.future - future).square().mean() + out.loss).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0] == []


@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_a_checkpoint_of_any_kind_gives_the_same_model(quantizer, tmp_path):
    model, (frame, future) = build(quantizer=quantizer, conditioning="additive"), frames()
    save_checkpoint(tmp_path, kind="laq", model=model.config, tensors=model.state_dict())
    again = load_laq(tmp_path, needs_tokens=quantizer != "none")
    encoding = model.encode(frame, future)
    assert torch.equal(again.encode(frame, future).tokens, encoding.tokens)
    vectors = model.code_vectors(encoding.tokens) if model.has_tokens else encoding.continuous
    torch.testing.assert_close(again.decode_vectors(frame, vectors), model.decode_vectors(frame, vectors))


def test_a_continuous_model_says_that_it_has_no_tokens(tmp_path):
    model, (frame, future) = build(quantizer="none"), frames()
    encoding = model.encode(frame, future)
    assert encoding.continuous.shape == (3, 4, 4) and encoding.tokens.shape == (3, 0)
    drawn, other = (model.decode_vectors(frame, x) for x in (encoding.continuous, encoding.continuous.roll(1, 0)))
    assert (drawn - other).abs().max() > 1e-6
    with pytest.raises(LapaError, match="no tokens"):
        model.decode(frame, torch.zeros(3, 4, dtype=torch.int64))
    save_checkpoint(tmp_path, kind="laq", model=model.config, tensors=model.state_dict())
    with pytest.raises(LapaError, match="continuous quantizer"):
        load_laq(tmp_path)
