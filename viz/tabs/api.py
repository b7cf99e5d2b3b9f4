"""The public endpoints: the same verbs as the page, for programs. Pictures come as data addresses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import gradio as gr

from lapa.types import LapaError
from viz.figures.frames import data_uri
from viz.tabs.actions import choose_clip, choose_frame, choose_tokens
from viz.tabs.selection import Selection, seconds
from viz.tabs.workbench import Workbench

MAX_API_STEPS = 32


def add_endpoints(bench: Workbench) -> None:
    """Add /clips, /encode, /decode and /rollout to the blocks being built."""

    def select(bundle: str, clip: str, t: int, window_s: float = 0.0) -> Selection:
        selection = choose_clip(bench, Selection(bundle=bundle, window_s=bench.explorer(bundle).window_s), clip)
        if window_s:
            selection = bench.fit(replace(selection, window_s=seconds(window_s)))
        return choose_frame(bench, selection, str(t))

    def clips(bundle: str = bench.bundles[0]) -> list[dict]:
        """List the clips of a bundle's own videos: id, instruction, number of frames."""
        entries = bench.shelf.entries(bench.group(bundle))
        return [{"clip": e.id, "instruction": e.instruction, "num_frames": e.num_frames} for e in entries]

    def encode(clip: str, t: int, window_s: float = 0.0, bundle: str = bench.bundles[0]) -> dict:
        """Say what happens between frame t and the frame one window later (0: the window of training)."""
        selection = select(bundle, clip, t, window_s)
        seen = bench.seen(selection)
        return {
            "t": t,
            "window": bench.window(selection),
            "tokens": list(seen.tokens),
            "margins": list(seen.margins or ()),
        }

    def decode(clip: str, t: int, tokens: str, bundle: str = bench.bundles[0]) -> dict:
        """Draw the future of frame t under tokens such as 3-0-7-1."""
        selection = choose_tokens(bench, select(bundle, clip, t), tokens)
        decoded = bench.explorer(bundle).decode(bench.frame(selection), bench.chosen(selection))
        return {"tokens": tokens, "picture": data_uri(decoded, kind="png")}

    def rollout(
        clip: str,
        t: int,
        instruction: str,
        num_steps: int = 8,
        temperature: float = 0.0,
        seed: int = 0,
        bundle: str = bench.bundles[0],
    ) -> list[dict]:
        """Dream from frame t under an instruction."""
        if not 1 <= num_steps <= MAX_API_STEPS:
            raise LapaError(f"{num_steps} steps were asked for: ask for 1 to {MAX_API_STEPS}")
        frame = bench.frame(select(bundle, clip, t))
        steps = bench.explorer(bundle).rollout(frame, instruction, num_steps, temperature=temperature, seed=seed)
        return [{"tokens": list(s.latent_action.tokens), "picture": data_uri(s.frame, kind="jpeg")} for s in steps]

    for endpoint in (clips, encode, decode, rollout):
        gr.api(_in_sentences(endpoint), api_name=endpoint.__name__, concurrency_id="model", concurrency_limit=2)


def _in_sentences(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what a user caused into an error whose text arrives at the other end."""

    @wraps(endpoint)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return endpoint(*args, **kwargs)
        except LapaError as error:
            raise gr.Error(str(error), print_exception=False) from error

    return answer
