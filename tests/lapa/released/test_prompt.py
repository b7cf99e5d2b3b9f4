"""Layouts, the text tokenizer, and what the policy sees of a frame."""

import numpy as np
import pytest
import torch

from lapa.released.policy_net import Kind
from lapa.released.prompt import ask, training_batch
from lapa.released.sight import center_crop, squash
from lapa.released.text_tokenizer import TextTokenizer
from lapa.types import LapaError

CODES = torch.arange(512).view(2, 256)


@pytest.fixture(scope="module")
def tokenizer(tokenizer_file) -> TextTokenizer:
    return TextTokenizer(tokenizer_file)


def test_specials_are_ids_and_the_blanks_around_them_go(tokenizer):
    assert tokenizer("<s> <s> push") == [1, 1, *tokenizer("push")]
    assert tokenizer("push </s>") == [*tokenizer("push"), 2]
    assert len(tokenizer("<vision>")) > 1 and len(tokenizer("</delta>")) > 1  # ordinary text of several pieces
    assert tokenizer("") == [] and len(tokenizer) == 320


def test_a_prompt_is_what_the_authors_sampler_builds(tokenizer):
    short, long = ask(tokenizer, ["push", "push the red star to the left"], CODES), "push the red star to the left"
    text = "<s> <s> You are a helpful assistant. USER: What action should the robot take to `push` ASSISTANT: <vision>"
    head, tail = tokenizer(text), tokenizer("</vision> <delta>")
    padded = short.ids.shape[1] - len(head) - 257 - len(tail)
    assert padded > 0 and short.ids[0].tolist() == [0] * padded + head + [*range(256), 8193, *tail]
    assert short.valid[0].tolist() == [False] * padded + [True] * (short.ids.shape[1] - padded)
    assert short.valid[1].all() and long in tokenizer.decode(short.ids[1].tolist()[:80])
    vision = (short.kinds[0] == Kind.VISION).nonzero().flatten()
    assert vision.tolist() == list(range(padded + len(head), padded + len(head) + 257))
    assert short.positions[0, padded] == 0 and short.positions[0, -1] == short.ids.shape[1] - padded - 1


def test_a_long_instruction_loses_its_beginning(tokenizer):
    sequences = ask(tokenizer, ["push the red star " * 60], CODES[:1])
    assert sequences.ids.shape[1] == 128 + 257 + len(tokenizer("</vision> <delta>"))
    ends = tokenizer("` ASSISTANT: <vision>")[-6:]
    assert sequences.ids[0, 122:128].tolist() == ends


@pytest.mark.parametrize("kind, tag", [(Kind.LATENT, "delta"), (Kind.ACTION, "action")])
def test_a_training_batch_is_what_the_authors_processor_builds(tokenizer, kind, tag):
    batch = training_batch(tokenizer, ["push", "push"], CODES, torch.tensor([[2, 0, 7, 1], [3, 3, 3, 3]]), kind)
    text = "<s> You are a helpful assistant. USER: What action should the robot take to `push` ASSISTANT:"
    before = [1, *tokenizer(text), *tokenizer("<vision>"), *range(256), 8193, *tokenizer("</vision>")]
    after = [*tokenizer(f"<{tag}>"), 2, 0, 7, 1, *tokenizer(f"</{tag}>"), 2]
    whole = before + after + [1] * (385 - len(before) - len(after))
    assert batch.inputs.ids[0].tolist() == whole[:-1] and batch.targets[0].tolist() == whole[1:]
    counted = batch.counts[0].nonzero().flatten() + 1
    assert counted.tolist() == list(range(len(before), len(before) + len(after)))
    chosen = (batch.kinds[0] == kind).nonzero().flatten()
    assert batch.targets[0, chosen].tolist() == [2, 0, 7, 1]
    assert (batch.inputs.kinds[0, 1:] == batch.kinds[0, :-1]).all()


def test_an_instruction_too_long_to_train_on_is_refused(tokenizer):
    with pytest.raises(LapaError, match="too long to train on"):
        training_batch(tokenizer, ["push the red star " * 60], CODES[:1], torch.zeros(1, 4, dtype=torch.long))


def test_other_files_are_no_tokenizer(tmp_path, tokenizer_file):
    path = tmp_path / "tokenizer.model"
    for content in (b"", b"a text", tokenizer_file.read_bytes()[:100]):
        path.write_bytes(content)
        with pytest.raises(LapaError, match="not a SentencePiece model|numbers <unk>"):
            TextTokenizer(path)


def test_a_frame_is_squashed_by_its_four_neighbours_without_antialiasing():
    frame = np.zeros((256, 512, 3), np.uint8)
    frame[:, 1::4] = 240  # finer than the result can show: plain bilinear halves it, antialiasing would quarter it
    small = squash(frame)
    assert small.shape == (256, 256, 3) and set(np.unique(small)) == {0, 120}
    wide = np.full((10, 40, 3), 7, np.uint8)
    assert squash(wide).shape == (256, 256, 3) and (squash(wide) == 7).all()


def test_the_middle_of_a_frame_keeps_its_width():
    rows = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 256, 1).repeat(3, 2)
    middle = center_crop(rows)
    assert middle.shape == (256, 256, 3) and middle[0, 0, 0] == 13 and middle[-1, 0, 0] == 242
    columns = rows.transpose(1, 0, 2)
    assert (center_crop(columns) == columns).all()
