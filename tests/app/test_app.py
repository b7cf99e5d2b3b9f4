"""The app as a visitor meets it: a real browser, a real server, tiny models."""

import re
import urllib.error
import urllib.request

import numpy as np
import pytest

from lapa.data.video_writer import write_video
from tests.app.conftest import INSTRUCTIONS, NUM_FRAMES, opened_page, wandering_squares


@pytest.fixture
def page(browser, served):
    with opened_page(browser) as opened:
        yield opened


def open_view(page, served: str, query: str = "") -> None:
    tab = re.search(r"tab=(\w+)", query)
    shown = {
        "inspect": "#pair img",
        "decode": "#sheet img",
        "map": "#plot .plot[data-drawn]",
        "dream": "#expected .bar",
    }
    page.goto(f"{served}/?{query}")
    page.wait_for_selector(shown[tab.group(1) if tab else "inspect"])


def address_has(page, text: str) -> None:
    page.wait_for_function("text => location.search.includes(text)", arg=text)


def banner(page) -> str:
    page.wait_for_selector("#banner .banner")
    return page.inner_text("#banner .banner span")


def shown_labels(page) -> str:
    return page.get_attribute("#latent .lae-chips", "aria-label")


def test_a_visitor_picks_a_clip_and_moves_the_slider(page, served):
    open_view(page, served)
    assert page.locator("#clips .clip").count() >= 16
    page.click("#clips .clip >> nth=3")
    address_has(page, "episode_003.mp4")
    assert INSTRUCTIONS[0] in page.inner_text("#now")
    before = page.get_attribute("#pair img", "src")
    page.fill("#frame-slider input[type=number]", "5")
    page.keyboard.press("Enter")
    address_has(page, "t=5&")
    page.wait_for_function("before => document.querySelector('#pair img').src !== before", arg=before)
    assert re.fullmatch(r"latent action \d-\d-\d-\d", shown_labels(page))
    assert page.locator("#pair .sure").count() == 4
    assert "training" in page.inner_text("#now .novelty")
    assert page.locator("#near .neighbour").count() == 8


def test_the_ribbon_and_a_neighbour_lead_elsewhere(page, served):
    open_view(page, served, "t=4")
    lane = page.locator("#ribbon .lane").first
    lane.click(position={"x": lane.bounding_box()["width"] - 6, "y": 5})
    address_has(page, f"t={NUM_FRAMES - 5}&")
    page.click("#near .neighbour >> nth=0")
    page.wait_for_function("() => !location.search.includes('episode_000')")


def test_choosing_tokens_changes_the_decoded_picture(page, served):
    open_view(page, served, "tab=decode&t=4")
    seen = page.get_attribute("#decoded .main img", "src")
    other = page.locator("#sheet .sheet-row >> nth=0 >> .sheet-cell[aria-checked=false]").first
    code = other.get_attribute("data-code")
    other.click()
    page.wait_for_function("seen => document.querySelector('#decoded .main img').src !== seen", arg=seen)
    page.wait_for_selector(f"#sheet [data-position='0'][data-code='{code}'][aria-checked=true]")
    digit = "0" if code != "0" else "1"
    page.keyboard.press(digit)
    page.wait_for_selector(f"#sheet [data-position='0'][data-code='{digit}'][aria-checked=true]")
    page.fill("#typed-tokens :is(input, textarea)", "1 2 3 4")
    page.keyboard.press("Enter")
    address_has(page, "tokens=1-2-3-4")
    page.fill("#typed-tokens :is(input, textarea)", "9-9-9-9")
    page.keyboard.press("Enter")
    assert "codes 0 to 7" in banner(page)
    address_has(page, "tokens=1-2-3-4")


def test_sequences_and_transfers_play(page, served):
    open_view(page, served, "tab=decode&t=4")
    page.fill("#sequence :is(input, textarea)", "1-2-3-4 0-0-0-0 5-5-5-5")
    page.click("#sequence-play")
    page.wait_for_function("() => document.querySelectorAll('#sequence-film .film-cell').length === 4")
    page.click("#transfer-play")
    page.wait_for_function("() => document.querySelectorAll('#transfer-film .film-row').length === 3")


def test_a_press_on_the_map_goes_there_and_a_lasso_counts(page, served):
    open_view(page, served, "tab=map")
    x, y, row = page.evaluate(
        """() => { const plot = document.querySelector('#plot .plot'), box = plot.getBoundingClientRect();
        const { xaxis, yaxis } = plot._fullLayout, point = plot.calcdata[0][0], trace = plot._fullData[0];
        return [box.x + xaxis._offset + xaxis.c2p(point.x), box.y + yaxis._offset + yaxis.c2p(point.y),
                Number(trace.customdata[0])]; }"""
    )
    page.mouse.move(x - 2, y - 2)
    page.mouse.move(x, y)
    page.wait_for_selector("#plot .hover-card:not([hidden])")
    assert page.locator("#plot .hover-card img").count() == 2
    page.mouse.click(x, y)
    address_has(page, f"row={row}")
    page.wait_for_selector("#map-detail .neighbour")
    draw_lasso(page)
    page.wait_for_function("() => document.querySelector('#picked').innerText.includes('lasso')")
    assert page.inner_text("#picked h3").endswith("of 48 transitions")
    assert page.locator("#picked table.probabilities tbody tr").count() == 4


