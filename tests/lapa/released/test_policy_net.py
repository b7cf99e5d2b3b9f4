"""The network against numpy (always) and against the authors' own outputs (where ../shared is)."""

import numpy as np
import pytest
import torch

from lapa.released.params_names import read_shape, weights_of
from lapa.released.params_stream import scan_params
from lapa.released.policy import as_printed_by_authors
from lapa.released.policy_net import Kind, ReleasedNet, Sequences
from tests.lapa.released.conftest import SHAPE, random_leaves, shared, write_params
from tests.lapa.released.reference_policy import forward

PREFIX = "prefix_{}_logits_{}"


def load(path, dtype, rope_table, num_heads=4) -> ReleasedNet:
    leaves = scan_params(path)
    shape = read_shape(leaves, path, num_heads=num_heads, rope_table=rope_table)
    net = ReleasedNet(shape)
    weights = {w.name: w.read(num_heads) for shard in weights_of(leaves).values() for w in shard}
    net.load_state_dict(weights, strict=True)
    return net.to(dtype).eval().requires_grad_(False)


def sequences(arrays) -> Sequences:
    kinds = torch.from_numpy(arrays["vision_masks"]).long() * Kind.VISION
    valid = torch.from_numpy(arrays["attention_mask"]).bool()
    return Sequences(torch.from_numpy(arrays["input_ids"]).long(), kinds, valid)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    leaves = random_leaves(SHAPE, dtype=torch.float32)
    path = write_params(tmp_path_factory.mktemp("net") / "params", leaves)
    named = {"/".join(key): leaf.numpy() for key, leaf in leaves.items()}
    return load(path, torch.float32, "float32", SHAPE.num_heads), named


def some_sequences(lengths=(40, 25), padded_to=40) -> Sequences:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 300, (len(lengths), padded_to), generator=generator)
    kinds = (torch.arange(padded_to) % 3 == 0).long().repeat(len(lengths), 1)
    valid = torch.arange(padded_to) >= padded_to - torch.tensor(lengths)[:, None]
    return Sequences(ids, kinds, valid)


def test_four_steps_agree_with_numpy_which_knows_no_cache_and_no_padding(small):
    net, leaves = small
    both = some_sequences()
    tokens, logits = net.choose(both, 4, lambda seen: seen.argmax(-1))
    for row, length in enumerate((40, 25)):
        ids, kinds = both.ids[row, -length:].tolist(), both.kinds[row, -length:].tolist()
        for place in range(4):
            hidden = forward(leaves, ids, kinds, num_heads=SHAPE.num_heads)[-1]
            expected = hidden @ leaves["delta_head/kernel"]
            np.testing.assert_allclose(logits[row, place], expected, atol=2e-4)
            assert tokens[row, place] == expected.argmax()
            ids, kinds = [*ids, int(tokens[row, place])], [*kinds, int(Kind.LATENT)]


def test_scoring_given_tokens_in_one_pass_equals_choosing_them_one_by_one(small):
    net, _ = small
    prefix, wanted = some_sequences(), torch.tensor([[2, 2, 0, 7], [5, 2, 1, 1]])
    given = iter(wanted.T)
    _, stepwise = net.choose(prefix, 4, lambda _: next(given))
    assert torch.allclose(net.score(prefix, wanted), stepwise, atol=1e-4)


def test_a_two_ends_nothing(small):
    """Latent code 2 is not text id 2: after it the policy goes on choosing."""
    net, _ = small
    wanted = torch.tensor([[2, 2, 6, 5], [2, 4, 2, 3]])
    given = iter(wanted.T)
    tokens, logits = net.choose(some_sequences(), 4, lambda _: next(given))
    assert torch.equal(tokens, wanted) and logits.shape == (2, 4, 8)


def test_what_the_authors_program_would_have_printed():
    assert as_printed_by_authors([2, 5, 6, 7]) == [2, 0, 0, 0]
    assert as_printed_by_authors([6, 7, 2, 5]) == [6, 7, 2, 0]
    assert as_printed_by_authors([6, 7, 5, 1]) == [6, 7, 5, 1]


