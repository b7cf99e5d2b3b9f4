"""axe-core finds nothing serious: every tab, light and dark, with what opens in it open, the tour, and an error.

Compare with two bundles and a report with numbers are looked at in `test_report.py`, which serves them.
"""

import pytest

from tests.app.axe import findings
from tests.app.conftest import opened_page

READY = {
    "inspect": "#near .neighbour img",
    "decode": "#sheet img",
    "map": "#plot .plot[data-drawn]",
    "dream": "#expected .bar",
    "compare": "#compare-seen .empty",
    "report": "#scorecard .missing-card",
}
THEMES = ("light", "dark")


@pytest.fixture
def page(browser):
    with opened_page(browser) as opened:
        yield opened


def open_tab(page, served: str, tab: str, theme: str, query: str = "t=4") -> None:
    page.goto(f"{served}/?{query}&tab={tab}&__theme={theme}")
    page.wait_for_selector(READY[tab])
    assert page.evaluate("document.body.classList.contains('dark')") == (theme == "dark")


def open_all(page, tab: str) -> None:
    """Bring up what a tab shows only after something was done."""
    if tab == "decode":
        page.click("#sheet .sheet-cell >> nth=3")
        page.click("#transfer-play")
        page.wait_for_selector("#transfer-film .agreement")
    if tab == "dream":
        page.click("#expected [data-arrow=left]")
        page.wait_for_selector("#stage .toolbar")
        page.wait_for_selector("#tree .thumb")
    if tab == "map":
        page.wait_for_selector("#map-table tbody tr")
        page.fill("#map-search :is(input, textarea)", "0-*-*-*")
        page.keyboard.press("Enter")
        page.wait_for_selector("#picked .lifts")
        for part in ("#plot-codebook", "#plot-usage", "#plot-nested", "#plot-follow"):
            page.locator(part).scroll_into_view_if_needed()
            page.wait_for_selector(f"{part} .plot[data-drawn]")


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tab", READY)
def test_a_tab_has_no_serious_finding(page, served, tab, theme):
    open_tab(page, served, tab, theme)
    open_all(page, tab)
    assert findings(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_the_tour_and_an_error_have_none_either(page, served, theme):
    open_tab(page, served, "decode", theme, "t=99999&tokens=9-9-9-9")
    page.wait_for_selector("#banner .banner")
    page.click("[data-tour-start]")
    page.wait_for_selector("#tour [data-stop]:not([hidden])")
    page.wait_for_selector(".tour-target")
    assert findings(page) == []


def test_what_is_wrong_is_found(page, served):
    open_tab(page, served, "inspect", "light")
    page.evaluate("document.querySelector('#near').insertAdjacentHTML('beforeend', '<button></button><img src=x>')")
    found = " ".join(findings(page))
    assert "critical button-name" in found and "critical image-alt" in found
