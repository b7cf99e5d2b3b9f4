"""The map in a real browser: planes, levels, keyboard, table, sets and what follows what."""

import re

import pytest

from tests.app.conftest import opened_page

DRAWN = "drawn => document.querySelector('#plot .plot').dataset.drawn !== drawn"

COUNTS = """() => Array.from(document.querySelectorAll('#plot .plot'),
  (plot) => plot._fullData.filter((trace) => trace.customdata).reduce((n, trace) => n + trace.x.length, 0))"""
SAID = """before => {
  const now = document.querySelector('#plot [aria-live]').textContent;
  return now && now !== before;
}"""
LAST_POINT = """() => {
  const plot = document.querySelector('#plot .plot'), box = plot.getBoundingClientRect();
  const { xaxis, yaxis } = plot._fullLayout, trace = plot._fullData.filter((one) => one.customdata).at(-1);
  return [box.x + xaxis._offset + xaxis.c2p(trace.x[0]), box.y + yaxis._offset + yaxis.c2p(trace.y[0])];
}"""


@pytest.fixture
def page(browser, served):
    with opened_page(browser, width=1400) as opened:
        opened.goto(f"{served}/?tab=map&t=4")
        opened.wait_for_selector("#plot .plot[data-drawn]")
        opened.wait_for_selector("#map-table tbody tr")
        yield opened


def choose(page, control: int, label: str) -> None:
    """Press a choice of the map's controls and wait until it is drawn."""
    drawn = page.get_attribute("#plot .plot", "data-drawn")
    page.click(f"#map-controls .segments >> nth={control} >> label:has-text('{label}')")
    page.wait_for_function(DRAWN, arg=drawn)


def find(page, text: str) -> None:
    page.fill("#map-search :is(input, textarea)", text)
    page.keyboard.press("Enter")
    page.wait_for_function("text => document.querySelector('#map-table')?.innerText.includes(text)", arg=text)


def test_both_planes_stand_side_by_side_and_codes_and_sequences_are_points_too(page):
    choose(page, 0, "Both")
    page.wait_for_function("() => document.querySelectorAll('#plot .plot[data-drawn]').length === 2")
    titles = page.locator("#plot .panel-map h4").all_inner_texts()
    assert titles == ["UMAP", "PCA"]
    assert page.evaluate(COUNTS) == [48, 48]
    choose(page, 0, "UMAP")
    assert page.locator("#plot .panel-map:visible").count() == 1
    choose(page, 1, "Codes")
    num_codes = page.evaluate(COUNTS)[0]
    assert 1 <= num_codes <= 8
    choose(page, 1, "Sequences")
    assert num_codes <= page.evaluate(COUNTS)[0] < 48


def test_the_keyboard_walks_the_points_and_picks_one(page):
    page.focus("#plot .plot")
    said = []
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
        page.wait_for_function(SAID, arg=said[-1] if said else "")
        said.append(page.inner_text("#plot [aria-live]"))
    row = re.search(r"transition (\d+)", said[-1]).group(1)
    assert re.match(r"\d-\d-\d-\d", said[-1])
    page.keyboard.press("Enter")
    page.wait_for_function("row => new URLSearchParams(location.search).get('row') === row", arg=row)
    page.keyboard.press("Escape")
    assert page.locator("#plot .hover-card:visible").count() == 0


def test_the_table_sorts_turns_and_goes_there(page):
    first = "#map-table tbody tr >> nth=0 >> [data-do=row]"
    assert page.inner_text(first).strip() == "0"
    page.click("#map-table [data-column=change]")
    page.wait_for_selector("#map-table [aria-sort=ascending] [data-column=change]")
    page.click("#map-table [data-column=change]")
    page.wait_for_selector("#map-table [aria-sort=descending] [data-column=change]")
    changes = [float(text) for text in page.locator("#map-table tbody td:nth-child(5)").all_inner_texts()]
    assert changes == sorted(changes, reverse=True) and len(changes) == 12
    page.click("#map-table [aria-label='next page']")
    page.wait_for_function("() => document.querySelector('#map-table .pager').innerText.includes('page 2 of 4')")
    row = page.inner_text(first).strip()
    page.click(first)
    page.wait_for_function("row => new URLSearchParams(location.search).get('row') === row", arg=row)
    page.wait_for_selector(f"#map-table [data-row='{row}'][aria-pressed=true]")
    assert "page 2 of 4" in page.inner_text("#map-table .pager"), "going there keeps the place in the table"


def test_a_search_and_the_nearest_are_sets_with_statistics(page):
    find(page, "red block left")
    sizes = page.inner_text("#picked h3")
    found = int(sizes.split()[0])
    assert 0 < found < 48 and sizes.endswith("of 48 transitions")
    assert page.locator("#picked .lifts tbody tr").count() == 4
    assert "×" in page.inner_text("#picked .lifts tbody")
    page.wait_for_function("n => document.querySelector('#plot .plot').dataset.ringed === n", arg=str(found))
    find(page, "no such words")
    assert page.inner_text("#picked").startswith("No transition is found by 'no such words'")
    page.click("#map-detail .neighbour >> nth=0")
    page.click("#map-detail [data-do=near]")
    page.wait_for_function("() => document.querySelector('#map-table caption')?.innerText.includes('nearest')")
    with page.expect_download() as download:
        page.click("#map-table [data-save=csv]")
    lines = download.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("row,clip,frame,tokens") and len(lines) == 49


def test_a_press_on_a_sequence_shows_all_that_say_it(page):
    choose(page, 1, "Sequences")
    x, y = page.evaluate(LAST_POINT)
    page.mouse.move(x - 2, y - 2)
    page.mouse.move(x, y)
    page.wait_for_selector("#plot .hover-card:not([hidden])")
    page.mouse.click(x, y)
    page.wait_for_function("() => document.querySelector('#map-table caption')?.innerText.includes('found by')")
    assert re.search(r"found by '\d-\d-\d-\d'", page.inner_text("#map-table caption"))


def test_what_follows_what_is_drawn_for_a_token_and_for_the_whole(page):
    page.locator("#plot-follow").scroll_into_view_if_needed()
    page.wait_for_selector("#plot-follow .plot[data-drawn]")
    names = "document.querySelector('#plot-follow .plot').data[0].x"
    assert page.evaluate(names) == list("01234567")
    page.click("#follow-token label:has-text('Whole')")
    page.wait_for_function(f"() => {names}.includes('others')")
    assert "pairs" in page.inner_text("#follow-words")
    with page.expect_download() as download:
        page.click("#follow-words [data-save=csv]")
    assert download.value.path().read_text(encoding="utf-8").startswith("what,now,next,count")
