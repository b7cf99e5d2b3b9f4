"""Both layouts of codes: what each token says, how the codes are placed, moved and learnt."""

import pytest
import torch

from lapa.models.quantizer import NSVQ, QUANTIZERS, ResidualVQ

LAYOUTS = ("residual", "shared")
NUM_TOKENS, NUM_CODES, WIDTH = 3, 4, 2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def latents_for(quantizer, num: int = 200) -> torch.Tensor:
    return torch.tanh(torch.randn(num, quantizer.num_latents, WIDTH, generator=generator(1)))


@pytest.fixture(params=LAYOUTS)
def quantizer(request):
    """Either layout, its codes placed on latents."""
    torch.manual_seed(0)
    quantizer = QUANTIZERS[request.param](NUM_TOKENS, NUM_CODES, WIDTH)
    quantizer.initialise(latents_for(quantizer), generator())
    return quantizer


@pytest.fixture
def residual():
    """Five codes per token, placed on latents by seeding and a hundred steps of following."""
    quantizer = ResidualVQ(4, 5, WIDTH)
    latents = latents_for(quantizer)
    quantizer.initialise(latents, generator())
    for _ in range(100):
        quantizer.follow(latents, 0.9)
    return quantizer


def test_the_contract_holds_for_both_layouts(quantizer):
    latents = latents_for(quantizer, 7)
    out = quantizer(latents)
    assert out.tokens.shape == (7, NUM_TOKENS) and out.distances.shape == (7, NUM_TOKENS, NUM_CODES)
    assert quantizer.codebooks().shape == (NUM_TOKENS, NUM_CODES, WIDTH)
    torch.testing.assert_close(out.value, quantizer.place(out.tokens), atol=1e-6, rtol=0)
    tokens, distances = quantizer.nearest(latents)
    assert torch.equal(tokens, out.tokens) and torch.equal(distances, out.distances)
    assert torch.equal(distances.argmin(-1), tokens)


def test_noise_has_the_size_of_the_error_it_stands_for(quantizer):
    latents = latents_for(quantizer)
    out = quantizer(latents, mode="noise", generator=generator())
    points = quantizer.place(out.tokens)
    torch.testing.assert_close((out.value - latents).norm(dim=-1), (points - latents).norm(dim=-1))
    assert out.loss == 0
    last = out.distances.min(-1).values.sqrt()
    torch.testing.assert_close((points - latents).norm(dim=-1), last, atol=1e-5, rtol=1e-4)


