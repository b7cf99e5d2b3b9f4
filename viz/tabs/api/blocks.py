"""The blocks of the app: what Gradio refuses before a verb is called ends as a sentence too."""

from __future__ import annotations

import logging
from typing import Any

import gradio as gr

from viz.tabs.api.answers import INVALID

UNREADABLE = (
    "What was given cannot be read: give the arguments that the documentation lists, and a video as an uploaded file "
    "or by its public http address."
)
log = logging.getLogger("lapa.app")


class AnsweringBlocks(gr.Blocks):
    """Blocks whose refusals are typed: files that nobody uploaded, addresses of this network, missing arguments."""

    async def preprocess_data(self, *given: Any, **named: Any) -> list[Any]:
        try:
            return await super().preprocess_data(*given, **named)
        except gr.Error:
            raise
        except Exception as error:  # whatever a stranger's arguments do to Gradio: fetching, looking up, unpacking
            log.warning("refused: %s", error)
            raise gr.Error(UNREADABLE, title=INVALID, print_exception=False) from error