def draw_lasso(page) -> None:
    page.hover("#plot .plot")
    page.click("#plot .modebar-btn[data-title='Lasso Select']")
    left, top, width, height = page.evaluate(
        """() => { const plot = document.querySelector('#plot .plot'), box = plot.getBoundingClientRect();
        const { xaxis, yaxis } = plot._fullLayout;
        return [box.x + xaxis._offset, box.y + yaxis._offset, xaxis._length, yaxis._length]; }"""
    )
    corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.03)]
    places = [(left + width * x, top + height * y) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def test_search_finds_by_tokens_and_figures_can_be_kept(page, served):
    open_view(page, served, "tab=map")
    page.fill("#map-search :is(input, textarea)", "red block left")
    page.keyboard.press("Enter")
    page.wait_for_selector("#picked .neighbour")
    with page.expect_download() as download:
        page.click("#map-exports [data-save=svg][data-what=map]")
    assert download.value.suggested_filename == "map.svg"
    assert "<svg" in download.value.path().read_text(encoding="utf-8")


def test_the_codes_of_every_token_can_be_looked_at(page, served):
    open_view(page, served, "tab=map")
    page.locator("#plot-codebook").scroll_into_view_if_needed()
    page.wait_for_selector("#plot-codebook .plot[data-drawn]")
    distances = "document.querySelector('#plot-codebook .plot').data[1].z[0][1]"
    first = page.evaluate(distances)
    assert page.locator("#codebook-token label").count() == 4
    page.click("#codebook-token label >> nth=3")
    page.wait_for_function(f"first => {distances} !== first", arg=first)


def test_a_dream_streams_and_can_be_steered(page, served):
    open_view(page, served, "tab=dream&t=2")
    assert page.input_value("#instruction :is(input, textarea)") == INSTRUCTIONS[0]
    page.click("#dream-go")
    cells = "document.querySelector('#stage .film-row').querySelectorAll('.film-cell').length"
    page.wait_for_function(f"() => {cells} === 9")
    page.wait_for_selector("#stage [data-save=gif]")
    page.wait_for_selector("#expected button.bar")
    page.click("#expected button.bar >> nth=3")
    page.wait_for_function(f"() => {cells} === 10")
    page.click("h1")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(f"() => {cells} === 11")
    with page.expect_download() as download:
        page.click("#stage [data-save=gif]")
    assert download.value.path().read_bytes().startswith(b"GIF8")


@pytest.mark.parametrize("instruction", ["", "x" * 1000])
def test_an_instruction_that_cannot_be_used_is_said_so(page, served, instruction):
    open_view(page, served, "tab=dream")
    page.fill("#instruction :is(input, textarea)", instruction)
    page.click("#dream-go")
    assert "instruction" in banner(page).lower()


def test_a_video_of_ones_own_can_be_uploaded(page, served, tmp_path):
    video = write_video(tmp_path / "<b>mine</b>.mp4", wandering_squares(np.random.default_rng(5), 30, 96), 10.0)
    open_view(page, served)
    page.set_input_files("#sidebar input[type=file]", video)
    address_has(page, "clip=upload")
    assert "30 frames" in page.inner_text("#now")
    assert page.locator("#now b").count() == 0, "a file's name became part of the page"
    page.wait_for_selector("#pair .sure")


def bad_uploads(folder) -> dict[str, bytes]:
    sound = folder / "sound.wav"
    import wave

    with wave.open(str(sound), "wb") as file:
        file.setnchannels(1), file.setsampwidth(2), file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000)
    return {"empty.mp4": b"", "text.mp4": b"this is no video\n" * 40, "sound.mp4": sound.read_bytes()}


def test_bad_uploads_end_as_a_sentence_and_the_app_goes_on(page, served, tmp_path):
    open_view(page, served)
    for name, content in bad_uploads(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        page.set_input_files("#sidebar input[type=file]", tmp_path / name)
        said = banner(page)
        assert name in said and "Traceback" not in said, said
        page.click("#clips .clip >> nth=2")
        page.wait_for_function("() => !document.querySelector('#banner .banner')")
        page.click("#clips .clip >> nth=1")
        address_has(page, "episode_001.mp4")
        page.wait_for_selector("#pair img")


def test_a_link_restores_the_view(page, served):
    open_view(page, served, "clip=squares/episode_007.mp4&t=9&w=0.3&tokens=1-2-3-4&tab=decode")
    assert "1-2-3-4" in page.inner_text("#decoded")
    assert page.input_value("#typed-tokens :is(input, textarea)") == "1-2-3-4"
    assert page.input_value("#frame-slider input[type=number]") == "9"
    assert page.input_value("#window-s input[type=number]") == "0.3"
    page.click("#tab-inspect-button")
    address_has(page, "tab=inspect")
    page.reload()
    page.wait_for_selector("#pair img")
    address_has(page, "episode_007")
    address_has(page, "t=9&")


def test_bad_pieces_of_a_link_are_ignored_with_a_sentence(page, served):
    open_view(page, served, "clip=../../etc/passwd&t=4&tokens=9-9&row=-4&w=nan")
    said = banner(page)
    assert said.startswith("Not everything in this link") and said.count(";") == 3, said
    address_has(page, "t=4&")
    address_has(page, "w=0.4")


def test_dark_is_dark(page, served):
    open_view(page, served, "__theme=dark")
    red, *_ = (
        int(n)
        for n in re.findall(
            r"\d+", page.evaluate("getComputedStyle(document.querySelector('.gradio-container')).backgroundColor")
        )
    )
    assert red < 40


@pytest.mark.parametrize("path", ["/etc/passwd", "app.py", "../../etc/passwd", "checkpoints/README.md"])
def test_no_file_of_the_machine_can_be_fetched(served, path):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{served}/gradio_api/file={path}")
    assert refused.value.code in (403, 404)
    assert refused.value.code == 403 or not path.startswith("/")
