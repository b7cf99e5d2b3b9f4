"""Presses made faster than they are answered: each counts, or gives way to a later one like it, and the last wins."""

from __future__ import annotations

from tests.app.test_app import address_has, banner, open_view
from tests.app.test_inspect import page as page  # a fixture
from tests.app.test_inspect import shows_tokens

EDITOR, SHEET = "#decoded .editor", "#sheet .sheet"
PRESS = """all => { for (const [inside, data] of all) {
  const button = Object.assign(document.createElement("button"), { hidden: true });
  Object.assign(button.dataset, data);
  document.querySelector(inside).append(button);
  button.click();
  button.remove();
} }"""


def press(page, *presses) -> None:  # noqa: F811
    """Press buttons that carry this, all before anything can be answered."""
    page.evaluate(PRESS, [[inside, data] for inside, data in presses])


def sent(page) -> list[str]:  # noqa: F811
    """Return a list that grows by the event data of each press that leaves the browser."""
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data) if "queue/join" in request.url else None)
    return bodies


def test_fast_presses_end_where_the_last_one_pointed(page, served):  # noqa: F811
    open_view(page, served, "t=4")
    bodies = sent(page)
    press(page, *(("#film .lae-film", {"do": "jump", "t": str(t)}) for t in (6, 11, 3, 17, 8)))
    address_has(page, "t=8&")
    page.wait_for_function("() => document.querySelector('#pair figcaption b').textContent === 'Frame 8'")
    page.wait_for_function("() => window.lapaPress.pending().length === 0")
    assert len([body for body in bodies if '"jump"' in body]) == 2, "presses that gave way were sent all the same"
    page.wait_for_timeout(1000)
    assert "t=8&" in page.evaluate("location.search")


def test_presses_in_several_parts_are_answered_in_their_order(page, served):  # noqa: F811
    open_view(page, served, "t=4&tokens=1-2-3-4&tab=decode")
    swaps = ((EDITOR, 0, 5), (SHEET, 1, 6), (EDITOR, 2, 0), (EDITOR, 0, 7))
    press(page, *((part, {"do": "token", "position": str(at), "code": str(code)}) for part, at, code in swaps))
    shows_tokens(page, "7-6-0-4")
    page.wait_for_function("() => window.lapaPress.pending().length === 0")
    address_has(page, "tokens=7-6-0-4")


def test_a_press_that_is_refused_holds_nothing_up(page, served):  # noqa: F811
    open_view(page, served, "t=4")
    press(
        page,
        ("#film .lae-film", {"do": "clip", "clip": "squares/none.mp4"}),
        ("#ribbon .lae-ribbon", {"do": "jump", "t": "9"}),
    )
    address_has(page, "t=9&")
    assert page.evaluate("window.lapaPress.pending().length") == 0
    press(page, ("#pair .grid", {"do": "tokens", "tokens": "9-9"}))
    assert "is not a latent action" in banner(page)
    press(page, ("#ribbon .lae-ribbon", {"do": "jump", "t": "2"}))
    address_has(page, "t=2&")
