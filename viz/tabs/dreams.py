"""What was dreamed from one start: a tree of steps, every branch kept. Small, bounded, and each visitor's own.

A step's picture is kept as the decoder made it, packed without loss, so that going on from any step is what an unbroken
dream would have done. Knows nothing of how a tree is shown.
"""

from __future__ import annotations

import io
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from lapa.types import Frame, LapaError, LatentAction, Step
from viz.figures.frames import data_uri
from viz.tabs.markup import same_size
from viz.tabs.selection import Selection

MAX_STEPS = 64
"""Steps from the start to the end of a film."""
MAX_BYTES = 64 * 2**20
"""Of one tree."""
FILM_SIDE, THUMB_SIDE = 192, 56
ROOT = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Node:
    """One step of the tree.

    Attributes:
        id: within its tree; the start is 0.
        parent: id of the step before; the start is its own.
        depth: steps since the start.
        packed: `frame`, as a PNG.
        latent_action, distributions: as in `Step`; None for the start.
        instruction: in force when the step was taken, or "".
        swapped: position of the token that a person swapped, or None.
        by_hand: whether a person chose the latent action.
        image, thumb: the picture for the film and for the tree, as data addresses in the start's proportions.
    """

    id: int
    parent: int
    depth: int
    packed: bytes = field(repr=False)
    image: str
    thumb: str
    latent_action: LatentAction | None = None
    distributions: np.ndarray | None = None
    instruction: str = ""
    swapped: int | None = None
    by_hand: bool = False

    @property
    def frame(self) -> Frame:
        """The picture, uint8 [h w 3], as the decoder made it (of the start: as recorded)."""
        return np.asarray(Image.open(io.BytesIO(self.packed)))

    @property
    def num_bytes(self) -> int:
        return len(self.packed) + len(self.image) + len(self.thumb) + 2048


@dataclass(frozen=True)
class Lane:
    """An unbranched run of steps; it left another lane at `parent`, or begins at the start."""

    parent: Node
    nodes: tuple[Node, ...]


@dataclass(eq=False)
class Run:
    """A dream under way: steps done, of those asked for. Another run, or Stop, takes its place in the tree."""

    asked: int
    done: int = 0


