"""The data types: a latent action as label and as integer and back, what is refused, pairs inside their clip."""

import numpy as np
import pytest

from lapa.types import Clip, LapaError, LatentAction, joint_codes

SHAPE = {"code_seq_len": 4, "codebook_size": 8}


def test_label_and_code_lead_back_to_the_tokens():
    action = LatentAction(tokens=(3, 0, 7, 1), codebook_size=8)
    assert action.label == "3-0-7-1"
    assert action.code == 3 * 512 + 0 * 64 + 7 * 8 + 1
    assert LatentAction.from_label(action.label, **SHAPE).tokens == action.tokens
    assert LatentAction.from_code(action.code, **SHAPE).tokens == action.tokens


@pytest.mark.parametrize("text", ["3 0 7 1", "3,0,7,1", " [3, 0, 7, 1] "])
def test_a_label_may_be_written_in_several_ways(text):
    assert LatentAction.from_label(text, **SHAPE).tokens == (3, 0, 7, 1)


@pytest.mark.parametrize("text", ["", "3-0-7", "3-0-7-1-1", "a-b-c-d", "3-0-7-8", "3-0-7-1.5"])
def test_what_is_no_latent_action_is_refused(text):
    with pytest.raises(LapaError):
        LatentAction.from_label(text, **SHAPE)


def test_a_token_is_surer_the_nearer_its_code():
    distances = np.array([[0.0, 4.0, 9.0], [1.0, 4.0, 9.0], [4.0, 4.0, 9.0]], np.float32)
    action = LatentAction(tokens=(0, 0, 0), codebook_size=3, distances=distances)
    assert action.margins == pytest.approx((1.0, 0.5, 0.0))
    assert LatentAction(tokens=(0,), codebook_size=3).margins is None


def test_a_pair_never_leaves_its_clip():
    clip = Clip(frames=np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(3, 3), fps=10.0, source="five")
    pair = clip.pair(1, 3)
    assert (int(pair.frame[0, 0, 0]), int(pair.future[0, 0, 0])) == (1, 4)
    for t, window in ((2, 3), (-1, 2), (0, 0)):
        with pytest.raises(LapaError, match="five"):
            clip.pair(t, window)


@pytest.mark.parametrize("code_seq_len, codebook_size", [(4, 8), (21, 8), (64, 8), (256, 8), (4, 256)])
def test_joint_codes_are_those_of_each_latent_action_however_many_tokens_it_has(code_seq_len, codebook_size):
    tokens = np.random.default_rng(0).integers(0, codebook_size, (30, code_seq_len)).astype(np.int16)
    tokens[-1], tokens[-2] = codebook_size - 1, tokens[0]
    tokens[-2, 0] = (tokens[0, 0] + 1) % codebook_size  # differs from row 0 in its first token alone
    codes = joint_codes(tokens, codebook_size)
    assert codes.tolist() == [LatentAction(tokens=tuple(map(int, t)), codebook_size=codebook_size).code for t in tokens]
    assert len(np.unique(codes)) == 30 and (codes.dtype == np.int64) == (code_seq_len <= 21)
