"""The tree of a dream as lanes: each branch is a row of thumbnails that begins under the step where it left."""

from __future__ import annotations

from html import escape

from viz.tabs.dreams import ROOT, DreamTree, Lane, Node
from viz.tabs.markup import button, code_style, empty, section

NOTE = (
    "Every film from this start. A branch begins under the step that it left. Press a step to show it; "
    "Dream on continues from there."
)


def tree_html(dream: DreamTree) -> str:
    """Return all lanes of a dream."""
    lanes = dream.lanes()
    if not lanes:
        return section("Branches", empty("Dream, steer or press another token: every film is kept here."))
    film = {node.id for node in dream.film()}
    rows = {node.id: row for row, lane in enumerate(lanes, 1) for node in lane.nodes}
    rows[ROOT] = 1
    deepest = max(lane.nodes[-1].depth for lane in lanes)
    cells = [_thumb(dream, dream.root, 1, film, 0)]
    for row, lane in enumerate(lanes, 1):
        cells.append(_title(lane, row))
        if row > 1:
            above = rows[lane.parent.id]
            cells.append(
                f'<i class="elbow" style="grid-row:{above}/{row + 1};grid-column:{lane.parent.depth + 2}"></i>'
            )
        cells += [_thumb(dream, node, row, film, row) for node in lane.nodes]
    clear = button("Clear all", "clear", classes="quiet", label="remove all films from this start", focus="clear")
    count = f"{len(lanes)} film{'s' if len(lanes) > 1 else ''}, {len(dream)} steps"
    grid = f'<div class="tree" style="--columns:{deepest + 1}" role="group" aria-label="{count}">{"".join(cells)}</div>'
    foot = f'<div class="toolbar"><small>{count}</small>{clear}</div>'
    return section("Branches", f'<div class="tree-scroll">{grid}</div>{foot}', note=NOTE)


def _title(lane: Lane, row: int) -> str:
    first = lane.nodes[0]
    remove = button("&times;", "remove", label=f"remove film {row}", classes="quiet remove", node=first.id)
    return f'<div class="lane-title" style="grid-row:{row}"><b>{row}</b><span>{_reason(lane)}</span>{remove}</div>'


def _reason(lane: Lane) -> str:
    """Return why a lane begins: what was asked for, the token swapped, or that it was steered."""
    first = lane.nodes[0]
    after = "" if lane.parent.id == ROOT else f"step {first.depth}: "
    if first.swapped is not None:
        code = first.latent_action.tokens[first.swapped]
        style = code_style(code, first.latent_action.codebook_size)
        return f'{after}position {first.swapped} set to <em class="code" {style}>{code}</em>'
    if first.by_hand:
        return f"{after}steered by hand"
    return after + escape(first.instruction)


def _thumb(dream: DreamTree, node: Node, row: int, film: set[int], lane: int) -> str:
    current = ' aria-current="true"' if node.id == dream.at else ""
    classes = "thumb on" if node.id in film or node.id == ROOT else "thumb"
    spoken = "the start" if node.id == ROOT else f"film {lane}, step {node.depth}: {node.latent_action.label}"
    mark = ""
    if node.swapped is not None:
        code = node.latent_action.tokens[node.swapped]
        mark = f'<em class="code" {code_style(code, node.latent_action.codebook_size)}>{code}</em>'
    elif node.by_hand:
        mark = '<em class="hand"></em>'
    return (
        f'<button type="button" class="{classes}" style="grid-row:{row};grid-column:{node.depth + 2}" data-do="show" '
        f'data-node="{node.id}" data-focus="tree-{node.id}" aria-label="{escape(spoken)}" title="{escape(spoken)}"'
        f'{current}><img src="{node.thumb}" alt="">{mark}</button>'
    )
