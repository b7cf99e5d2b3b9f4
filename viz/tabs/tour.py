"""A two-minute tour of four questions: a small panel that opens when it is asked for, and only then.

Written out as plain HTML that `assets/tour.js` leafs through; each stop names the tab it is told in and what it points
at. Nothing here knows a selection.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

BUTTON = '<button type="button" class="quiet" data-tour-start aria-haspopup="dialog" aria-controls="tour">Tour</button>'


@dataclass(frozen=True, kw_only=True)
class Stop:
    """One page of the tour: the question it belongs to, its text, what to try, and where (a CSS selector)."""

    tab: str
    points_at: str
    question: str
    text: str
    attempt: str


STOPS = (
    Stop(
        tab="inspect",
        points_at="#ribbon",
        question="What is a latent action?",
        text="A quantizer looks at two frames a moment apart and writes down what happened in a few tokens. Nobody "
        "labelled them. The ribbon shows them along the whole clip, a lane for each token.",
        attempt="Drag along the ribbon, or press it and use the arrow keys, and watch the frame and its tokens change.",
    ),
    Stop(
        tab="inspect",
        points_at="#pair",
        question="What is a latent action?",
        text="A decoder that is given only the first frame and the tokens draws the second one. What it gets right, "
        "the tokens must have told it.",
        attempt="Drag across the comparison, or let it blink, to find what the tokens left out.",
    ),
    Stop(
        tab="decode",
        points_at="#decoded",
        question="What does each code do?",
        text="Here you write the tokens. The picture in the middle is the future they lead to; the arrows show how "
        "things moved in recorded pairs that have these codes.",
        attempt="Press a chip and type digits, or step it up and down.",
    ),
    Stop(
        tab="decode",
        points_at="#sheet",
        question="What does each code do?",
        text="Each row swaps one token and keeps the others. The words and the number beside a code are measured: 1.0 "
        "means that everything with this code moved the same way.",
        attempt="Compare the first row with the last: later tokens mostly refine.",
    ),
    Stop(
        tab="map",
        points_at="#plot",
        question="Where do they live?",
        text="Every point is one moment of the data; moments that the quantizer finds alike lie together.",
        attempt="Point at a dot to see before and after, press it to go there, draw a lasso around a group to see what "
        "it has in common, or search for a pattern such as 3-*-*-*.",
    ),
    Stop(
        tab="dream",
        points_at="#instruction",
        question="What does the policy dream?",
        text="A policy reads the frame and an instruction and guesses the next tokens; the decoder draws them; "
        "and again.",
        attempt="Press Dream. Then take the arrow keys and steer by yourself: below the film you see how likely the "
        "policy found each code.",
    ),
)


def tour_html() -> str:
    """Return the panel, closed."""
    questions = list(dict.fromkeys(stop.question for stop in STOPS))
    pages = "".join(_page(stop, number, questions) for number, stop in enumerate(STOPS))
    return (
        '<div id="tour" role="dialog" aria-labelledby="tour-title" hidden>'
        f'<div class="head"><span id="tour-title">Tour: four questions, two minutes</span>'
        '<button type="button" class="quiet" data-tour-end aria-label="close the tour">Close</button></div>'
        f"{pages}"
        '<div class="foot"><button type="button" class="quiet" data-tour-move="-1">Back</button>'
        f'<span data-tour-count aria-live="polite">1 of {len(STOPS)}</span>'
        '<button type="button" class="button" data-tour-move="1">Next</button></div></div>'
    )


def _page(stop: Stop, number: int, questions: list[str]) -> str:
    asked = questions.index(stop.question)
    dots = "".join(f'<i class="{"on" if i == asked else ""}"></i>' for i in range(len(questions)))
    return (
        f'<section data-stop="{number}" data-tab="{escape(stop.tab)}" data-points-at="{escape(stop.points_at)}" hidden>'
        f'<div class="dots" aria-hidden="true">{dots}</div><h2 tabindex="-1">{escape(stop.question)}</h2>'
        f"<p>{escape(stop.text)}</p><p><b>Try it.</b> {escape(stop.attempt)}</p></section>"
    )
