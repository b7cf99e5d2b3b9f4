"""The token editor: a chip per position, with its code, its measured meaning, and a step up and down.

Keyboard (assets/inspect.js): digits set the code of the focused chip, up and down step it, left and right go to the
next chip, and a pasted 3-0-7-1 sets all.
"""

from __future__ import annotations

from html import escape

from lapa.explorer import Explorer
from lapa.types import LatentAction
from viz.tabs.markup import button, code_style


def editor_html(explorer: Explorer, chosen: LatentAction) -> str:
    """Return the editor of a latent action."""
    meanings = explorer.meanings(chosen)
    num_codes = chosen.codebook_size
    chips = []
    for position, code in enumerate(chosen.tokens):
        meaning = meanings[position] if meanings else None
        word = meaning.label if meaning else ""
        shown = f"+ {word}" if meaning and meaning.adds and word else word
        told = f' title="{escape(meaning.sentence)}"' if meaning else ""
        said = f"code {code}, {word}" if word else f"code {code}"

        def step(sign: str, by: int, position: int = position, code: int = code) -> str:
            label = f"position {position}: {'next' if by > 0 else 'previous'} code"
            new = (code + by) % num_codes
            return button(sign, "token", label=label, classes="step", position=position, code=new)

        chips.append(
            f'<div class="token" {code_style(code, num_codes)}>{step("&#9650;", 1)}'
            f'<span class="spin" role="spinbutton" tabindex="0" data-position="{position}" data-key="spin-{position}" '
            f'aria-label="token at position {position}" aria-valuenow="{code}" aria-valuemin="0" '
            f'aria-valuemax="{num_codes - 1}" aria-valuetext="{escape(said)}"{told}>{code}</span>'
            f"{step('&#9660;', -1)}<em{told}>{escape(shown)}</em></div>"
        )
    hint = "Digits, arrow keys, or paste 3-0-7-1"
    return (
        f'<div class="editor" data-token-editor data-codes="{num_codes}" role="group" '
        f'aria-label="token editor, latent action {chosen.label}">{"".join(chips)}</div><small>{hint}</small>'
    )
