"""The tree of a dream: every branch kept, nothing twice, bounded, each visitor's own."""

import numpy as np
import pytest

from lapa.types import LapaError, LatentAction, Step
from viz.tabs import dreams as module
from viz.tabs.dream_compare import distances, parting, read_instructions
from viz.tabs.dream_store import TREES_PER_VISITOR, DreamStore
from viz.tabs.dream_tree import tree_html
from viz.tabs.dreams import MAX_STEPS, ROOT, DreamTree, stretched
from viz.tabs.selection import Selection

START = np.full((48, 64, 3), 90, np.uint8)
HERE = Selection(bundle="tabletop", clip="a/b.mp4", t=3)


def step(*tokens: int, distributions=None) -> Step:
    frame = np.random.default_rng(sum(tokens)).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    action = LatentAction(tokens=tokens, codebook_size=8)
    return Step(index=0, latent_action=action, distributions=distributions, frame=frame)


def grown(dream: DreamTree, start: int, *tokens: tuple[int, ...], text: str = "push") -> list[int]:
    ids = []
    for token in tokens:
        start = dream.add(start, step(*token), text).id
        ids.append(start)
    return ids


@pytest.fixture
def dream() -> DreamTree:
    return DreamTree(HERE, START)


def test_a_branch_leaves_the_film_it_left_as_it_was(dream):
    film = grown(dream, ROOT, (0, 0), (1, 1), (2, 2))
    branch = grown(dream, film[0], (5, 1), (6, 6))
    assert [node.id for node in dream.path(film[-1])] == film
    assert [node.id for node in dream.path(branch[-1])] == [film[0], *branch]
    lanes = dream.lanes()
    assert [[node.id for node in lane.nodes] for lane in lanes] == [film, branch]
    assert (lanes[0].parent.id, lanes[1].parent.id) == (ROOT, film[0])


def test_lanes_that_left_late_come_right_beneath_the_one_they_left(dream):
    film = grown(dream, ROOT, (0, 0), (1, 1), (2, 2), (3, 3))
    early, late = grown(dream, film[0], (4, 4)), grown(dream, film[2], (5, 5))
    on_late = grown(dream, film[2], (6, 6))
    other = grown(dream, ROOT, (7, 7))
    assert [lane.nodes[0].id for lane in dream.lanes()] == [film[0], *late, *on_late, *early, *other]


def test_the_same_step_is_taken_once_but_another_instruction_is_another_step(dream):
    first = dream.add(ROOT, step(1, 2), "push")
    assert dream.add(ROOT, step(1, 2), "push") is first
    assert dream.add(ROOT, step(1, 2), "pull") is not first
    assert len(dream) == 2


def test_a_shown_step_stays_in_its_film_and_one_of_another_lane_brings_its_own(dream):
    film = grown(dream, ROOT, (0, 0), (1, 1), (2, 2))
    branch = grown(dream, film[0], (5, 5), (6, 6))
    dream.stand(branch[-1], is_open=True)
    dream.stand(film[0])
    assert (dream.tip, dream.at, dream.is_open) == (branch[-1], film[0], False)
    dream.stand(film[1])
    assert (dream.tip, dream.at) == (film[-1], film[1])


def test_a_removed_branch_takes_what_follows_with_it_and_nothing_else(dream):
    film = grown(dream, ROOT, (0, 0), (1, 1))
    branch = grown(dream, film[0], (5, 5), (6, 6))
    dream.compared = (film[-1], branch[-1])
    dream.stand(branch[-1], is_open=True)
    dream.remove(branch[0])
    assert len(dream) == 2 and dream.compared == (film[-1],) and dream.tip == film[-1]
    with pytest.raises(LapaError, match="not kept"):
        dream.node(branch[1])
    with pytest.raises(LapaError, match="start"):
        dream.remove(ROOT)
    dream.clear()
    assert (len(dream), dream.at, dream.is_open) == (0, ROOT, True)


def test_films_and_trees_are_bounded(dream, monkeypatch):
    grown(dream, ROOT, *[(i % 8, i // 8) for i in range(MAX_STEPS)])
    with pytest.raises(LapaError, match="ends after"):
        dream.add(dream.lanes()[0].nodes[-1].id, step(7, 7))
    monkeypatch.setattr(module, "MAX_BYTES", dream.num_bytes + 100)
    with pytest.raises(LapaError, match="full"):
        dream.add(ROOT, step(7, 7))


def test_what_a_visitor_keeps_is_bounded_and_only_theirs():
    dreams = DreamStore(visitors=2)
    here = dreams.at("me", HERE, START)
    assert dreams.at("me", HERE, START) is here and dreams.get(here.id) is here
    assert dreams.at("you", HERE, START) is not here
    for t in range(TREES_PER_VISITOR):
        dreams.at("me", Selection(bundle="tabletop", clip="a/b.mp4", t=t + 9), START)
    with pytest.raises(LapaError, match="not kept"):
        dreams.get(here.id)
    yours = dreams.at("you", HERE, START)
    for name in ("third", "fourth"):
        dreams.at(name, HERE, START)
    with pytest.raises(LapaError):
        dreams.get(yours.id)


def test_a_start_does_not_keep_its_whole_clip_alive():
    clip = np.zeros((50, 48, 64, 3), np.uint8)
    assert DreamTree(HERE, clip[7]).start.base is None


def test_pictures_have_the_proportions_of_the_start(dream):
    film = dream.path(grown(dream, ROOT, (0, 0))[0])
    assert film[0].frame.shape == (32, 32, 3)
    assert {frame.shape for frame in stretched(film, dream.start)} == {(48, 64, 3)}


def test_the_tree_says_why_each_branch_began_and_escapes_what_was_written(dream):
    film = grown(dream, ROOT, (0, 0), (1, 1), text="<b>push</b>")
    dream.add(film[0], step(1, 6), "push", swapped=1, by_hand=True)
    dream.add(film[0], step(2, 2), "push", by_hand=True)
    shown = tree_html(dream)
    assert "&lt;b&gt;push" in shown and "<b>push" not in shown
    assert "step 2: position 1 set to" in shown and "step 2: steered by hand" in shown
    assert shown.count('class="elbow"') == 2 and 'aria-label="film 2, step 2: 1-6"' in shown


def test_films_are_compared_step_by_step(dream):
    sure, torn = np.eye(8, dtype=np.float32)[[0, 0]], np.full((2, 8), 0.125, np.float32)
    first = [dream.add(ROOT, step(0, 0, distributions=sure), "one")]
    first.append(dream.add(first[-1].id, step(0, 1, distributions=torn), "one"))
    other = [dream.add(ROOT, step(0, 0, distributions=sure), "two")]
    other.append(dream.add(other[-1].id, step(0, 2, distributions=sure[:, ::-1]), "two"))
    near, far = distances(other, first)
    assert near == pytest.approx(0, abs=1e-9) and 0.3 < far < 1
    assert parting(other, first) == 2 and parting(first, first) is None


@pytest.mark.parametrize(("text", "found"), [("a\n\n b  c \na", ["a", "b c"]), ("a\nb\nc\nd", ["a", "b", "c", "d"])])
def test_instructions_are_read_by_the_line(text, found):
    assert read_instructions(text) == found


@pytest.mark.parametrize(
    ("text", "said"), [("one", "1 instruction was"), ("a\na", "1 instr"), ("a\nb\nc\nd\ne", "5 d")]
)
def test_too_few_or_too_many_instructions_are_refused(text, said):
    with pytest.raises(LapaError, match=said):
        read_instructions(text)
