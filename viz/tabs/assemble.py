"""Put the page together: header, sidebar, tabs, style, script, and the few public endpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import plotly
from starlette.responses import FileResponse
from starlette.routing import Route

from viz.figures.style import component_css, css_variables
from viz.tabs.actions import common_actions, link_readers
from viz.tabs.api import AnsweringBlocks, add_endpoints
from viz.tabs.compare import build_compare
from viz.tabs.decode import build_decode
from viz.tabs.dream import build_dream
from viz.tabs.header import build_header
from viz.tabs.inspect import build_inspect
from viz.tabs.map import build_map
from viz.tabs.page import EVENT_OPTIONS, Page, Updates
from viz.tabs.report import build_report
from viz.tabs.selection import Selection, read_link
from viz.tabs.sidebar import build_sidebar
from viz.tabs.theme import build_theme
from viz.tabs.workbench import Workbench

SESSIONS_KEPT = 500
CACHE_AGE_S = 3600
PLOTLY = "plotly.min.js"
"""Its address, relative to the page's; where the file lies on the server is nobody's business."""


def assemble(
    bench: Workbench, *, assets: Path, max_upload_mb: int, max_upload_s: int
) -> tuple[gr.Blocks, dict[str, Any]]:
    """Build the page.

    Returns:
        The blocks, and what `launch` needs besides the address.
    """
    start = bench.start(bench.bundles[0])
    with AnsweringBlocks(
        title="Latent Action Explorer", fill_width=True, delete_cache=(CACHE_AGE_S, CACHE_AGE_S)
    ) as demo:
        page = Page(bench, start)
        build_header(page)
        with gr.Row(elem_id="body", equal_height=False):
            build_sidebar(page, max_upload_mb=max_upload_mb, max_upload_s=max_upload_s)
            with gr.Column(elem_id="content", min_width=480), gr.Tabs(elem_id="tabs") as tabs:
                for build in (build_inspect, build_decode, build_map, build_dream, build_compare, build_report):
                    build(page)
        _move_out_states(tabs)
        page.on_act(page.mirror, common_actions(bench))
        page.add_view(None, [tabs], lambda s: {tabs: gr.Tabs(selected=s.tab)}, key=lambda s: s.tab)
        page.connect()
        _restore_links(demo, page, start)
        add_endpoints(bench)
    demo.queue(max_size=64, default_concurrency_limit=2)
    return demo, launch_settings(assets)


def _move_out_states(tabs: gr.Tabs) -> None:
    """Leave nothing but tabs among the tabs: Gradio numbers each by its place, and one pushed on hides the next."""
    assert tabs.parent is not None
    strays = [child for child in tabs.children if not isinstance(child, gr.Tab)]
    tabs.children = [child for child in tabs.children if isinstance(child, gr.Tab)]
    for stray in strays:
        stray.parent = tabs.parent
    tabs.parent.children += strays


def launch_settings(assets: Path) -> dict[str, Any]:
    """Return look, script and limits for `launch`."""
    script = Path(plotly.__file__).parent / "package_data" / PLOTLY
    own_script = "".join(
        (assets / name).read_text(encoding="utf-8")
        for name in ("link.js", "press.js", "app.js", "map.js", "dream.js", "inspect.js", "tour.js")
    )
    own_style = "".join(
        (assets / name).read_text(encoding="utf-8")
        for name in ("app.css", "map.css", "dream.css", "inspect.css", "tour.css", "report.css")
    )
    return {
        "theme": build_theme(),
        "css": css_variables() + component_css() + own_style,
        "head": f'<script>window.lapaPlotly="{PLOTLY}";</script><script>{own_script}</script>',
        "app_kwargs": {"routes": [Route(f"/{PLOTLY}", lambda request: FileResponse(script))]},
        "footer_links": [],
        "run_history": False,
        "state_session_capacity": SESSIONS_KEPT,
        "show_error": False,
        "ssr_mode": False,
    }


def _restore_links(demo: gr.Blocks, page: Page, start: Selection) -> None:
    readers = link_readers(page.bench)

    def restore(request: gr.Request) -> Updates:
        selection, ignored = read_link(dict(request.query_params), start, readers)
        return page.show(selection, None, ignored)

    demo.load(restore, None, page.outputs(), **EVENT_OPTIONS)