def test_what_tokens_stand_for_and_what_was_wanted_agree(quantizer):
    """A token whose code is exactly what was wanted leaves nothing over, and `latent_of` is where tokens end up."""
    latents = latents_for(quantizer)
    tokens, distances = quantizer.nearest(latents)
    points = quantizer.place(tokens)
    codes = torch.stack([book[column] for book, column in zip(quantizer.codebooks(), tokens.T)], dim=1)
    wanted = quantizer.wanted(latents, points)
    torch.testing.assert_close((wanted - codes).square().sum(-1), distances.min(-1).values, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(latents - points, wanted - codes, atol=1e-5, rtol=1e-4)
    assert torch.equal(quantizer.latent_of(tokens), points[:, -quantizer.num_latents :])


def test_residual_tokens_say_the_latent_better_one_after_the_other(residual):
    latents = latents_for(residual)
    tokens, _ = residual.nearest(latents)
    errors = (residual.place(tokens) - latents).square().sum(-1).mean(0)
    assert (errors[1:] < 0.7 * errors[:-1]).all(), errors
    norms = residual.codebooks().norm(dim=-1).mean(1)
    assert (norms[1:] < norms[:-1]).all(), norms
    untouched = torch.cat([tokens[:, :2], (tokens[:, 2:] + 1) % 5], dim=1)
    assert torch.equal(residual.place(untouched)[:, :2], residual.place(tokens)[:, :2])
    assert not torch.isclose(residual.latent_of(untouched), residual.latent_of(tokens)).all(-1).any()


def test_a_residual_code_means_something_else_at_every_position(residual):
    alone = residual.place(torch.tensor([[3, 0, 0, 0], [0, 0, 3, 0]]))
    books = residual.codebooks()
    torch.testing.assert_close(alone[0, 0], books[0, 3])
    torch.testing.assert_close(alone[1, 2] - alone[1, 1], books[2, 3])
    assert not torch.isclose(books[0, 3], books[2, 3]).any()


def test_followed_codes_are_means_of_what_they_stand_for():
    """100 latents in two heaps of unequal size: the codes end at the heaps' means."""
    quantizer = ResidualVQ(1, 2, WIDTH)
    heaps = torch.tensor([[1.0, 0.0]] * 70 + [[-1.0, 0.0]] * 30) + torch.randn(100, WIDTH, generator=generator()) * 0.01
    quantizer.initialise(heaps[:, None], generator())
    quantizer.codebook.mul_(0.5)
    for _ in range(200):
        quantizer.follow(heaps[:, None], 0.9)
    found = quantizer.codebooks()[0]
    found = found[found[:, 0].argsort(descending=True)]
    torch.testing.assert_close(found, torch.stack([heaps[:70].mean(0), heaps[70:].mean(0)]), atol=1e-4, rtol=0)


def test_a_code_that_nobody_takes_stays_where_it_is():
    quantizer = ResidualVQ(1, 2, WIDTH)
    quantizer.set_codes(0, torch.tensor([0, 1]), torch.tensor([[0.1, 0.1], [50.0, 50.0]]))
    for _ in range(2000):
        quantizer.follow(torch.zeros(4, 1, WIDTH), 0.9)
    torch.testing.assert_close(quantizer.codebooks()[0, 1], torch.tensor([50.0, 50.0]))
    torch.testing.assert_close(quantizer.codebooks()[0, 0], torch.zeros(2), atol=1e-4, rtol=0)


def test_revival_moves_the_unused_codes_of_each_residual_position_and_no_others(residual):
    before = residual.codebooks().clone()
    latents = latents_for(residual)
    wanted = residual.wanted(latents, residual.place(residual.nearest(latents)[0]))
    counts = torch.full((4, 5), 20)
    counts[0, 1], counts[2, 0], counts[2, 4] = 0, 1, 0
    assert residual.revive(counts, latents, generator(), share=0.1) == 3
    moved = (residual.codebooks() != before).any(-1)
    assert moved.nonzero().tolist() == [[0, 1], [2, 0], [2, 4]]
    for position, code in moved.nonzero().tolist():
        gaps = (wanted[:, position] - residual.codebooks()[position, code]).norm(dim=-1)
        assert gaps.min() == 0, "a revived code lies where a recent latent wanted it"


def test_revival_of_shared_codes_asks_whether_any_token_uses_them():
    quantizer = NSVQ(NUM_TOKENS, NUM_CODES, WIDTH)
    before = quantizer.codebook.detach().clone()
    latents = torch.full((10, NUM_TOKENS, WIDTH), 7.0)
    counts = torch.tensor([[50, 0, 0, 0], [0, 0, 49, 1], [0, 0, 0, 50]])
    assert quantizer.revive(counts, latents, generator(), share=0.1) == 1
    assert torch.equal(quantizer.codebook[[0, 2, 3]], before[[0, 2, 3]])
    assert torch.equal(quantizer.codebook[1], latents[0, 0])


def test_shared_codes_are_spread_over_the_latents_of_all_tokens():
    """Each token's latents lie in a corner of their own: one codebook must have a code in every corner."""
    corners = torch.tensor([[0.9, 0.9], [-0.9, 0.9], [-0.9, -0.9]])
    quantizer = NSVQ(3, 3, 2)
    quantizer.initialise(corners + torch.randn(50, 3, 2, generator=generator()) * 0.01, generator())
    gaps = torch.cdist(corners, quantizer.codebook.detach())
    assert sorted(gaps.argmin(1).tolist()) == [0, 1, 2] and gaps.min(1).values.max() < 0.1


def test_shared_codes_are_the_papers_layout():
    """One codebook, a latent per token, and each token the code nearest to its own latent."""
    quantizer = NSVQ(NUM_TOKENS, NUM_CODES, WIDTH)
    latents = latents_for(quantizer)
    tokens, _ = quantizer.nearest(latents)
    assert quantizer.codebooks().unique(dim=0).shape[0] == 1
    assert torch.equal(tokens, torch.cdist(latents, quantizer.codebooks()[:1].expand(200, -1, -1)).argmin(-1))
    assert torch.equal(quantizer.place(tokens), quantizer.codebook[tokens])
    assert torch.equal(quantizer.latent_of(tokens), quantizer.place(tokens))


@pytest.mark.parametrize("mode", ["noise", "codes"])
def test_gradients_reach_the_encoder_and_the_codes(quantizer, mode):
    latents = latents_for(quantizer).requires_grad_()
    out = quantizer(latents, mode=mode, generator=generator())
    ((out.value - 0.3).square().mean() + out.loss).backward()
    assert (latents.grad.abs().sum(-1) > 0).all()
    if isinstance(quantizer, NSVQ):
        used = out.tokens.unique()
        assert (quantizer.codebook.grad[used].abs().sum(-1) > 0).all()
    else:  # these follow instead
        before = quantizer.codebooks().clone()
        quantizer.follow(latents.detach() + 0.1, 0.9)
        moved = (quantizer.codebooks() != before).any(-1)
        assert moved.any(-1).all()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_decoders_gradient_passes_straight_through_to_the_latents(layout):
    quantizer = QUANTIZERS[layout](NUM_TOKENS, NUM_CODES, WIDTH)
    latents = latents_for(quantizer, 5).requires_grad_()
    push = torch.randn(5, NUM_TOKENS, WIDTH, generator=generator())
    (quantizer(latents, mode="codes").value * push).sum().backward()
    expected = push.sum(1, keepdim=True) if layout == "residual" else push
    torch.testing.assert_close(latents.grad, expected)
