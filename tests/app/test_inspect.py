"""Inspect, Decode and the tour as a visitor meets them: pointer, keyboard, and what is measured of the codes."""

from __future__ import annotations

import re

import pytest

from tests.app.conftest import opened_page
from tests.app.test_app import address_has, open_view

TOKENS = "() => document.querySelector('#decoded .editor').getAttribute('aria-label').match(/[\\d-]+$/)[0]"


@pytest.fixture
def page(browser, served):
    with opened_page(browser) as opened:
        yield opened


def shows_tokens(page, label: str) -> None:
    page.wait_for_function(f"label => ({TOKENS})() === label", arg=label)


def test_the_ribbon_is_a_slider_that_steps_frame_by_frame(page, served):
    open_view(page, served, "t=4")
    page.focus("#ribbon[tabindex]")
    assert page.get_attribute("#ribbon", "role") == "slider"
    for key, t in (("ArrowRight", 5), ("ArrowRight", 6), ("ArrowLeft", 5), ("PageDown", 9), ("End", 19), ("Home", 0)):
        page.keyboard.press(key)
        address_has(page, f"t={t}&")
        assert page.get_attribute("#ribbon", "aria-valuenow") == str(t)
    assert page.evaluate("document.activeElement.id") == "ribbon", "the answer took the focus away"
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(300)
    assert page.get_attribute("#ribbon", "aria-valuenow") == "0", "it left the clip"


def test_quick_presses_are_all_counted(page, served):
    open_view(page, served, "t=2")
    page.focus("#ribbon[tabindex]")
    for _ in range(7):
        page.keyboard.press("ArrowRight")
    address_has(page, "t=9&")
    page.wait_for_function("() => document.querySelector('#pair figcaption b').textContent === 'Frame 9'")


def test_dragging_along_the_ribbon_ends_at_the_frame_under_the_pointer(page, served):
    open_view(page, served, "t=2")
    box = page.locator("#ribbon .lane").first.bounding_box()
    at = lambda t: box["x"] + box["width"] * (t + 0.5) / 20  # noqa: E731
    page.mouse.move(at(3), box["y"] + 4)
    page.mouse.down()
    page.mouse.move(at(13), box["y"] + 4, steps=6)
    assert page.get_attribute("#ribbon", "aria-valuenow") == "13", "the marker waits for the server"
    page.mouse.up()
    address_has(page, "t=13&")


def test_the_comparison_changes_without_a_question_to_the_server(page, served):
    open_view(page, served, "t=4")
    page.wait_for_selector("#near .neighbour")
    asked = []
    page.on("request", lambda request: asked.append(request.url) if "queue/join" in request.url else None)
    shown = (
        "() => [...document.querySelectorAll('.lae-compare img.left, .lae-compare img.right')]"
        ".map((image) => image.dataset.layer)"
    )
    assert sorted(page.evaluate(shown)) == ["decoded", "later"]
    page.click("[data-compare='later change']")
    assert sorted(page.evaluate(shown)) == ["change", "later"]
    page.fill(".lae-compare [data-wipe]", "20")
    wipe = "document.querySelector('.lae-compare').style.getPropertyValue('--wipe')"
    assert page.evaluate(wipe) == "20%"
    page.click(".lae-compare [data-blink]")
    assert page.get_attribute(".lae-compare [data-blink]", "aria-pressed") == "true"
    assert not asked
    page.focus("#ribbon[tabindex]")
    page.keyboard.press("ArrowRight")
    address_has(page, "t=5&")
    page.wait_for_function("() => document.querySelector('#pair figcaption b').textContent === 'Frame 5'")
    assert sorted(page.evaluate(shown)) == ["change", "later"], "the next frame forgot what was compared"


def test_neighbours_move_until_they_are_stopped(page, served):
    open_view(page, served, "t=4")
    name = "() => getComputedStyle(document.querySelector('#near .lae-blink img + img')).animationName"
    page.wait_for_selector("#near .lae-blink img + img", state="attached")
    assert page.evaluate(name) == "lae-blink"
    page.click("[data-still]")
    assert page.evaluate(name) == "none"


