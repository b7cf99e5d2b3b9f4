"""What stands between a program and a verb: arguments are checked by their type hints, errors arrive as one sentence.

Every error is a `gr.Error`, which travels as JSON with a `title` and an `error`: the title is "invalid_request" for
what the caller can mend and "server_error" for what only we can.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, get_type_hints

import gradio as gr
from pydantic import TypeAdapter, ValidationError

from lapa.types import LapaError
from viz.tabs.page import OUR_FAULT, sentence

INVALID, OURS = "invalid_request", "server_error"
log = logging.getLogger("lapa.app")


def answering(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return `verb` with its arguments checked and its errors typed."""
    signature = inspect.signature(verb, eval_str=True)  # Gradio documents what comes back from this, not from text
    hints = get_type_hints(verb, include_extras=True)
    checks = {name: TypeAdapter(hints[name]) for name in signature.parameters}

    @wraps(verb)
    def answer(*given: Any, **named: Any) -> Any:
        try:
            arguments = signature.bind(*given, **named).arguments
            return verb(**{name: _checked(checks[name], name, value) for name, value in arguments.items()})
        except LapaError as error:
            raise gr.Error(sentence(error), title=INVALID, print_exception=False) from error
        except Exception as error:  # the border to programs: nothing may pass as a traceback
            log.error("unexpected", exc_info=error)
            raise gr.Error(OUR_FAULT, title=OURS, print_exception=False) from error

    answer.__signature__ = signature  # type: ignore[attr-defined]
    return answer


def _checked(check: TypeAdapter, name: str, value: Any) -> Any:
    try:
        return check.validate_python(value)
    except ValidationError as error:
        expected = error.errors(include_url=False, include_context=False)[0]["msg"]
        given = f"'{str(value)[:40]}' was given as {name}"
        raise LapaError(f"{given}: {expected[:1].lower()}{expected[1:]}") from None
