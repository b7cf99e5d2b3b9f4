"""Between a program and a verb: arguments checked by their hints, errors typed, the verb's own name and words kept."""

import inspect
import logging
from typing import Annotated, Literal

import gradio as gr
import pytest
from pydantic import Field

from lapa.types import LapaError
from viz.tabs.api.answers import INVALID, OURS, answering


def add(a: Annotated[int, Field(ge=0, le=9)], kind: Literal["sum", "no"] = "sum") -> dict:
    """Add one."""
    if kind == "no":
        raise LapaError("no sum was asked for: ask for one")
    return {"sum": a + 1} if a else {"sum": 1 // a}


def test_good_arguments_pass_in_either_form():
    assert answering(add)(3) == answering(add)("3") == answering(add)(a=3, kind="sum") == {"sum": 4}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((10,), "'10' was given as a: input should be less than or equal to 9."),
        (("x",), "'x' was given as a: input should be a valid integer, unable to parse string as an integer."),
        ((1, "maybe"), "'maybe' was given as kind: input should be 'sum' or 'no'."),
        ((1, "no"), "No sum was asked for: ask for one."),
    ],
)
def test_what_a_caller_can_mend_is_an_invalid_request(given, said):
    with pytest.raises(gr.Error) as refused:
        answering(add)(*given)
    assert (refused.value.title, refused.value.message) == (INVALID, said)


def test_our_own_mistakes_are_logged_and_not_told(caplog):
    with caplog.at_level(logging.ERROR, "lapa.app"), pytest.raises(gr.Error) as failed:
        answering(add)(0)
    assert failed.value.title == OURS and "Zero" not in failed.value.message
    assert caplog.records[0].exc_info[0] is ZeroDivisionError


def test_what_gradio_documents_is_kept():
    answer = answering(add)
    assert (answer.__name__, inspect.getdoc(answer)) == ("add", "Add one.")
    assert inspect.signature(answer).return_annotation is dict
    assert list(inspect.signature(answer).parameters) == ["a", "kind"]
