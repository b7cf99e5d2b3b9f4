"""Every layout of codes under the one contract: what it promises, whatever the codes are and however they move."""

import math

import pytest
import torch

from lapa.models.quantizer import FSQ, LFQ, QUANTIZERS, LearnedCodes
from lapa.models.quantizer.scalar import levels_of
from lapa.types import LapaError

NUM_TOKENS, NUM_CODES, WIDTH = 3, 8, 4
TOKENS = [name for name in QUANTIZERS if name != "none"]
OWN_LATENT = [name for name in TOKENS if name != "residual"]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(name: str, num_codes: int = NUM_CODES):
    torch.manual_seed(0)
    quantizer = QUANTIZERS[name](NUM_TOKENS, num_codes, WIDTH)
    quantizer.initialise(latents_for(quantizer), generator())
    return quantizer


def latents_for(quantizer, num: int = 200, seed: int = 1) -> torch.Tensor:
    shape = (num, quantizer.num_latents, quantizer.code_width)
    return torch.tanh(torch.randn(shape, generator=generator(seed)))


@pytest.fixture(params=TOKENS)
def quantizer(request):
    return build(request.param)


def test_the_contract_holds(quantizer):
    latents = latents_for(quantizer, 20)
    out, width = quantizer(latents), quantizer.code_width
    assert out.tokens.shape == (20, NUM_TOKENS) and out.tokens.dtype == torch.int64
    assert out.distances.shape == (20, NUM_TOKENS, NUM_CODES)
    assert quantizer.codebooks().shape == (NUM_TOKENS, NUM_CODES, width)
    tokens, distances = quantizer.nearest(latents)
    assert torch.equal(tokens, out.tokens) and torch.equal(distances.argmin(-1), tokens)
    torch.testing.assert_close(out.value, quantizer.place(tokens), atol=1e-5, rtol=0)
    assert quantizer.latent_of(tokens).shape == latents.shape
    assert quantizer.has_tokens


@pytest.mark.parametrize("name", OWN_LATENT)
@pytest.mark.parametrize("num_codes", [8, 16, 32])
def test_tokens_placed_among_the_latents_are_read_back(name, num_codes):
    quantizer = build(name, num_codes)
    tokens = torch.randint(num_codes, (50, NUM_TOKENS), generator=generator())
    tokens[:num_codes, 0] = torch.arange(num_codes)
    points = quantizer.place(tokens)
    again, distances = quantizer.nearest(points)
    assert torch.equal(again, tokens)
    books = torch.stack([book[column] for book, column in zip(quantizer.codebooks(), tokens.T)], dim=1)
    torch.testing.assert_close(points, books)
    assert len(quantizer.codebooks()[0].unique(dim=0)) == num_codes


def test_the_decoders_wish_reaches_every_latent(quantizer):
    latents = latents_for(quantizer, 6).requires_grad_()
    push = torch.randn(6, NUM_TOKENS, quantizer.code_width, generator=generator())
    (quantizer(latents).value * push).sum().backward()
    assert (latents.grad.abs().sum(-1) > 0).all()


def test_forward_leaves_the_codes_alone(quantizer):
    before = quantizer.codebooks().detach().clone()
    for _ in range(3):
        quantizer.train()(latents_for(quantizer))
    assert torch.equal(quantizer.codebooks(), before)


@pytest.mark.parametrize("name", [name for name in TOKENS if not issubclass(QUANTIZERS[name], LearnedCodes)])
def test_codes_that_are_not_learned_are_not_moved(name):
    quantizer = build(name)
    before, latents = quantizer.codebooks().detach().clone(), latents_for(quantizer)
    quantizer.initialise(latents, generator())
    quantizer.follow(latents, 0.5)
    assert quantizer.revive(torch.zeros(NUM_TOKENS, NUM_CODES).long(), latents, generator(), 0.5) == 0
    assert torch.equal(quantizer.codebooks(), before)


