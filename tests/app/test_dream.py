"""Dream as a visitor meets it: branches that are kept and replayed, keys that steer, instructions compared, Stop."""

import pytest

from tests.app.conftest import INSTRUCTIONS, opened_page

FILM = "#stage .film-row:first-child"
NUM_CELLS = f"document.querySelectorAll('{FILM} .film-cell').length"
IS_IDLE = "!document.querySelector('#stage .running')"


@pytest.fixture
def page(browser, served):
    with opened_page(browser, height=1000) as opened:
        opened.goto(f"{served}/?tab=dream&t=2")
        opened.wait_for_selector("#expected .bar")
        yield opened


def film_is(page, num_steps: int) -> None:
    page.wait_for_function(f"() => {NUM_CELLS} === {num_steps + 1} && {IS_IDLE}")


def labels(page, of: str = FILM) -> list[str]:
    return page.eval_on_selector_all(f"{of} .film-cell .lae-chips", "all => all.map(one => one.ariaLabel)")


def dream(page, num_steps: int) -> list[str]:
    page.fill("#dream-options input[type=number] >> nth=0", str(num_steps))
    page.keyboard.press("Tab")
    page.click("#dream-go")
    film_is(page, num_steps)
    return labels(page)


def frames_of_play(page) -> list[str]:
    """Play the film and return the pictures that were shown in large, in their order."""
    page.evaluate(
        """() => { const large = document.querySelector('#stage .stage img'); window.played = [];
        new MutationObserver(() => large.dataset.frame && (window.played[large.dataset.frame] = large.src))
          .observe(large, { attributes: true }); }"""
    )
    page.click("[data-film-play]")
    page.wait_for_selector("[data-film-play][aria-pressed=true]")
    page.wait_for_selector("[data-film-play][aria-pressed=false]")
    return page.evaluate("window.played")


def test_another_token_branches_and_both_films_can_be_replayed_and_saved(page):
    first = dream(page, 4)
    played = frames_of_play(page)
    assert len(played) == 5 and len(set(played)) > 1
    page.click(f"{FILM} .film-cell >> nth=2")
    page.wait_for_selector("#expected .probabilities.taken")
    assert "Step 2" in page.inner_text("#expected h3")
    other = page.locator("#expected .bars >> nth=1 >> button.bar[aria-pressed=false] >> nth=2")
    code = other.get_attribute("data-code")
    other.click()
    film_is(page, 2)
    page.click("#dream-on")
    film_is(page, 6)
    branch = labels(page)
    assert branch[0] == first[0] and branch[1] != first[1]
    page.wait_for_function(
        """() => document.querySelector('#stage .film-next').getBoundingClientRect().right
          <= document.querySelector('#stage .film-rows').getBoundingClientRect().right + 1"""
    )
    assert page.locator("#tree .lane-title").count() == 2 and page.locator("#tree .elbow").count() == 1
    assert "step 2: position 1 set to" in page.inner_text("#tree .lane-title >> nth=1")
    assert page.inner_text("#tree .lane-title >> nth=1 >> .code") == code
    of_branch = frames_of_play(page)
    assert len(of_branch) == 7 and of_branch[:2] == played[:2]
    with page.expect_download() as download:
        page.click("#stage [data-save=gif]")
    assert download.value.path().read_bytes().startswith(b"GIF8")
    page.click('#tree .thumb[aria-label^="film 1, step 4"]')
    film_is(page, 4)
    assert labels(page) == first and frames_of_play(page) == played
    page.click("#tab-inspect-button")
    page.wait_for_selector("#pair img")
    page.click("#tab-dream-button")
    page.wait_for_function("() => document.querySelectorAll('#tree .lane-title').length === 2")
    film_is(page, 4)
    page.click('#tree [aria-label="remove film 1"]')
    page.wait_for_selector("#tree .empty")


