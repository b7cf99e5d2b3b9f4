"""The quiet export buttons of Inspect, Decode and Dream: files for print, of what is on the screen."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from tests.app.test_app import open_view
from tests.app.test_inspect import page as page  # a fixture


def kept(page, part: str, spoken: str) -> bytes:
    """Open the fold, press the button that is read out as `spoken`, return the file."""
    page.click(f"{part} details.export:has([aria-label='{spoken}']) summary")
    with page.expect_download() as download:
        page.click(f"{part} [aria-label='{spoken}']")
    return download.value.path().read_bytes()


@pytest.mark.parametrize("what", ["pair", "token ribbon"])
def test_what_inspect_shows_can_be_kept_for_print(page, served, what):
    open_view(page, served, "t=4")
    svg = kept(page, "#inspect-exports", f"save the {what} as SVG, one column")
    assert b"<svg" in svg[:1000] and b"width=" in svg


def test_the_sheet_is_exported_with_the_tokens_that_are_set(page, served):
    open_view(page, served, "t=4&tokens=1-2-3-4&tab=decode")
    facts = json.loads(kept(page, "#sheet", "save the contact sheet as Command and provenance"))
    assert facts["figure"] == "sheet" and facts["tokens"] == "1-2-3-4" and facts["t"] == 4
    assert "--tokens 1-2-3-4" in facts["command"]


def test_the_transfer_is_exported_as_it_was_played(page, served):
    open_view(page, served, "t=4&tab=decode")
    page.click("#transfer-play")
    page.wait_for_selector("#transfer-film .agreement")
    facts = json.loads(kept(page, "#transfer-film", "save the transfer as Command and provenance"))
    assert (facts["t"], facts["steps"]) == (0, 5) and facts["other_clip"].endswith(".mp4")


def test_a_dreamed_film_is_exported_step_by_step(page, served):
    open_view(page, served, "t=4&tab=dream")
    film = "document.querySelectorAll('#stage .film-row:first-child .film-cell').length"
    for length, arrow in ((2, "left"), (3, "up")):
        page.click(f"#expected [data-arrow={arrow}]")
        page.wait_for_function(f"() => {film} === {length}")
    labels = page.eval_on_selector_all(
        "#stage .film-row:first-child .lae-chips", "all => all.map(one => one.ariaLabel.match(/[\\d-]+$/)[0])"
    )
    with zipfile.ZipFile(io.BytesIO(kept(page, "#stage", "save the film strip as All (zip)"))) as files:
        names = {name.rpartition(".")[2]: name for name in files.namelist() if "." in name}
        assert {"pdf", "svg", "png", "csv", "json"} <= set(names)
        assert json.loads(files.read(names["json"]))["tokens"] == " ".join(labels)