def test_running_means_end_where_the_latents_are():
    """100 latents in two heaps of unequal size: the codes end at the heaps' means."""
    quantizer = QUANTIZERS["ema"](1, 2, 2)
    heaps = torch.tensor([[1.0, 0.0]] * 70 + [[-1.0, 0.0]] * 30) + torch.randn(100, 2, generator=generator()) * 0.01
    quantizer.initialise(heaps[:, None], generator())
    quantizer.set_codes(0, torch.arange(2), quantizer.codebook * 0.5)
    for _ in range(200):
        quantizer.follow(heaps[:, None], 0.9)
    found = quantizer.codebook[quantizer.codebook[:, 0].argsort(descending=True)]
    torch.testing.assert_close(found, torch.stack([heaps[:70].mean(0), heaps[70:].mean(0)]), atol=1e-3, rtol=0)


def test_running_means_revive_what_nobody_takes():
    quantizer = build("ema")
    latents = latents_for(quantizer)
    before, counts = quantizer.codebook.clone(), torch.full((NUM_TOKENS, NUM_CODES), 20)
    counts[:, 5] = 0
    assert quantizer.revive(counts, latents, generator(), share=0.1) == 1
    moved = (quantizer.codebook != before).any(-1)
    assert moved.tolist() == [code == 5 for code in range(NUM_CODES)]
    assert torch.cdist(quantizer.codebook[5:6], latents.flatten(0, 1)).min() == 0


def test_linear_codes_move_together():
    """One step for one latent's sake moves every code, which is what SimVQ is for."""
    quantizer = build("simvq")
    before = quantizer.codebooks()[0].detach().clone()
    optimizer = torch.optim.SGD(quantizer.parameters(), lr=0.1)
    quantizer(latents_for(quantizer, 1)).loss.backward()
    optimizer.step()
    assert ((quantizer.codebooks()[0] - before).norm(dim=-1) > 0).all()


def test_lookup_free_codes_ask_to_be_used_alike():
    quantizer = LFQ(NUM_TOKENS, NUM_CODES, WIDTH)
    latents = latents_for(quantizer)
    alike = quantizer(latents.abs()).loss
    assert quantizer(latents).loss < alike, "one code for all must cost more"
    latents = latents.abs().requires_grad_()
    quantizer(latents).loss.backward()
    assert latents.grad.abs().sum() > 0


def test_nothing_happened_is_a_code_of_finite_scalars():
    quantizer = FSQ(NUM_TOKENS, NUM_CODES, WIDTH)
    still = torch.zeros(1, NUM_TOKENS, quantizer.code_width)
    assert quantizer.place(quantizer.nearest(still)[0]).abs().max() == 0
    assert torch.equal(quantizer.nearest(still)[0], quantizer.nearest(still + 0.05)[0])


@pytest.mark.parametrize("levels", [[3], [8], [11], [4, 4], [8, 4], [8, 8], [8, 6, 5]])
def test_codes_are_shared_out_over_levels(levels):
    assert levels_of(math.prod(levels)) == levels


def test_numbers_of_codes_that_cannot_be_are_refused():
    with pytest.raises(LapaError, match="power of two"):
        LFQ(NUM_TOKENS, 6, WIDTH)
    with pytest.raises(LapaError, match="3 or more"):
        FSQ(NUM_TOKENS, 2, WIDTH)


def test_without_quantisation_the_decoder_is_fed_the_latents():
    quantizer = build("none")
    latents = latents_for(quantizer, 5)
    out = quantizer(latents, mode="noise", generator=generator())
    assert torch.equal(out.value, latents) and out.loss == 0
    assert out.tokens.shape == (5, 0) and quantizer.codebooks().shape == (0, NUM_CODES, WIDTH)
    with pytest.raises(LapaError, match="no tokens"):
        quantizer.place(torch.zeros(5, NUM_TOKENS, dtype=torch.int64))
