"""Copy link: in a window of its own, and inside a Space's page, where the app is a frame of another origin."""

import re

import pytest

from tests.app.conftest import CHROMIUM, CHROMIUM_OPTIONS, WAIT_MS
from tests.app.test_app import address_has, open_view

HUB = "https://huggingface.co/spaces/somebody/latent-actions"
PARENT = """<!doctype html><title>Spaces</title><iframe width="1400" height="860" allow="ALLOW"></iframe><script>
addEventListener("message", ({ data: { queryString } }) => {
  if (queryString !== undefined) history.replaceState(null, "", "?" + queryString);
});
document.querySelector("iframe").src = "APP/" + location.search;
</script>"""
"""What the hub's page does, as documented: hands its query to the frame once, and takes over what the frame posts."""
VIEW = "clip=squares/episode_007.mp4&t=9&w=0.3&tokens=1-2-3-4&tab=decode"


LET_THE_HUB_SHOW_THIS_MACHINE = "--disable-features=LocalNetworkAccessChecks"
"""On a Space both are public; here the frame is on 127.0.0.1, which a page of the net may not show by itself."""


@pytest.fixture(scope="module")
def hub_browser(browser):
    args = [*CHROMIUM_OPTIONS, LET_THE_HUB_SHOW_THIS_MACHINE]
    opened = browser.browser_type.launch(executable_path=CHROMIUM, args=args)
    yield opened
    opened.close()


@pytest.fixture
def context(hub_browser):
    opened = hub_browser.new_context(viewport={"width": 1440, "height": 900})
    opened.set_default_timeout(WAIT_MS)
    yield opened
    opened.close()


def copied(page) -> str:
    page.bring_to_front()
    return page.evaluate("navigator.clipboard.readText()")


def on_the_hub(context, served: str, allow: str):
    """Open the app inside the hub's page; return that page and the frame."""
    html = PARENT.replace("APP", served).replace("ALLOW", allow)
    context.route("https://huggingface.co/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    context.add_init_script("window.lapaSpace = 'somebody/latent-actions'")
    page = context.new_page()
    page.goto(f"{HUB}?{VIEW}")
    return page, page.frame_locator("iframe")


def test_the_link_restores_bundle_clip_frame_window_tokens_and_tab(context, served):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    open_view(page, served, VIEW)
    page.click("[data-copy-link]")
    page.wait_for_selector("[data-copy-link]:has-text('Copied')")
    link = copied(page)
    assert link.startswith(f"{served}/?bundle=tabletop&")
    other = context.new_page()
    other.goto(link)
    other.wait_for_selector("#decoded img")
    assert other.input_value("#typed-tokens :is(input, textarea)") == "1-2-3-4"
    assert other.input_value("#frame-slider input[type=number]") == "9"
    assert other.input_value("#window-s input[type=number]") == "0.3"
    assert other.get_attribute("#tab-decode-button", "aria-selected") == "true"
    assert other.is_checked("#bundle input[value=tabletop]")
    address_has(other, "episode_007")


def test_inside_a_space_the_hubs_own_page_is_linked_and_restores_the_view(context, served):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, frame = on_the_hub(context, served, allow="clipboard-read; clipboard-write")
    frame.locator("#decoded img").first.wait_for()
    frame.locator("#frame-slider input[type=number]").fill("11")
    frame.locator("#frame-slider input[type=number]").press("Enter")
    page.wait_for_function("() => location.search.includes('t=11&')")
    frame.locator("[data-copy-link]").click()
    frame.locator("[data-copy-link]:has-text('Copied')").wait_for()
    link = copied(page)
    assert link.startswith(f"{HUB}?bundle=tabletop&") and re.search("[?&]t=11&", link)
    page.goto(link)
    frame.locator("#decoded img").first.wait_for()
    page.wait_for_function("() => location.search.includes('t=11&')")
    assert frame.locator("#frame-slider input[type=number]").input_value() == "11"


def test_a_frame_without_the_clipboard_shows_the_link_to_copy_by_hand(context, served):
    context.add_init_script("document.execCommand = () => false")
    page, frame = on_the_hub(context, served, allow="")
    frame.locator("#decoded img").first.wait_for()
    frame.locator("[data-copy-link]").click()
    field = frame.locator("#link-field")
    field.wait_for()
    assert field.input_value().startswith(f"{HUB}?bundle=tabletop&")
    assert field.evaluate("field => field.selectionEnd - field.selectionStart === field.value.length")
    field.press("Escape")
    assert frame.locator("#link-field").count() == 0