def test_angles_rounded_as_in_training_are_those_of_the_notes():
    from lapa.released.policy_decoder import RoundedAngles

    turn = RoundedAngles(128, 5e7, torch.bfloat16)
    cos, sin = turn(torch.zeros(1, 1, 8), torch.tensor([[390]]))
    angles = torch.tensor([390.0, 296.0, 224.0, 170.0])
    assert torch.equal(cos[0, 0, :4], angles.cos().bfloat16().float())
    assert torch.equal(sin[0, 0, 64:68], angles.sin().bfloat16().float())


RUNS = [
    # file, arithmetic, angles, suffix of the arrays, tolerance of the steps and of the other heads, tokens equal
    ("official_policy", "params", torch.float32, "float32", "fp32", 1e-4, 1e-4, True),
    ("official_policy", "params_chunked", torch.float32, "float32", "fp32", 1e-4, 1e-4, True),
    ("official_policy", "params_fp32", torch.float32, "float32", "fp32file", 1e-4, 1e-4, True),
    ("official_policy", "params", torch.bfloat16, "bfloat16", "bf16", 0.25, 0.25, True),
    ("official_policy", "params", torch.float32, "bfloat16", "bf16", 0.25, 0.25, True),
    ("official_policy_action", "params", torch.float32, "float32", "fp32", 1e-4, 1e-4, True),
    ("official_policy_action", "params", torch.bfloat16, "bfloat16", "bf16", 0.3, 0.3, False),
]


@pytest.mark.parametrize("folder, file, dtype, table, suffix, close, close_heads, same", RUNS)
@torch.inference_mode()
def test_official_outputs(folder, file, dtype, table, suffix, close, close_heads, same):
    arrays = np.load(shared(folder) / "expected.npz")
    net = load(shared(folder) / file, dtype, table)
    name = "action" if net.config.num_actions else "delta"
    prefix = sequences(arrays)
    stored = torch.from_numpy(arrays[f"greedy_tokens_{suffix}"]).long()
    given = iter(stored.T)
    _, logits = net.choose(prefix, stored.shape[1], lambda _: next(given))
    np.testing.assert_allclose(logits, arrays[f"step_{name}_logits_{suffix}"], atol=close, rtol=0)
    hidden = net(prefix, last=1)[:, -1]
    heads = {"text": Kind.TEXT, "vision": Kind.VISION, "delta": Kind.LATENT} | (
        {"action": Kind.ACTION} if name == "action" else {}
    )
    for head, kind in heads.items():
        np.testing.assert_allclose(
            net.logits(hidden, kind), arrays[PREFIX.format(head, suffix)], atol=close_heads, rtol=0
        )
    if same:
        tokens, _ = net.choose(prefix, stored.shape[1], lambda seen: seen.argmax(-1))
        assert torch.equal(tokens, stored)
    if name == "delta" and same:
        printed = [as_printed_by_authors(row) for row in tokens.tolist()]
        assert printed == arrays[f"official_generate_tokens_{suffix}"].tolist()


@pytest.mark.parametrize(
    "folder, head, kind", [("official_policy", "delta", 2), ("official_policy_action", "action", 3)]
)
@torch.inference_mode()
def test_official_outputs_at_all_positions(folder, head, kind):
    arrays = np.load(shared(folder) / "expected.npz")
    net, prefix = load(shared(folder) / "params", torch.float32, "float32"), sequences(arrays)
    expected = arrays[f"all_positions_{head}_logits_fp32"]
    found = net.logits(net(prefix), Kind(kind))[:, -expected.shape[1] :].numpy()
    valid = arrays["attention_mask"][:, -expected.shape[1] :].astype(bool)
    np.testing.assert_allclose(found[valid], expected[valid], atol=1e-4, rtol=0)


@torch.inference_mode()
def test_precise_angles_are_wrong_for_weights_trained_with_rounded_ones():
    arrays = np.load(shared("official_policy") / "expected.npz")
    net = load(shared("official_policy") / "params", torch.bfloat16, "float32")
    logits = net.logits(net(sequences(arrays), last=1)[:, -1], Kind.LATENT).numpy()
    assert abs(logits - arrays["prefix_delta_logits_bf16"]).max() > 1.0
