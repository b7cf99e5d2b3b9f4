"""Report: what this bundle is, what was measured of it and how it was trained; from the checkpoints' own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr

from lapa.explorer import Explorer
from viz.figures.curves import curves_figure, panels, read_rows
from viz.figures.scorecard import scorecard_figure
from viz.tabs.exporting import exporter
from viz.tabs.markup import empty, section
from viz.tabs.page import Page, Updates, act_html
from viz.tabs.saving import export_buttons
from viz.tabs.selection import Selection
from viz.tabs.tables import facts_table, summary_html, table_html

KINDS = {"laq": "Quantizer", "policy": "Policy", "robot": "Robot actions"}
FACTS = {
    "laq": "quantizer",
    "window_s": "window (s)",
    "code_seq_len": "tokens per latent action",
    "codebook_size": "codes per token",
    "image_size": "picture size (px)",
    "num_parameters": "parameters of the quantizer",
    "data": "trained on",
}
STILL_JS = "window.lapa.plot(element, trigger, [], watch, props, server)"
NO_CARD = "This bundle has no model card: checkpoints/README.md has no section of its name."
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


def build_report(page: Page) -> None:
    """Build the tab."""
    save = [exporter(page)]
    with gr.Tab("Report", id="report", elem_id="tab-report", render_children=True):
        measured = act_html("scorecard", server_functions=save)
        card_plot = _plot("scorecard-plot", "scorecard of the quantizer")
        tables = act_html("scorecard-tables", server_functions=save)
        gr.HTML(section("Training curves", "", note=CURVES_NOTE), apply_default_css=False, elem_classes=["view"])
        part = gr.Radio(
            list(KINDS.items()), show_label=False, container=False, elem_id="curves-part", elem_classes=["segments"]
        )
        curves = _plot("curves-plot", "training curves")
        curves_save = act_html("curves-save", server_functions=save)
        with gr.Row(equal_height=False, elem_classes=["part-block"], elem_id="report-foot"):
            with gr.Column(scale=1, min_width=360, elem_id="model-card"):
                gr.HTML(section("Model card", ""), apply_default_css=False, elem_classes=["view"])
                card = gr.Markdown("", sanitize_html=True, elem_id="model-card-text", elem_classes=["card"])
            facts = act_html("facts", scale=1, min_width=360)

    def draw(selection: Selection, kind: str) -> tuple[Selection, Updates]:
        return selection, {curves: curves_json(page, selection, kind), curves_save: curves_exports(selection, kind)}

    def show(selection: Selection) -> Updates:
        explorer = page.bench.explorer(selection.bundle)
        records = explorer.records()
        known = [(title, kind) for kind, title in KINDS.items() if kind in records.metrics]
        first = known[0][1] if known else ""
        return {
            measured: scorecard_html(explorer, selection),
            card_plot: scorecard_json(explorer),
            tables: tables_html(explorer),
            part: gr.Radio(known, value=first, visible=bool(known)),
            curves: curves_json(page, selection, first),
            curves_save: curves_exports(selection, first) if known else empty("These checkpoints carry no curves."),
            card: records.card or NO_CARD,
            facts: facts_html(explorer),
        }

    page.on(part.input, draw, [part], [curves, curves_save])
    outputs = [measured, card_plot, tables, part, curves, curves_save, card, facts]
    page.add_view("report", outputs, show, key=lambda s: s.bundle)


CURVES_NOTE = "As logged in training: grey is the batch, averaged over its past; orange is measured on held-out videos."


def scorecard_html(explorer: Explorer, selection: Selection) -> str:
    """Return the head of the scorecard: what was measured on what, or why there is none and what makes one."""
    records = explorer.records()
    saves = "".join(
        f'<button type="button" class="quiet" data-server="export" data-save="{kind}" data-what="report" '
        f'data-bundle="{escape(selection.bundle)}" aria-label="save all tables as {title}">{title}</button>'
        for kind, title in (("json", "JSON"), ("md", "Markdown"), ("tex", "LaTeX"))
    )
    downloads = f'<div class="toolbar"><small>All tables of this page</small>{saves}</div>'
    parts = []
    for kind, why in records.missing.items():
        if kind == "laq" or records.scorecards:
            parts.append(missing_html(SCORECARD_OF[kind], why))
    captions = "".join(f'<p class="lead">{escape(facts["caption"])}.</p>' for facts in records.scorecards.values())
    figure = export_buttons("scorecard", selection, label="scorecard") if "laq" in records.scorecards else ""
    return section("Scorecard", captions + "".join(parts) + downloads + figure)


SCORECARD_OF = {"laq": "The quantizer's scorecard", "world": "How its dreams hold"}


def missing_html(title: str, why: str) -> str:
    """Return the sentence that stands where a scorecard is missing; its command in a line of its own."""
    text, _, command = why.partition(": python ")
    line = f"<code>python {escape(command)}</code>" if command else ""
    return f'<div class="missing-card"><b>{escape(title)}</b><p>{escape(text)}{":" if command else ""}</p>{line}</div>'


def scorecard_json(explorer: Explorer) -> str:
    """Return the scorecard's Plotly figure as one string, "" where it was not measured."""
    facts = explorer.records().scorecards.get("laq")
    return "" if facts is None else json.dumps(scorecard_figure(facts))


def tables_html(explorer: Explorer) -> str:
    """Return everything that was measured as tables: the summary side by side, details folded away."""
    shown, folded = [], []
    for table in explorer.records().tables():
        is_summary = len(table.header) <= 3
        (shown if is_summary else folded).append(summary_html(table) if is_summary else table_html(table))
    details = "".join(f'<details class="more"><summary>{title}</summary>{body}</details>' for title, body in folded)
    if not shown:
        return empty("These checkpoints carry no report.")
    return f'<div class="tables">{"".join(shown)}</div>{details}'


def curves_json(page: Page, selection: Selection, kind: str) -> str:
    """Return the training curves of a part as one string, "" where there are none."""
    text = page.bench.explorer(selection.bundle).records().metrics.get(str(kind), "")
    rows = read_rows(text)
    if not rows:
        return ""
    figure = curves_figure(rows)
    figure["layout"]["height"] = 60 + 190 * -(-len(panels(rows)) // 3)
    return json.dumps(figure)


def curves_exports(selection: Selection, kind: str) -> str:
    """Return the buttons that save the curves."""
    return export_buttons("curves", selection, part=str(kind), label=f"curves of the {KINDS.get(kind, 'part').lower()}")


def facts_html(explorer: Explorer) -> str:
    """Return the bundle's facts and how to read the page."""
    card: Mapping[str, Any] = explorer.card
    known = {FACTS.get(key, key): value for key, value in card.items()}
    hashes = {f"weights of the {kind} (sha256)": explorer.sha256(kind) for kind in ("laq", "policy", "robot")}
    known |= {name: value[:16] for name, value in hashes.items() if value}
    return section("This bundle", facts_table(known)) + section("How to read this", READING)


def _plot(name: str, label: str) -> gr.HTML:
    return gr.HTML(
        "",
        html_template=f'<div class="plot" role="group" aria-label="{label}"></div>',
        elem_id=name,
        elem_classes=["still", "report-plot"],
        js_on_load=STILL_JS,
        apply_default_css=False,
    )