def test_the_arrow_keys_steer_in_order_however_fast_they_are_pressed(page):
    asked = ("ArrowLeft", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowDown")
    names = [key.removeprefix("Arrow").lower() for key in asked]
    wanted = [page.get_attribute(f"#expected [data-arrow={name}] .lae-chips", "aria-label") for name in names]
    page.click("h1")
    for key in asked:
        page.keyboard.press(key)
    film_is(page, 5)
    assert labels(page) == wanted
    page.keyboard.press(",")
    page.wait_for_selector(f"{FILM} .film-cell[aria-current] >> nth=0")
    assert "step 5 of 5" in page.inner_text("#stage .stage small")
    page.keyboard.press(",")
    page.wait_for_function("() => document.querySelector('#stage .stage small').innerText.includes('step 4 of 5')")
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => document.querySelectorAll('#tree .lane-title').length === 2")
    assert "step 5: steered by hand" in page.inner_text("#tree .lane-title >> nth=1")


def test_arrows_in_a_field_are_the_fields_own(page):
    page.focus("#instruction :is(input, textarea)")
    page.keyboard.press("ArrowLeft")
    page.click("h1")
    page.keyboard.press("ArrowRight")
    film_is(page, 1)
    assert labels(page) == [page.get_attribute("#expected [data-arrow=right] .lae-chips", "aria-label")]


def test_the_pressed_button_keeps_the_focus(page):
    page.focus("#expected [data-arrow=left]")
    page.keyboard.press("Enter")
    film_is(page, 1)
    page.wait_for_function("() => document.activeElement.dataset.arrow === 'left'")


def test_two_instructions_are_compared_from_one_frame(page):
    page.fill("#dream-options input[type=number] >> nth=0", "3")
    page.fill("#compare-lines textarea", f"{INSTRUCTIONS[0]}\n{INSTRUCTIONS[2]}")
    page.click("#compare-go")
    page.wait_for_function(
        "() => document.querySelectorAll('#compared .film-row').length === 3 && !document.querySelector('#compared "
        ".running') && document.querySelectorAll('#tree .lane-title').length === 2"
    )
    rows = page.locator("#compared .film-row")
    assert [rows.nth(i).locator(".film-cell").count() for i in range(3)] == [4, 4, 4]
    assert INSTRUCTIONS[2] in rows.nth(2).inner_text()
    bits = [float(text) for text in rows.nth(2).locator(".distance small").all_inner_texts()]
    assert len(bits) == 3 and all(0 <= value <= 1 for value in bits)
    said = rows.nth(2).locator("h5 small").inner_text()
    mine, other = (labels(page, f"#compared .film-row:nth-child({i})") for i in (2, 3))
    first = next((step for step, pair in enumerate(zip(mine, other, strict=True), 1) if pair[0] != pair[1]), None)
    assert said == (f"parts at step {first}" if first else "takes the same tokens throughout")
    page.click("#compared .film-row:nth-child(3) .film-cell >> nth=2")
    page.wait_for_function("() => document.querySelector('#stage .stage small').innerText.includes('step 2 of 3')")
    page.fill("#compare-lines textarea", "one")
    page.click("#compare-go")
    page.wait_for_selector("#banner .banner")
    assert "1 instruction was given" in page.inner_text("#banner .banner span")


def test_a_dream_can_be_stopped_and_what_is_there_stays(page):
    page.fill("#dream-options input[type=number] >> nth=0", "32")
    page.keyboard.press("Tab")
    page.evaluate(  # press Stop as soon as a third step is there, however fast this machine is
        """() => new MutationObserver((_, mine) => {
          if (document.querySelectorAll('#stage .film-row:first-child .film-cell').length < 4) return;
          mine.disconnect();
          document.querySelector('#dream-stop').click();
        }).observe(document.querySelector('#stage'), { childList: true, subtree: true })"""
    )
    page.click("#dream-go")
    page.wait_for_function("() => document.querySelectorAll('#stage .film-row:first-child .film-cell').length >= 4")
    page.wait_for_function(f"() => {IS_IDLE} && document.querySelector('#stage .lead')", timeout=20_000)
    assert "Stopped after" in page.inner_text("#stage .lead")
    page.wait_for_timeout(1500)
    page.fill("#dream-options input[type=number] >> nth=0", "2")
    page.keyboard.press("Tab")
    num_steps = page.evaluate(NUM_CELLS) - 1
    assert 3 <= num_steps < 32
    page.click("#dream-on")
    film_is(page, num_steps + 2)


def test_the_recordings_tokens_can_be_seen(page):
    dream(page, 3)
    recorded = "#stage .film-row.recorded"
    assert page.locator(f"{recorded} .film-cell").count() == 4
    assert page.locator(f"{recorded} .lae-chips").count() == 0
    page.click(f"{recorded} [data-do=truth]")
    page.wait_for_function(f"() => document.querySelectorAll('{recorded} .lae-chips').length === 3")


def test_top_1_draws_what_is_likeliest_whatever_the_seed(page):
    greedy = dream(page, 3)
    page.click("#tree [data-do=clear]")
    film_is(page, 0)
    page.fill("#dream-options input[type=number] >> nth=1", "2")
    page.fill("#dream-top-k input", "1")
    page.fill("#dream-seed input", "7")
    page.keyboard.press("Tab")
    assert dream(page, 3) == greedy
