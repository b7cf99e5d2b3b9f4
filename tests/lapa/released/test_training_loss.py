"""The authors' training loss and gradients, and what learns."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lapa.released.policy import load_released_policy
from lapa.released.policy_net import Kind, Sequences
from lapa.released.policy_store import load_net
from lapa.released.prompt import TrainingBatch, training_batch
from lapa.released.training import TrainableNet, add_actions, as_arguments, training_loss
from lapa.types import LapaError
from tests.lapa.released.conftest import shared
from tests.lapa.released.test_policy_net import load

OURS = {
    "delta_head/kernel": "latent_head",
    "transformer/dte/embedding": "latent_embed",
    "lm_head/kernel": "text_head",
    "transformer/ln_f/kernel": "language.norm",
    "transformer/vte/embedding": "vision_embed",
    "transformer/wte/embedding": "language.embed_tokens",
    "attention/wk/kernel": "self_attn.k_proj",
    "attention/wo/kernel": "self_attn.o_proj",
    "attention/wq/kernel": "self_attn.q_proj",
    "attention/wv/kernel": "self_attn.v_proj",
    "attention_norm/kernel": "input_layernorm",
    "feed_forward/w1/kernel": "gate_proj",
    "feed_forward/w2/kernel": "down_proj",
    "feed_forward/w3/kernel": "up_proj",
    "ffn_norm/kernel": "post_attention_layernorm",
}


def official_batch(arrays) -> TrainingBatch:
    def kinds(side: str) -> torch.Tensor:
        vision, latent = (torch.from_numpy(arrays[f"train_{side}_{name}_masks"]) for name in ("vision", "delta"))
        return torch.where(latent, Kind.LATENT, torch.where(vision, Kind.VISION, Kind.TEXT)).long()

    ids = torch.from_numpy(arrays["train_input_tokens"]).long()
    return TrainingBatch(
        inputs=Sequences(ids, kinds("input"), torch.ones_like(ids, dtype=torch.bool)),
        targets=torch.from_numpy(arrays["train_target_tokens"]).long(),
        kinds=kinds("target"),
        counts=torch.from_numpy(arrays["train_loss_masks"]),
    )


@pytest.mark.parametrize(
    "dtype, table, suffix, close, close_loss",
    [(torch.float32, "float32", "fp32", 1e-4, 1e-5), (torch.bfloat16, "bfloat16", "bf16", 0.25, 0.05)],
)
@torch.inference_mode()
def test_official_losses(dtype, table, suffix, close, close_loss):
    arrays = np.load(shared("official_policy") / "expected.npz")
    loss = training_loss(load(shared("official_policy") / "params", dtype, table), official_batch(arrays))
    np.testing.assert_allclose(loss.logits.view(2, 4, 8), arrays[f"train_delta_logits_{suffix}"], atol=close, rtol=0)
    for name, found in (("delta_", loss.chosen), ("text_", loss.text), ("", loss.total)):
        assert abs(found.item() - arrays[f"train_{name}loss_{suffix}"]) < close_loss


def test_official_gradients():
    arrays = np.load(shared("official_policy") / "expected.npz")
    net = load(shared("official_policy") / "params", torch.float32, "float32").requires_grad_(True)
    training_loss(net, official_batch(arrays)).total.backward()
    np.testing.assert_allclose(net.latent_head.weight.grad.T, arrays["train_grad_delta_head_fp32"], atol=1e-4)
    np.testing.assert_allclose(net.latent_embed.weight.grad, arrays["train_grad_dte_fp32"], atol=1e-4)
    for name, norm in zip(arrays["train_grad_names"], arrays["train_grad_norms_fp32"]):
        key = name.removeprefix("transformer/h/scan_decoder/")
        if key == "vision_head/kernel":
            assert norm == 0 and net.vision_head.weight.grad is None
            continue
        grads = [p.grad for ours, p in net.named_parameters() if f".{ours}.".endswith(f".{OURS[key]}.weight.")]
        assert sum(g.pow(2).sum().item() for g in grads) ** 0.5 == pytest.approx(norm, rel=1e-3)


def a_batch(policy, net) -> TrainingBatch:
    codes = torch.randint(0, 32, (2, 256), generator=torch.Generator().manual_seed(0))
    return training_batch(
        policy.reader.tokenizer, ["push", "take the pot"], codes, torch.tensor([[2, 0, 7, 1]] * 2), net.choices
    )


@pytest.fixture
def policy(imported):
    return load_released_policy(imported, precision="fp32")


def test_the_text_term_counts_the_latent_places_as_the_authors_does(policy):
    given = a_batch(policy, policy.net)
    loss = training_loss(policy.net, given)
    words = policy.net.logits(policy.net(given.inputs), Kind.TEXT)
    targets = torch.where(given.kinds == Kind.TEXT, given.targets, 0)
    nll = F.cross_entropy(words.mT, targets, reduction="none") * given.counts
    assert loss.text.item() == pytest.approx((nll.sum(1) / given.counts.sum(1)).mean().item(), rel=1e-4)
    assert loss.total.item() == pytest.approx(0.99 * loss.chosen.item() + 0.01 * loss.text.item(), rel=1e-5)


@pytest.mark.parametrize("rank", [0, 2])
def test_a_few_steps_learn_a_batch_by_heart_and_touch_only_what_learns(policy, imported, rank):
    before = {name: p.clone() for name, p in policy.net.named_parameters()}
    trainable, given = TrainableNet(policy.net, rank), a_batch(policy, policy.net)
    batch, losses = as_arguments(given), []
    assert batch["ids"].shape[1] < given.inputs.ids.shape[1]
    optimizer = torch.optim.Adam(trainable.learning().values(), lr=1e-2)
    for _ in range(12):
        total, _, _ = trainable(**batch)
        total.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(total.item())
    assert losses[-1] < losses[0] / 2
    learnt = dict(trainable.weights(torch.float32))
    assert set(learnt) == set(before)
    same = {name for name in before if torch.equal(learnt[name], before[name])}
    assert "vision_head.weight" in same and ("language.embed_tokens.weight" in same) == (rank > 0)
    assert "language.layers.0.self_attn.q_proj.weight" not in same and "latent_head.weight" not in same
    assert (len(trainable.state_dict()) == 2 + 2 * 2 * 7) == (rank > 0)
    fresh = load_net(imported, policy.net.config, dtype=torch.float32)
    fresh.load_state_dict(learnt, strict=True)
    merged = training_loss(fresh, given).total.item()
    assert merged == pytest.approx(trainable(**batch)[0].item(), rel=1e-3)


def test_what_is_saved_of_a_run_is_loaded_again(policy, imported):
    first = TrainableNet(policy.net, 2)
    with torch.no_grad():
        for parameter in first.learning().values():
            parameter.add_(1.0)
    second = TrainableNet(load_released_policy(imported, precision="fp32").net, 2)
    second.load_state_dict(first.state_dict())
    weights = dict(second.weights(torch.float32))
    assert all(torch.equal(tensor, weights[name]) for name, tensor in first.weights(torch.float32))
    for rank in (0, 4):
        with pytest.raises(LapaError, match="--lora-rank"):
            TrainableNet(load_released_policy(imported, precision="fp32").net, rank).load_state_dict(first.state_dict())


def test_fresh_actions_are_chosen_and_only_they_are_counted(policy):
    net = add_actions(policy.net, 9, torch.Generator().manual_seed(0))
    assert net.choices == Kind.ACTION
    given = a_batch(policy, net)
    loss = training_loss(net, given)
    assert loss.logits.shape == (8, 9) and loss.total == loss.chosen and loss.text == 0
    assert 1.0 < loss.total.item() < 5.0
