"""The top of the page: what this is, which models are open, and the link that brings one back here."""

from __future__ import annotations

import gradio as gr

from viz.tabs.actions import choose_bundle
from viz.tabs.page import Page
from viz.tabs.selection import Selection
from viz.tabs.tour import BUTTON, tour_html

TITLES = {"tabletop": "Tabletop", "droid": "DROID"}
BRAND = """<div class="brand"><h1>Latent Action Explorer</h1><p>What happens between two frames of a video, in a few
discrete tokens that nobody labelled.</p></div>"""
TOOLS = f"""<div class="tools">{BUTTON}<button type="button" class="quiet" data-copy-link>Copy link</button>
<button type="button" class="quiet" data-theme-toggle
aria-label="switch between light and dark">Light / dark</button></div>{tour_html()}"""


def build_header(page: Page) -> None:
    """Build the header."""
    bundles = [(TITLES.get(name, name), name) for name in page.bench.bundles]
    with gr.Row(elem_id="header"):
        gr.HTML(BRAND, apply_default_css=False, elem_classes=["view"])
        switch = gr.Radio(
            bundles, value=bundles[0][1], show_label=False, container=False, elem_id="bundle", elem_classes=["segments"]
        )
        gr.HTML(TOOLS, apply_default_css=False, elem_classes=["view"], js_on_load=None)

    def choose(selection: Selection, bundle: str) -> Selection:
        return choose_bundle(page.bench, selection, str(bundle))

    page.on(switch.input, choose, [switch])
    page.add_view(None, [switch], lambda s: {switch: s.bundle}, key=lambda s: s.bundle)
