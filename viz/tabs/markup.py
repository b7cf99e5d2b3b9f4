"""Pieces of HTML that several tabs use. Everything a person wrote is escaped here and nowhere else.

A button says what it does in `data-do` and carries its arguments in further `data-` attributes; `assets/app.js` hands
them to Python as one event. Pictures travel inside the page, so that nobody's upload has an address.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

import numpy as np
from PIL import Image

from lapa.explorer import CodeMeaning, Explorer
from lapa.types import Frame, LatentAction
from viz.figures.film import token_chips
from viz.figures.frames import data_uri
from viz.figures.style import code_color
from viz.figures.style import ink as ink_on


def picture(frame: Frame, alt: str, *, side: int | None = None) -> str:
    """Return an <img>."""
    height, width = frame.shape[:2]
    source = data_uri(frame, kind="jpeg", quality=88, longer_side=side)
    return f'<img src="{source}" alt="{escape(alt)}" width="{width}" height="{height}">'


def figure(frame: Frame, title: str, note: str = "", *, classes: str = "") -> str:
    """Return a picture under its title, with an optional note beneath."""
    caption = f'<figcaption><b>{escape(title)}</b><span class="note">{escape(note)}</span></figcaption>'
    return f'<figure class="shot {classes}">{caption}{picture(frame, title)}</figure>'


def button(
    inside: str, do: str, *, label: str = "", classes: str = "button", pressed: bool | None = None, **data
) -> str:
    """Return a button; `inside` is HTML, `label` is read out, `data` are the arguments."""
    attributes = "".join(f' data-{name}="{escape(str(value))}"' for name, value in data.items())
    spoken = f' aria-label="{escape(label)}" title="{escape(label)}"' if label else ""
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    return f'<button type="button" class="{classes}" data-do="{do}"{attributes}{spoken}{state}>{inside}</button>'


@lru_cache(maxsize=1024)
def code_style(code: int, num_codes: int) -> str:
    """Return the style attribute that gives an element a code's colour, and text that reads on it."""
    color = code_color(code, num_codes)
    return f'style="--code:{color};--ink:{ink_on(color)}"'


def chips(latent_action: LatentAction, size: str = "medium") -> str:
    """Return a latent action as a row of chips, without how sure each is."""
    plain = LatentAction(tokens=latent_action.tokens, codebook_size=latent_action.codebook_size)
    return token_chips(plain, size=size)


def meant_chips(latent_action: LatentAction, meanings: Sequence[CodeMeaning]) -> str:
    """Return a latent action as chips with, under each, the word that it was measured to mean, where there is one."""
    if not meanings:
        return chips(latent_action)
    words = [("+ " if meaning.adds and meaning.label else "") + (meaning.label or "rare") for meaning in meanings]
    cells = "".join(
        f'<li title="{escape(meaning.sentence)}">{escape(word)}</li>'
        for word, meaning in zip(words, meanings, strict=True)
    )
    said = f'<ol aria-label="what they were measured to do">{cells}</ol>'
    return f'<div class="meant-chips" style="--tokens:{len(meanings)}">{chips(latent_action)}{said}</div>'


def sure_chips(latent_action: LatentAction, meanings: Sequence[CodeMeaning] = ()) -> str:
    """Return a latent action, a line per token: its chip, what it was measured to mean, and how sure the quantizer is.

    How sure: how much nearer this code is than the next best.
    """
    margins = latent_action.margins or (None,) * len(latent_action.tokens)
    lines = []
    for position, (token, margin) in enumerate(zip(latent_action.tokens, margins, strict=True)):
        meaning = meanings[position] if meanings else None
        means = "" if meaning is None else f'<em title="{escape(meaning.sentence)}">{_worded(meaning)}</em>'
        sure = ""
        if margin is not None:
            hint = f"{margin:.0%} nearer than the second-best code"
            sure = (
                f'<i style="--sure:{margin:.2f}" title="{hint}"></i><small title="{hint}">{_how_sure(margin)}</small>'
            )
        label = f"position {position}: code {token}"
        lines.append(
            f'<li class="sure" {code_style(token, latent_action.codebook_size)}><b title="{label}">{token}</b>'
            f'<span class="meant">{means}</span>{sure}</li>'
        )
    return f'<ol class="sures" aria-label="latent action {latent_action.label}">{"".join(lines)}</ol>'


def meaning_note(explorer: Explorer) -> str:
    """Return the sentence on how the meanings were measured, or why there are none."""
    text = explorer.meaning_note if explorer.meaning is None else explorer.meaning.how
    return f'<p class="lead">{escape(text[:1].upper() + text[1:])}</p>'


def _worded(meaning: CodeMeaning) -> str:
    if not meaning.label:
        return "too rare to say"
    return f"adds {escape(meaning.label)}" if meaning.adds else escape(meaning.label)


def novelty_html(explorer: Explorer, frame: Frame, *, is_short: bool = False) -> str:
    """Return the sign that says how far a frame is outside the training videos; "" where no index knows them."""
    if not explorer.has_index:
        return ""
    novelty = explorer.novelty(frame)
    sign = "inside" if novelty.inside else "outside"
    text = novelty.short if is_short else novelty.sentence
    return f'<div class="novelty {sign}" title="{escape(novelty.sentence)}"><i></i>{escape(text)}</div>'


def later_words(window: int, fps: float) -> str:
    """Return how much later the second frame of a pair is, such as "4 frames, 0.13 s later".

    A window is a whole number of the clip's frames: at a low rate its time is not the one asked for in seconds.
    """
    return f"{window} frame{'s' if window > 1 else ''}, {window / fps:.2g} s later"


def same_size(frame: Frame, like: Frame) -> Frame:
    """Return a picture at another's size, for comparing them."""
    if frame.shape == like.shape:
        return frame
    return np.asarray(Image.fromarray(frame).resize((like.shape[1], like.shape[0]), Image.Resampling.BILINEAR))


def section(title: str, inside: str, *, note: str = "") -> str:
    """Return a titled part of a page."""
    lead = f'<p class="lead">{note}</p>' if note else ""
    return f'<section class="part"><h3>{escape(title)}</h3>{lead}{inside}</section>'


def empty(text: str) -> str:
    """Return the sentence that stands where nothing can be shown."""
    return f'<p class="empty">{escape(text)}</p>'


def _how_sure(margin: float) -> str:
    return "sure" if margin > 0.3 else "fair" if margin > 0.1 else "close call"
