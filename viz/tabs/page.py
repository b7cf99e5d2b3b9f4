"""How events become a new selection, and a selection becomes what is shown.

Every event runs a handler `(selection, ...) -> selection`; then each view that belongs to the open tab and depends on
what changed is rendered, all in one answer. A user's mistake becomes one sentence in the banner and changes nothing; a
mistake of ours is logged with its traceback and shown as one sentence too.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from lapa.types import LapaError
from viz.tabs.selection import Selection
from viz.tabs.workbench import Workbench

log = logging.getLogger("lapa.app")

Updates = dict[Any, Any]
Handler = Callable[..., Selection | tuple[Selection, Updates]]
OUR_FAULT = "Something went wrong on our side; nothing of yours is lost. Try again, or choose another clip or frame."
EVENT_OPTIONS: dict[str, Any] = {
    "show_progress": "hidden",
    "trigger_mode": "always_last",
    "concurrency_id": "model",
    "concurrency_limit": 2,
    "api_visibility": "private",
}
PRESSED = "multiple"
"""How presses are sent: `assets/press.js` keeps them in order. By "always_last", Gradio 6.31 answers a press that
waited with the data of the press before it."""
MIRROR_JS = "window.lapa.mirror(trigger, 'act', watch, props)"
ACT_JS = "window.lapa.attach(element, trigger, 'act', watch, props, server)"


@dataclass(frozen=True)
class View:
    """Something shown.

    Attributes:
        tab: the tab it stands in, or None if it is always visible.
        outputs: the components it fills.
        render: selection -> component -> value.
        key: what of the selection it depends on; it is rendered again when this changes.
    """

    tab: str | None
    outputs: Sequence[Any]
    render: Callable[[Selection], Updates]
    key: Callable[[Selection], Hashable]


def act_html(name: str, **options: Any) -> gr.HTML:
    """Build an HTML part whose buttons (`data-do`) reach Python as `act` events."""
    return gr.HTML("", elem_id=name, elem_classes=["view"], js_on_load=ACT_JS, apply_default_css=False, **options)


class Page:
    """The selection of one visitor, the views on it, and the events that change it."""

    def __init__(self, bench: Workbench, start: Selection):
        self.bench = bench
        self.state = gr.State(start, time_to_live=4 * 3600)
        self.banner = act_html("banner")
        self.mirror = gr.HTML("", html_template="", elem_id="mirror", js_on_load=MIRROR_JS, apply_default_css=False)
        self._views: list[View] = []
        self._wirings: list[Callable[[list[Any]], None]] = []

    def add_view(
        self,
        tab: str | None,
        outputs: Sequence[Any],
        render: Callable[[Selection], Updates],
        key: Callable[[Selection], Hashable] = lambda selection: selection,
    ) -> None:
        self._views.append(View(tab, outputs, render, key))

    def on(self, event: Callable, handler: Handler, inputs: Sequence[Any] = (), outputs: Sequence[Any] = ()) -> None:
        """Run `handler(selection, *inputs)` on an event; it may also return updates of `outputs`."""

        def run(selection: Selection, *values: Any) -> Updates:
            return self._answer(handler, selection, *values)

        self._wire(event, run, inputs, outputs)

    def on_act(
        self,
        part: gr.HTML,
        actions: Mapping[str, Handler],
        inputs: Sequence[Any] = (),
        outputs: Sequence[Any] = (),
    ) -> None:
        """Run `actions[do](selection, data, *inputs)` when a button inside `part` is pressed."""

        def run(selection: Selection, evt: gr.EventData, *values: Any) -> Updates:
            data = event_data(evt)
            handler = actions.get(str(data.get("do")))
            updates = self._answer(handler, selection, data, *values) if handler else {self.banner: ""}
            return self._ticketed(updates, selection, data)

        self._wire(part.act, run, inputs, outputs, PRESSED)

    def on_data(self, event: Callable, handler: Handler, outputs: Sequence[Any] = ()) -> None:
        """Run `handler(selection, data)` on an event that carries data of its own."""

        def run(selection: Selection, evt: gr.EventData) -> Updates:
            data = event_data(evt)
            return self._ticketed(self._answer(handler, selection, data), selection, data)

        self._wire(event, run, (), outputs, PRESSED)

    def stream(
        self,
        event: Callable,
        handler: Callable[..., Iterator[Updates]],
        inputs: Sequence[Any],
        outputs: Sequence[Any],
    ) -> Any:
        """Run a generator of updates on an event; returns the dependency, so that it can be cancelled."""

        def run(selection: Selection, *values: Any) -> Iterator[Updates]:
            yield {self.banner: ""}
            try:
                yield from handler(selection, *values)
            except Exception as error:  # the border to the browser: nothing may pass as a traceback
                yield {self.banner: self._problem(error)}

        options = {**EVENT_OPTIONS, "trigger_mode": "once"}
        return event(run, [self.state, *inputs], [self.banner, *outputs], **options)

    def connect(self) -> None:
        """Wire all events, now that all views are known."""
        outputs = self.outputs()
        for wire in self._wirings:
            wire(outputs)

    def outputs(self) -> list[Any]:
        """Return all components that show the selection."""
        outputs = [self.state, self.banner, self.mirror]
        for view in self._views:
            outputs += [output for output in view.outputs if output not in outputs]
        return outputs

    def show(self, selection: Selection, old: Selection | None, notes: Sequence[str] = ()) -> Updates:
        """Render what depends on the selection; `old` None renders everything that is visible."""
        updates: Updates = {self.state: selection, self.mirror: self._mirror(selection)}
        problems = list(notes)
        for view in self._views:
            if view.tab not in (None, selection.tab):
                continue
            was_shown = old is not None and view.tab in (None, old.tab)
            if was_shown and view.key(old) == view.key(selection):
                continue
            try:
                updates |= view.render(selection)
            except LapaError as error:
                problems.append(sentence(error))
        return {**updates, self.banner: banner(" ".join(dict.fromkeys(problems))) if problems else ""}

    def _wire(
        self,
        event: Callable,
        run: Callable,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        trigger_mode: str = EVENT_OPTIONS["trigger_mode"],
    ) -> None:
        self._wirings.append(
            lambda all_outputs: event(
                run,
                [self.state, *inputs],
                [*all_outputs, *(output for output in outputs if output not in all_outputs)],
                **{**EVENT_OPTIONS, "trigger_mode": trigger_mode},
            )
        )

    def _answer(self, handler: Handler, selection: Selection, *values: Any) -> Updates:
        try:
            result = handler(selection, *values)
            new, extra = result if isinstance(result, tuple) else (result, {})
            return {**self.show(new, selection), **extra}
        except Exception as error:  # the border to the browser: nothing may pass as a traceback
            return {self.banner: self._problem(error)}

    def _ticketed(self, updates: Updates, selection: Selection, data: Mapping[str, Any]) -> Updates:
        """Return the answer with the press's ticket: the page's script then sends the press that waits."""
        return {**updates, self.mirror: self._mirror(updates.get(self.state, selection), str(data.get("ticket", "")))}

    def _problem(self, error: Exception) -> str:
        if isinstance(error, LapaError):
            return banner(sentence(error))
        log.error("unexpected", exc_info=error)
        return banner(OUR_FAULT)

    def _mirror(self, selection: Selection, ticket: str = "") -> str:
        """Return what the page's own script needs to know of the selection, and which press this answers."""
        facts = {"query": selection.query, "clip": selection.clip, "tab": selection.tab, "ticket": ticket[:20]}
        return json.dumps(facts)


def event_data(event: gr.EventData) -> dict[str, Any]:
    """Return what the browser sent with an event; it may be anything, so handlers check each piece."""
    return event._data if isinstance(event._data, dict) else {}


def visitor() -> str:
    """Return who is asking: the id of their page's session, which only their own browser knows."""
    request = LocalContext.request.get(None)
    assert request is not None and request.session_hash, "only a page's own events have a dream"
    return request.session_hash


def sentence(error: Exception | str) -> str:
    """Turn an error's text into a sentence."""
    text = str(error).strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def banner(text: str) -> str:
    """Return the strip that says what went wrong; a nonce makes the same sentence appear again."""
    nonce = secrets.token_hex(3)
    close = '<button type="button" class="quiet" data-dismiss aria-label="dismiss">Dismiss</button>'
    return f'<div class="banner" role="alert" data-nonce="{nonce}"><span>{escape(text)}</span>{close}</div>'
