"""Report and Compare in a real browser: what was measured, two bundles with one selection, and files for papers."""

import csv
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from lapa.checkpoint import fingerprint
from lapa.eval.report import to_json
from tests.app.axe import findings
from tests.app.conftest import NUM_CLIPS, opened_page, save_tiny_bundle, serving
from tests.lapa.test_records import FACTS
from tests.viz.figures.test_scorecard import make_facts

POINT = """i => {
  const plot = document.querySelector('#compare-maps .plot'), box = plot.getBoundingClientRect();
  const trace = plot._fullData.find((one) => one.customdata && one.xaxis === 'x');
  const { xaxis, yaxis } = plot._fullLayout;
  return [box.x + xaxis._offset + xaxis.c2p(trace.x[i]), box.y + yaxis._offset + yaxis.c2p(trace.y[i])];
}"""
RINGS = """() => document.querySelector('#compare-maps .plot').data
  .filter((trace) => trace.marker?.symbol === 'circle-open').length"""
DRAWN = "n => Number(document.querySelector('#compare-maps .plot').dataset.drawn || 0) > n"


def write_papers(laq) -> None:
    """Write training curves and a scorecard beside a quantizer, as its training and `eval laq` do."""
    rows = [{"step": step, "loss": 1 / step, "perplexity": 6.0} for step in (50, 100, 150)]
    rows += [{"step": step, "eval_psnr": 20.0 + step / 50} for step in (50, 150)]
    (laq / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (laq / "scorecard.json").write_text(to_json({**FACTS, **make_facts(), "laq": fingerprint(laq)}))


@pytest.fixture(scope="module")
def address(clips_folder, tmp_path_factory):
    """Two bundles of different weights; only the first has curves and a scorecard."""
    root = tmp_path_factory.mktemp("two")
    write_papers(save_tiny_bundle(root / "tabletop", clips_folder) / "laq")
    save_tiny_bundle(root / "second", clips_folder, seed=1)
    with serving(root, clips_folder, root) as found:
        yield found


@pytest.fixture
def page(browser, address):
    with opened_page(browser, width=1400, height=1000) as opened:
        yield opened


def saved(page, button: str):
    with page.expect_download() as download:
        page.click(button)
    return download.value.path().read_bytes()


def test_a_report_shows_tables_and_curves_and_hands_out_files(page, address):
    page.goto(f"{address}/?bundle=tabletop&tab=report")
    page.wait_for_selector("#scorecard-plot .plot[data-drawn]")
    page.locator("#curves-plot").scroll_into_view_if_needed()
    page.wait_for_selector("#curves-plot .plot[data-drawn]")
    drawn = page.evaluate("document.querySelector('#curves-plot .plot').data.map((trace) => Array.from(trace.x))")
    assert [50, 100, 150] in drawn and [50, 150] in drawn, "neither the batch nor the held-out videos are drawn"
    assert "5.00 dB" in page.inner_text("#scorecard-tables") and "4.90 to 5.10" in page.inner_text("#scorecard-tables")
    assert "21.5" in page.inner_text("#scorecard-tables"), "what training ended with is missing"
    told = json.loads(saved(page, "#scorecard [data-save=json]"))
    assert told["bundle"] == "tabletop" and told["scorecards"]["laq"]["psnr_gain_db"] == 5.0
    assert b"\\toprule" in saved(page, "#scorecard [data-save=tex]")
    page.click("#curves-save summary")
    svg = saved(page, "#curves-save [data-save=svg][data-width=column]").decode()
    assert svg.lstrip().startswith("<?xml") and "perplexity" in svg
    rows = list(csv.DictReader(saved(page, "#curves-save [data-save=csv]").decode().splitlines()))
    assert {"50", "100", "150"} <= {row["step"] for row in rows}


def test_a_bundle_without_a_scorecard_says_how_to_make_one(page, address):
    page.goto(f"{address}/?bundle=second&tab=report")
    page.wait_for_selector("#scorecard .missing-card")
    assert "python -m lapa eval laq" in page.inner_text("#scorecard .missing-card")
    assert page.locator("#scorecard-plot .plot[data-drawn]:visible").count() == 0


def test_two_bundles_share_one_selection_on_aligned_maps(page, address):
    page.goto(f"{address}/?bundle=tabletop&tab=compare&t=3")
    page.wait_for_selector("#compare-seen .compare-card")
    assert page.locator("#compare-seen .compare-card").count() == 2
    labels = page.eval_on_selector_all("#compare-seen .lae-chips", "all => all.map((one) => one.ariaLabel)")
    assert len(set(labels)) == 2, "two models of different weights say the same"
    assert "Not drawn yet" in page.inner_text("#compare-status")
    page.click("#maps-go")
    page.wait_for_function(DRAWN, arg=0)
    said = page.inner_text("#compare-status")
    assert f"{NUM_CLIPS * 12} transitions of {NUM_CLIPS} clips" in said and re.search(r"0\.\d\d", said)
    page.click("#compare-colour input")
    page.locator("[role=option]").last.click()
    page.wait_for_function(DRAWN, arg=1)
    chosen = page.input_value("#compare-colour input")
    before = page.url
    page.locator("#compare-maps").scroll_into_view_if_needed()
    page.mouse.click(*page.evaluate(POINT, 5))
    page.wait_for_function("before => location.href !== before", arg=before)
    page.wait_for_function("() => document.querySelector('#compare-status').innerText.includes('Ringed')")
    there = parse_qs(urlsplit(page.url).query)
    clip, t = re.search(r"Ringed: (\S+), frame (\d+)", page.inner_text("#compare-status")).groups()
    assert there["clip"][0].endswith(f"/{clip}") and there["t"] == [t], "page and map disagree on what is selected"
    assert page.evaluate(RINGS) >= 2, "the transition is not ringed on both maps"
    assert page.input_value("#compare-colour input") == chosen, "a press takes the colour away"
    page.click("#compare-status [data-do=step][data-by='1']")
    page.wait_for_function("t => new URLSearchParams(location.search).get('t') !== t", arg=t)
    page.click("#compare-status summary")
    facts = json.loads(saved(page, "#compare-status [data-save=json]"))
    assert facts["first"]["sha256"] != facts["second"]["sha256"] and "export compare" in facts["command"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_in_them_is_inaccessible(page, address, theme):
    page.goto(f"{address}/?bundle=tabletop&tab=report&__theme={theme}")
    page.wait_for_selector("#scorecard-plot .plot[data-drawn]")
    page.locator("#curves-plot").scroll_into_view_if_needed()
    page.wait_for_selector("#curves-plot .plot[data-drawn]")
    assert findings(page) == []
    page.goto(f"{address}/?bundle=tabletop&tab=compare&t=3&__theme={theme}")
    page.wait_for_selector("#compare-seen .compare-card")
    page.click("#maps-go")
    page.wait_for_function(DRAWN, arg=0)
    assert findings(page) == []
