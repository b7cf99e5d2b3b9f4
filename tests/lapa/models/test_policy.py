"""The policy: what it computes, on both backbones, and what it refuses."""

import numpy as np
import pytest
import torch
from transformers import (
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMForConditionalGeneration,
    SmolVLMImageProcessorPil,
)

from lapa.checkpoint import fingerprint, save_checkpoint
from lapa.models.backbone import HubBackbone
from lapa.models.laq import LAQ, LAQConfig
from lapa.models.policy import LatentPolicy, PolicyConfig, build_net, latent_choices, load_policy, picker
from lapa.models.tokenizer import InstructionTokenizer
from lapa.protocols import Policy
from lapa.types import LapaError

LAQ_CONFIG = LAQConfig(image_size=64, width=32, num_heads=2, num_spatial=1, num_decoder=1, code_width=4)
SENTENCES = ["push the red star to the left", "move the cube", "slide it up a bit"]


@pytest.fixture(scope="module")
def laq():
    torch.manual_seed(0)
    return LAQ(LAQ_CONFIG).eval()


@pytest.fixture(scope="module")
def tokenizer():
    return InstructionTokenizer.train(SENTENCES * 3, vocab_size=400, max_length=16)


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """A vision-language model of SmolVLM's architecture with random weights, on disk as the hub has it."""
    folder = tmp_path_factory.mktemp("hub")
    words = InstructionTokenizer.train(SENTENCES * 3, vocab_size=400, max_length=64)
    PreTrainedTokenizerFast(tokenizer_object=words._tokenizer, pad_token="<pad>").save_pretrained(folder)
    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SmolVLMConfig(
        text_config={**small, "model_type": "llama", "vocab_size": len(words) + 1, "num_key_value_heads": 1},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        scale_factor=2,
        image_token_id=len(words),
        pad_token_id=0,
    )
    torch.manual_seed(0)
    SmolVLMForConditionalGeneration(config).save_pretrained(folder)
    size = {"longest_edge": 32}
    SmolVLMImageProcessorPil(size=size, max_image_size=size).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["llama", "hub"])
def config(request, hub):
    name = "llama" if request.param == "llama" else str(hub)
    return PolicyConfig(backbone=name, width=32, num_layers=2, num_heads=2, vocab_size=400, max_text=16)


@pytest.fixture(scope="module")
def net(config, laq, tokenizer):
    torch.manual_seed(1)
    return build_net(config, laq, latent_choices(laq), tokenizer).eval()


def test_a_hub_model_with_other_frozen_weights_has_another_fingerprint(hub):
    """Features are kept by it; what is trained has no part in them."""
    backbone = HubBackbone.from_hub(str(hub), max_text=16)
    before = backbone.vision_sha256
    with torch.no_grad():
        next(p for p in backbone.model.parameters() if p.requires_grad).add_(1.0)
        assert backbone.vision_sha256 == before
        next(p for p in backbone.model.parameters() if not p.requires_grad).add_(1.0)
    assert backbone.vision_sha256 != before


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def policy(net):
    return LatentPolicy(net, image_size=64, window_s=0.6)


@pytest.mark.filterwarnings("error::FutureWarning")
def test_token_by_token_with_a_cache_equals_one_pass_over_the_true_tokens(net, policy, frames):
    pixels = torch.from_numpy(frames).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        features = net.backbone.look(pixels)
        ids, mask = net.backbone.read(SENTENCES)
        assert not mask.all(), "sentences of different lengths are wanted here"
        tokens, chosen = net.choose(features, ids, mask, pick=lambda logs: logs.argmin(-1))
        forced = net(features, ids, mask, tokens).logits.log_softmax(-1)
    assert torch.allclose(chosen, forced, atol=1e-4)
    assert torch.allclose(torch.from_numpy(policy.log_probs(frames, SENTENCES, tokens.numpy())), forced, atol=1e-4)


