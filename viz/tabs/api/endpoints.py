"""Adds the verbs to the blocks being built, as the only public endpoints of the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from viz.tabs.api.answers import answering
from viz.tabs.api.dream import Dream
from viz.tabs.api.look import Look
from viz.tabs.api.search import Search
from viz.tabs.workbench import Workbench

QUEUE: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 2}
"""Programs wait in the same line as visitors."""


def add_endpoints(bench: Workbench) -> None:
    """Add every verb under its own name."""
    for verb in verbs(bench):
        gr.api(answering(verb), api_name=verb.__name__, **QUEUE)


def verbs(bench: Workbench) -> list[Callable[..., Any]]:
    """Return the verbs in the order in which the documentation lists them."""
    look, dream, search = Look(bench), Dream(bench), Search(bench)
    return [
        look.clips,
        look.upload,
        look.encode,
        look.encode_clip,
        look.novelty,
        dream.decode,
        dream.predict,
        dream.rollout,
        search.neighbours,
        search.index,
        search.report,
        search.export,
    ]