class DreamTree:
    """The tree of one start, and where its visitor stands in it.

    Attributes:
        id: nobody else can guess it.
        selection: where the start is from. start: its picture.
        tip: end of the film that is shown. at: the step that is shown. is_open: whether the step after it is asked for.
        compared: tips of the films that were compared last.
        shows_truth: whether the recording's tokens are shown.
        text: the instruction last used from here, or None. run: what is dreaming now, or None.
        revision: counts what was shown.
    """

    def __init__(self, selection: Selection, start: Frame):
        self.id, self.selection, self.start = secrets.token_urlsafe(9), selection, start.copy()
        self._lock, self._next = threading.Lock(), ROOT + 1
        root = Node(id=ROOT, parent=ROOT, depth=0, packed=_pack(self.start), **self._pictures(self.start))
        self._nodes, self._children = {ROOT: root}, {ROOT: []}
        self.tip, self.at, self.is_open = ROOT, ROOT, True
        self.compared: tuple[int, ...] = ()
        self.shows_truth = False
        self.text: str | None = None
        self.run: Run | None = None
        self.revision = 0

    def __len__(self) -> int:
        """Number of steps, of all branches."""
        return len(self._nodes) - 1

    @property
    def root(self) -> Node:
        return self._nodes[ROOT]

    @property
    def shown(self) -> Node:
        return self._nodes[self.at]

    @property
    def num_bytes(self) -> int:
        with self._lock:
            return sum(node.num_bytes for node in self._nodes.values())

    def node(self, node_id: int) -> Node:
        """Return a step.

        Raises:
            LapaError: if it is not kept any more.
        """
        found = self._nodes.get(node_id)
        if found is None:
            raise LapaError("this step is not kept any more: choose another one of the film")
        return found

    def path(self, node_id: int) -> list[Node]:
        """Return the steps from the start to a step, without the start."""
        node, found = self.node(node_id), []
        while node.id != ROOT:
            found.append(node)
            node = self._nodes[node.parent]
        return found[::-1]

    def film(self) -> list[Node]:
        """Return the steps of the film that is shown, without the start."""
        return self.path(self.tip)

    def add(
        self,
        parent_id: int,
        step: Step,
        instruction: str = "",
        *,
        expected: np.ndarray | None = None,
        swapped: int | None = None,
        by_hand: bool = False,
    ) -> Node:
        """Let a step follow another. The same step, already taken from there under this instruction, is returned.

        `expected` are the policy's probabilities where the step has none, because a person chose it.

        Raises:
            LapaError: if the film would be too long or the tree is full.
        """
        with self._lock:
            parent = self.node(parent_id)
            for child in (self._nodes[i] for i in self._children[parent_id]):
                if child.latent_action.tokens == step.latent_action.tokens and child.instruction == instruction:
                    return child
            if parent.depth >= MAX_STEPS:
                raise LapaError(f"a film ends after {MAX_STEPS} steps: go on from an earlier step, or start anew")
            node = Node(
                id=self._next,
                parent=parent_id,
                depth=parent.depth + 1,
                packed=_pack(step.frame),
                latent_action=step.latent_action,
                distributions=expected if step.distributions is None else step.distributions,
                instruction=instruction,
                swapped=swapped,
                by_hand=by_hand,
                **self._pictures(step.frame),
            )
            if sum(kept.num_bytes for kept in self._nodes.values()) + node.num_bytes > MAX_BYTES:
                raise LapaError(f"this tree is full, with {len(self)} steps: remove a branch, or clear it")
            self._nodes[node.id], self._children[node.id] = node, []
            self._children[parent_id].append(node.id)
            self._next += 1
            return node

    def stand(self, node_id: int, *, is_open: bool | None = None) -> None:
        """Show a step. The film that is shown stays if it holds the step, else it becomes that step's own lane.

        `is_open` asks for the step after it, which then ends the film; without it only a bare start is open.
        """
        node = self.node(node_id)
        if is_open:
            self.tip = node_id
        elif node_id != ROOT and node not in self.film():
            self.tip = self._end(node_id)
        self.at = node_id
        self.is_open = bool(is_open) or self.tip == ROOT

    def remove(self, node_id: int) -> None:
        """Forget a step and all that follows it.

        Raises:
            LapaError: if it is the start, or not kept any more.
        """
        with self._lock:
            first = self.node(node_id)
            if node_id == ROOT:
                raise LapaError("the start cannot be removed: choose another frame instead")
            gone, waiting = set(), [node_id]
            while waiting:
                gone.add(waiting[-1])
                waiting += self._children.pop(waiting.pop())
            self._children[first.parent].remove(node_id)
            self._nodes = {i: node for i, node in self._nodes.items() if i not in gone}
        self.compared = tuple(tip for tip in self.compared if tip not in gone)
        if self.at in gone or self.tip in gone:
            self.tip = self._end(first.parent)
            self.at, self.is_open = self.tip, True

    def clear(self) -> None:
        """Forget everything but the start."""
        for child in list(self._children[ROOT]):
            self.remove(child)

    def lanes(self) -> list[Lane]:
        """Return the tree as lanes: each after the one that it left, those that left late first."""
        found: list[Lane] = []
        waiting = [(self.root, self._nodes[i]) for i in reversed(self._children[ROOT])]
        while waiting:
            parent, first = waiting.pop()
            nodes = [first]
            while self._children[nodes[-1].id]:
                nodes.append(self._nodes[self._children[nodes[-1].id][0]])
            found.append(Lane(parent, tuple(nodes)))
            waiting += [(node, self._nodes[i]) for node in nodes for i in reversed(self._children[node.id][1:])]
        return found

    def _end(self, node_id: int) -> int:
        while self._children[node_id]:
            node_id = self._children[node_id][0]
        return node_id

    def _pictures(self, frame: Frame) -> dict[str, str]:
        shown = same_size(frame, self.start)
        options = {"kind": "jpeg", "quality": 85}
        return {
            "image": data_uri(shown, longer_side=FILM_SIDE, **options),
            "thumb": data_uri(shown, longer_side=THUMB_SIDE, **options),
        }


def _pack(frame: Frame) -> bytes:
    """Return a picture as a PNG, made in a hurry."""
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def stretched(nodes: Sequence[Node], start: Frame) -> list[Frame]:
    """Return the pictures of a film, the start first, in the start's proportions."""
    return [start, *(same_size(node.frame, start) for node in nodes)]
