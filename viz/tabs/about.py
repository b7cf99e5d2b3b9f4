"""About: what this bundle is, what was measured of it, and how to read the page; from the checkpoint's own files."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from viz.tabs.markup import empty, section
from viz.tabs.page import Page, act_html
from viz.tabs.selection import Selection

NAMES = {
    "psnr": "reconstruction, PSNR (dB)",
    "psnr_copy": "PSNR of copying the current frame (dB)",
    "psnr_gain_db": "gain over copying (dB)",
    "psnr_gain_moving_db": "gain over copying, moving half (dB)",
    "controllability_db": "controllability: true against random tokens (dB)",
    "codes_used": "codes used",
    "codebook_size": "codes",
    "perplexity": "perplexity of the codes",
    "probe_r2_tokens": "linear probe, tokens to true movement (R2)",
    "probe_r2_continuous": "linear probe, before quantisation (R2)",
    "num_pairs": "pairs measured",
    "nll_right": "negative log-likelihood, right instruction (nats per token)",
    "nll_swapped": "negative log-likelihood, swapped instruction (nats per token)",
    "nll_gap": "their gap (nats per token)",
    "nll_gap_low": "lower end of the gap's 95 % interval",
    "accuracy": "accuracy of the likeliest token",
}
CARD = {
    "laq": "quantizer",
    "window_s": "window (s)",
    "code_seq_len": "tokens per latent action",
    "codebook_size": "codes per token",
    "image_size": "picture size (px)",
    "num_parameters": "parameters of the quantizer",
    "data": "trained on",
}
KINDS = {"laq": "Quantizer", "policy": "Policy", "robot": "Robot actions"}
READING = """<ul class="reading">
<li>A <b>latent action</b> is what the quantizer needs to know, besides the current frame, to draw the frame one window
later: a few tokens, each one of a small codebook. Nobody told it what the tokens mean.</li>
<li><b>How sure</b> a token is says how much nearer its code lay than the second-best one; a close call could as well
have been the other.</li>
<li><b>Inside</b> or <b>outside the training videos</b> compares the frame with those the quantizer was trained on. Far
outside, tokens and pictures are guesses.</li>
<li>A <b>dream</b> feeds the decoder with its own pictures; errors add up, step by step.</li>
<li>Method: Latent Action Pretraining from Videos, <a href="https://arxiv.org/abs/2410.11758">arXiv 2410.11758</a>.</li>
</ul>"""


def build_about(page: Page) -> None:
    """Build the tab."""
    with gr.Tab("About", id="about", elem_id="tab-about", render_children=True):
        facts = act_html("facts")
    page.add_view("about", [facts], lambda s: {facts: about_html(page, s)}, key=lambda s: s.bundle)


def about_html(page: Page, selection: Selection) -> str:
    """Return the facts, the measurements and the reading guide."""
    explorer = page.bench.explorer(selection.bundle)
    measured = explorer.report()
    tables = [
        section(f"{KINDS.get(kind, kind)}: measured on held-out videos", table(numbers_of(values)))
        for kind, values in measured.items()
        if numbers_of(values)
    ]
    reports = "".join(tables) or section("Measured", empty("These checkpoints carry no report."))
    card = section("This bundle", table({CARD.get(key, key): value for key, value in explorer.card.items()}))
    guide = section("How to read this", READING)
    return f'<div class="grid two-columns"><div>{reports}</div><div>{card}{guide}</div></div>'


def numbers_of(values: dict[str, Any]) -> dict[str, Any]:
    """Return the numbers of a report under their plain names, nested parts left out."""
    return {NAMES.get(k, k.replace("_", " ")): v for k, v in values.items() if isinstance(v, int | float | str)}


def table(values: dict[str, Any]) -> str:
    """Return two columns: what, and how much."""
    rows = "".join(
        f'<tr><th scope="row">{escape(str(key))}</th><td>{escape(_plain(value))}</td></tr>'
        for key, value in values.items()
    )
    return f'<table class="facts">{rows}</table>'


def _plain(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)[:300]