def test_padding_changes_nothing(policy, frames):
    tokens = np.array([[1, 2, 3, 4], [5, 6, 7, 0], [0, 0, 0, 0]])
    together = policy.log_probs(frames, SENTENCES, tokens)
    for i in range(3):
        alone = policy.log_probs(frames[i : i + 1], SENTENCES[i : i + 1], tokens[i : i + 1])
        assert np.allclose(together[i], alone[0], atol=1e-4)


def test_a_token_knows_those_before_it_and_none_after(policy, frames):
    tokens = np.array([[1, 2, 3, 4], [1, 2, 5, 4]])
    logs = policy.log_probs(frames[[0, 0]], SENTENCES[:1] * 2, tokens)
    assert np.allclose(logs[0, :3], logs[1, :3], atol=1e-5)
    assert np.abs(logs[0, 3] - logs[1, 3]).max() > 1e-4


def test_frame_place_and_words_all_matter(policy, frames):
    mirrored = np.ascontiguousarray(frames[:, :, ::-1])
    tokens = np.zeros((3, 4), int)
    base = policy.log_probs(frames, SENTENCES, tokens)
    for other in (
        policy.log_probs(frames[::-1], SENTENCES, tokens),
        policy.log_probs(mirrored, SENTENCES, tokens),
        policy.log_probs(frames, SENTENCES[::-1], tokens),
    ):
        assert np.abs(base[0] - other[0]).max() > 1e-4


def test_it_predicts_greedily_and_by_sampling(policy, frames):
    assert isinstance(policy, Policy)
    first = policy.predict(frames[0], SENTENCES[0])
    assert first.latent_action.tokens == tuple(first.distributions.argmax(1))
    assert np.allclose(first.distributions.sum(1), 1, atol=1e-5)
    rng = np.random.default_rng(0)
    drawn = [
        policy.predict(frames[0], SENTENCES[0], temperature=1.0, rng=rng).latent_action.tokens[0] for _ in range(80)
    ]
    share = np.bincount(drawn, minlength=8) / 80
    assert np.abs(share - first.distributions[0]).sum() < 0.6
    again = [policy.predict(frames[0], SENTENCES[0], temperature=1.0, rng=np.random.default_rng(7)) for _ in range(2)]
    assert again[0].latent_action.tokens == again[1].latent_action.tokens


def test_top_1_is_greedy_at_any_temperature_and_top_k_draws_from_no_other(policy, frames):
    greedy = policy.predict(frames[0], SENTENCES[0])
    for seed in range(5):
        rng = np.random.default_rng(seed)
        only = policy.predict(frames[0], SENTENCES[0], temperature=5.0, top_k=1, rng=rng)
        assert only.latent_action.tokens == greedy.latent_action.tokens
    rng = np.random.default_rng(0)
    drawn = [policy.predict(frames[0], SENTENCES[0], temperature=9.0, top_k=2, rng=rng) for _ in range(40)]
    first = {prediction.latent_action.tokens[0] for prediction in drawn}
    assert first == set(np.argsort(greedy.distributions[0])[-2:].tolist())
    for prediction in drawn:
        ranks = [sorted(row)[::-1].index(row[t]) for row, t in _taken(prediction)]
        assert max(ranks) < 2


def test_more_than_all_codes_are_all_codes(policy, frames):
    def drawn(top_k: int) -> list:
        rng = np.random.default_rng(3)
        many = [policy.predict(frames[0], SENTENCES[0], temperature=2.0, top_k=top_k, rng=rng) for _ in range(5)]
        return [prediction.latent_action.tokens for prediction in many]

    assert drawn(0) == drawn(8) == drawn(99) != drawn(2)


def test_a_prefix_is_taken_whatever_its_probability(policy, frames):
    forced = policy.predict(frames[0], SENTENCES[0], prefix=(7, 0, 3, 1))
    assert forced.latent_action.tokens == (7, 0, 3, 1)
    judged = np.exp(policy.log_probs(frames[:1], SENTENCES[:1], np.array([[7, 0, 3, 1]])))[0]
    np.testing.assert_allclose(forced.distributions, judged, atol=1e-4)
    begun = policy.predict(frames[0], SENTENCES[0], prefix=(7,))
    assert begun.latent_action.tokens[0] == 7
    assert begun.latent_action.tokens[1:] == tuple(begun.distributions[1:].argmax(1))


