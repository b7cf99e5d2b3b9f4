"""The tokenizer: frequent words are one id, nothing is unknown, nothing is too long."""

import pytest

from lapa.models.tokenizer import InstructionTokenizer

SENTENCES = ["push the red star to the left", "push the blue cube to the right", "Move the red cube"] * 4


@pytest.fixture
def tokenizer():
    return InstructionTokenizer.train(SENTENCES, vocab_size=400, max_length=12)


def test_a_frequent_word_is_one_id(tokenizer):
    ids, mask = tokenizer(["push the red star", "push the red"])
    assert mask.sum(1).tolist() == [4, 3]
    assert ids[0, :3].tolist() == ids[1, :3].tolist()


def test_words_never_seen_stay_apart_and_readable(tokenizer):
    words = ["scredriver", "scissors", "тарелка", "杯子"]
    ids, mask = tokenizer(words)
    assert len({tuple(row.tolist()) for row in ids}) == len(words)
    assert [tokenizer.decode(row[m].tolist()) for row, m in zip(ids[:2], mask[:2])] == words[:2]


def test_case_and_blanks_do_not_matter(tokenizer):
    ids, _ = tokenizer(["  Push THE red Star ", "push the red star"])
    assert ids[0].tolist() == ids[1].tolist()


def test_long_text_is_cut_and_padding_is_masked(tokenizer):
    ids, mask = tokenizer(["push " * 100, "left"])
    assert ids.shape == (2, 12) and mask.sum(1).tolist() == [12, 1]


def test_it_reads_back_what_it_wrote(tokenizer):
    again = InstructionTokenizer.from_json(tokenizer.to_json(), max_length=12)
    assert again(["push the zebra"])[0].tolist() == tokenizer(["push the zebra"])[0].tolist()
    assert len(again) == len(tokenizer)


def test_training_depends_on_the_sentences_alone():
    texts = [
        InstructionTokenizer.train(s, vocab_size=400, max_length=12).to_json() for s in (SENTENCES, SENTENCES[::-1])
    ]
    assert texts[0] == texts[1]
