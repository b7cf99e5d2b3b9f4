"""Several visitors of one server: none sees what another does, and each costs little."""

import numpy as np
import pytest

from lapa.data.video_writer import write_video
from tests.app.conftest import WAIT_MS, wandering_squares
from tests.app.session import Visitor, memory_per_visitor_mib, mirrored, read_config
from tests.app.test_app import address_has, open_view

MEMORY_MIB = 30


@pytest.fixture(scope="module")
def config(served) -> dict:
    return read_config(served)


def test_each_visitor_has_a_selection_of_their_own(served, config):
    first, second = Visitor(served, config), Visitor(served, config)
    first.open("clip=squares/episode_002.mp4&t=3")
    second.open("clip=squares/episode_005.mp4&t=7")
    first.press("tokens", tokens="1-2-3-4")
    first.press("tab", tab="decode")
    seen = mirrored(second.press("jump", t="8"))
    assert "episode_005" in seen["query"] and "t=8&" in seen["query"] and "tokens" not in seen["query"]
    assert seen["tab"] == "inspect"
    mine = mirrored(first.press("tab", tab="inspect"))
    assert "episode_002" in mine["query"] and "t=3&" in mine["query"] and "tokens=1-2-3-4" in mine["query"]


def test_an_upload_is_shown_to_nobody_else(browser, served, tmp_path):
    video = write_video(tmp_path / "mine.mp4", wandering_squares(np.random.default_rng(5), 30, 96), 10.0)
    mine, theirs = browser.new_context(), browser.new_context()
    pages = [context.new_page() for context in (mine, theirs)]
    for page in pages:
        page.set_default_timeout(WAIT_MS)
        open_view(page, served, "t=4")
    before = pages[1].inner_text("#sidebar")
    pages[0].set_input_files("#sidebar input[type=file]", video)
    address_has(pages[0], "clip=upload")
    pages[1].click("#clips .clip >> nth=2")
    address_has(pages[1], "episode_002.mp4")
    pages[1].reload()
    pages[1].wait_for_selector("#pair img")
    assert "mine.mp4" in pages[0].inner_text("#now") and "mine.mp4" not in pages[1].content()
    assert "upload" not in pages[1].evaluate("location.search")
    assert pages[1].locator("#clips .clip").count() == 16 and "episode_000" in before
    mine.close(), theirs.close()


def test_a_visitor_costs_little_memory(served, record_property):
    clips = [f"squares/episode_{number:03}.mp4" for number in range(4)]
    each = memory_per_visitor_mib(served, 12, clips)
    record_property("mib_per_visitor", round(each, 1))
    assert each <= MEMORY_MIB, f"{each:.1f} MiB per visitor"