def _taken(prediction) -> list[tuple[list[float], int]]:
    return list(zip(prediction.distributions.tolist(), prediction.latent_action.tokens, strict=True))


def test_the_vision_side_is_frozen(net):
    trained = {name for name, p in net.named_parameters() if p.requires_grad}
    assert not any("vision" in name or "connector" in name for name in trained)
    assert any("layers.0" in name for name in trained)


@pytest.mark.parametrize(("text", "says"), [("", "empty"), ("  \n ", "empty"), ("x" * 10_000, "10000 characters")])
def test_an_instruction_that_says_nothing_or_too_much_is_refused(policy, frames, text, says):
    with pytest.raises(LapaError, match=says):
        policy.predict(frames[0], text)


def test_a_legal_instruction_of_any_length_is_read(policy, frames):
    policy.predict(frames[0], "push " * 99)


def test_a_checkpoint_comes_back_and_belongs_to_its_quantizer(net, policy, config, laq, frames, tmp_path):
    laq_path = save_checkpoint(tmp_path / "laq", kind="laq", model=LAQ_CONFIG, tensors=laq.state_dict())
    torch.manual_seed(5)
    other = save_checkpoint(tmp_path / "other", kind="laq", model=LAQ_CONFIG, tensors=LAQ(LAQ_CONFIG).state_dict())
    net.backbone.save_files(tmp_path / "policy" / "backbone")
    path = save_checkpoint(
        tmp_path / "policy",
        kind="policy",
        model=config,
        tensors=net.state_dict(),
        stage={"window_s": 0.6},
        parents={"laq": fingerprint(laq_path)},
    )
    loaded = load_policy(path, laq_path)
    assert loaded.window_s == 0.6
    wanted = policy.predict(frames[0], SENTENCES[0])
    assert np.array_equal(loaded.predict(frames[0], SENTENCES[0]).distributions, wanted.distributions)
    with pytest.raises(LapaError, match="another quantizer"):
        load_policy(path, other)
    with pytest.raises(LapaError, match="kind 'laq'"):
        load_policy(laq_path, laq_path)


def test_a_name_that_is_no_model_is_refused(laq):
    with pytest.raises(LapaError, match="cannot be loaded as a vision-language model"):
        build_net(PolicyConfig(backbone="/nowhere/at/all"), laq, latent_choices(laq), None)


def test_frame_tokens_are_hidden_in_training_only(laq, tokenizer):
    torch.manual_seed(0)
    config = PolicyConfig(width=32, num_layers=1, num_heads=2, vocab_size=400, dropout=0.0, hidden_share=0.5)
    net = build_net(config, laq, latent_choices(laq), tokenizer)
    features = torch.randn(2, 16, laq.config.width * 2)
    ids, mask = net.backbone.read(SENTENCES[:2])
    tokens = torch.zeros(2, 4, dtype=torch.int64)
    net.eval()
    assert torch.equal(net(features, ids, mask, tokens).logits, net(features, ids, mask, tokens).logits)
    net.train()
    assert not torch.equal(net(features, ids, mask, tokens).logits, net(features, ids, mask, tokens).logits)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_codes_are_drawn_from_probabilities_to_the_power_of_one_over_the_temperature(temperature):
    shares = np.array([0.6, 0.3, 0.1])
    pick = picker(temperature, np.random.default_rng(0))
    drawn = pick(torch.from_numpy(shares).log().float().expand(4000, -1)).numpy()
    wanted = shares ** (1 / temperature) / (shares ** (1 / temperature)).sum()
    assert np.bincount(drawn, minlength=3) / 4000 == pytest.approx(wanted, abs=0.03)
