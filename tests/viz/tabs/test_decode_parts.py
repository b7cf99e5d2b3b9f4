"""What Decode computes by itself: how many of the tokens played are read again."""

import numpy as np
import pytest

from lapa.types import LatentAction
from viz.tabs.decode import EDGE, where_changed
from viz.tabs.decode_transfer import agreement_html, agreement_of


def actions(*labels):
    return [LatentAction.from_label(label, code_seq_len=4, codebook_size=8) for label in labels]


def test_agreement_counts_tokens_and_knows_chance():
    played = actions("0-1-2-3", "4-5-6-7")
    found = agreement_of(played, actions("0-1-2-7", "4-0-0-7"))
    assert (found.tokens, found.first) == (0.625, 1.0)
    assert found.chance == pytest.approx(1 / 8), "only the last token of the second is that of the first"
    assert agreement_of(played, played).tokens == 1.0


def test_a_single_step_has_no_chance_level():
    assert agreement_of(actions("1-1-1-1"), actions("1-1-1-2")).chance == 0.0


def test_the_numbers_are_told_as_a_table():
    found = agreement_of(actions("0-1-2-3", "4-5-6-7"), actions("0-1-2-7", "4-0-0-7"))
    page = agreement_html(found, found)
    assert page.count("<td>62%</td>") == 2 and page.count('scope="row"') == 2


def test_arrows_lie_where_the_picture_changes_and_never_at_its_edge():
    start = np.zeros((40, 80, 3), np.uint8)
    changed = start.copy()
    changed[10:15, 50:61] = 200
    changed[30, 5] = 40  # a faint change elsewhere does not pull them away
    assert where_changed(start, changed) == pytest.approx((55, 12))
    assert where_changed(start, start) == pytest.approx((39.5, 19.5))
    changed = start.copy()
    changed[0, 0] = 255
    assert where_changed(start, changed) == pytest.approx((EDGE * 80, EDGE * 40))