def test_codes_tell_what_they_were_measured_to_do(page, served):
    open_view(page, served, "t=4")
    assert page.locator("#pair .sure .meant em").count() == 4
    assert "Measured as the recorded motion" in page.inner_text("#pair .foot")
    page.click("#tab-decode-button")
    page.wait_for_selector("#sheet .lae-compass path.halo", state="attached")
    words = page.locator("#sheet .sheet-cell small").all_inner_texts()
    assert any(re.fullmatch(r"[a-z-]+ [01]\.\d|mixed|little", word) for word in words), words


def test_the_editor_obeys_digits_arrows_and_paste(page, served):
    open_view(page, served, "t=4&tokens=1-2-3-4&tab=decode")
    page.focus(".spin[data-position='1']")
    page.keyboard.press("7")
    shows_tokens(page, "1-7-3-4")
    page.wait_for_function("() => document.activeElement.dataset.key === 'spin-1'")
    page.keyboard.press("ArrowUp")
    shows_tokens(page, "1-0-3-4")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    shows_tokens(page, "1-0-2-4")
    page.click(".editor .token >> nth=3 >> .step >> nth=0")
    shows_tokens(page, "1-0-2-5")
    address_has(page, "tokens=1-0-2-5")
    page.focus(".spin[data-position='0']")
    page.evaluate(
        "() => { const data = new DataTransfer(); data.setData('text', '6-6-0-1'); document.activeElement"
        ".dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true })); }"
    )
    shows_tokens(page, "6-6-0-1")
    page.wait_for_selector("#sheet .sheet-row >> nth=0 >> [data-code='6'][aria-checked='true']")


def test_a_press_on_the_sheet_is_its_picture_at_once_and_then_the_servers(page, served):
    open_view(page, served, "t=4&tokens=1-2-3-4&tab=decode")
    cell = "#sheet [data-position='0'][data-code='5']"
    at_once = page.evaluate(
        "cell => { const pressed = document.querySelector(cell);"
        " const large = () => document.querySelector('#decoded .main img').src;"
        " const before = large(), small = pressed.querySelector('img').src; pressed.click();"
        " return [before !== small, large() === small]; }",
        cell,
    )
    assert at_once == [True, True]
    shows_tokens(page, "5-2-3-4")
    page.wait_for_selector(f"{cell}[aria-checked='true']")


def test_a_whole_ribbon_is_transferred_with_a_number(page, served):
    open_view(page, served, "t=4&tab=decode")
    page.click("#transfer-play")
    page.wait_for_selector("#transfer-film .agreement")
    assert page.locator("#transfer-film .film-row").count() == 3
    assert page.locator("#transfer-film .film-row >> nth=2 >> figure").count() == 6, "a start and five windows of four"
    numbers = page.locator("#transfer-film .agreement td").all_inner_texts()
    assert len(numbers) == 6 and all(re.fullmatch(r"\d+%", number) for number in numbers)
    assert page.locator("#transfer-film .playing img").count() == 3


def test_a_sequence_ends_as_a_film(page, served):
    open_view(page, served, "t=4&tab=decode")
    page.fill("#sequence :is(input, textarea)", "1-2-3-4 0-0-0-0")
    page.click("#sequence-play")
    page.wait_for_selector("#sequence-film .playing img")
    assert page.get_attribute("#sequence-film .playing img", "src").startswith("data:image/webp")


def test_the_tour_opens_only_when_asked_and_goes_by_keyboard(page, served):
    open_view(page, served, "t=4")
    assert not page.is_visible("#tour")
    page.focus("[data-tour-start]")
    page.keyboard.press("Enter")
    assert page.inner_text("#tour [data-stop]:not([hidden]) h2") == "What is a latent action?"
    page.wait_for_selector("#ribbon.tour-target")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    address_has(page, "tab=decode")
    page.wait_for_selector("#decoded.tour-target")
    questions = []
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        questions.append(page.inner_text("#tour [data-stop]:not([hidden]) h2"))
    assert questions[1:] == ["Where do they live?", "What does the policy dream?"]
    address_has(page, "tab=dream")
    page.keyboard.press("Escape")
    assert not page.is_visible("#tour") and page.locator(".tour-target").count() == 0
    assert page.evaluate("document.activeElement.dataset.tourStart") == ""


@pytest.mark.parametrize("tab", ["inspect", "decode"])
def test_nothing_is_wider_than_the_page(page, served, tab):
    page.set_viewport_size({"width": 900, "height": 900})
    open_view(page, served, f"t=4&tab={tab}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 900
