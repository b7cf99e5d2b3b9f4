"""The parts of the tab that show a dream, filled together; and the runs that grow it while the visitor looks on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from viz.tabs.dream_bars import choice_html
from viz.tabs.dream_compare import compare, compare_html
from viz.tabs.dream_stage import stage_html
from viz.tabs.dream_store import DreamStore
from viz.tabs.dream_tree import tree_html
from viz.tabs.dreams import DreamTree, Run
from viz.tabs.page import Page, Updates, visitor
from viz.tabs.selection import Selection


@dataclass(frozen=True)
class DreamParts:
    """What shows a dream: its film, the choice at a step, its branches, and the films compared."""

    page: Page
    dreams: DreamStore
    stage: gr.HTML
    expected: gr.HTML
    tree: gr.HTML
    compared: gr.HTML

    @property
    def outputs(self) -> list[gr.HTML]:
        return [self.stage, self.expected, self.tree, self.compared]

    def dream(self, selection: Selection) -> DreamTree:
        """Return the visitor's own tree at the selected frame."""
        return self.dreams.at(visitor(), selection, self.page.bench.frame(selection))

    def show(self, dream: DreamTree, words: str, note: str = "") -> Updates:
        """Return all parts."""
        return self._stamped(
            dream,
            {
                self.stage: stage_html(self.page, dream, note),
                self.expected: choice_html(self.page, dream, words),
                self.tree: tree_html(dream),
                self.compared: compare_html(self.page, dream),
            },
        )

    def follow(
        self, dream: DreamTree, start: int, words: str, num_steps: int, how: dict[str, Any]
    ) -> Iterator[Updates]:
        """Dream on from step `start`, showing each step as it comes; `how` is temperature, seed and top-k."""
        explorer, run, at = self.page.bench.explorer(dream.selection.bundle), Run(num_steps), start
        steps = explorer.rollout(dream.node(start).frame, words, num_steps, stretch=False, **how)
        dream.text, dream.run = words, run
        try:
            for step in steps:
                if dream.run is not run:
                    break  # stopped, or another run began
                at, run.done = dream.add(at, step, " ".join(words.split())).id, run.done + 1
                dream.stand(at)
                shown = {
                    self.stage: stage_html(self.page, dream),
                    self.expected: choice_html(self.page, dream, words),
                }
                yield self._stamped(dream, shown)
        except Exception:  # the film is too long, the tree full, or worse: what is there stays
            _end(dream, run)
            yield self.show(dream, words)
            raise
        if dream.run in (run, None):
            note = _end(dream, run)
            dream.stand(at, is_open=True)
            yield self.show(dream, words, note)

    def compare(
        self, dream: DreamTree, words: str, instructions: Sequence[str], num_steps: int, how: dict[str, Any]
    ) -> Iterator[Updates]:
        """Dream several instructions from the start, side by side."""
        run = Run(num_steps)
        films = compare(self.page, dream, instructions, num_steps, how)
        dream.run = run
        try:
            for run.done in films:
                if dream.run is not run:
                    break
                yield self._stamped(dream, {self.compared: compare_html(self.page, dream, run)})
        except Exception:
            _end(dream, run)
            yield self.show(dream, words)
            raise
        if dream.run in (run, None):
            note = _end(dream, run)
            if dream.compared and not note:
                dream.stand(dream.compared[0], is_open=True)
            yield self.show(dream, words, note)

    def _stamped(self, dream: DreamTree, shown: Updates) -> Updates:
        """Return parts with a number that is new, so that the page's script knows when it sees them."""
        dream.revision += 1
        stamp = f"{dream.id[:4]}-{dream.revision}"
        return {part: f'<div data-revision="{stamp}">{inside}</div>' for part, inside in shown.items()}


def _end(dream: DreamTree, run: Run) -> str:
    """End a run, if no other began; return what to say if Stop did so before.

    The run itself says it: what Stop said, a step on its way could overtake.
    """
    was_stopped = dream.run is None
    if dream.run is run:
        dream.run = None
    return f"Stopped after {run.done} of {run.asked} steps; they are kept." if was_stopped else ""
