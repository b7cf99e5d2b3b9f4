"""Things that lie about beside the board: a mug, a pen, a book and so on, put together from MuJoCo's primitives.

They are drawn and never touched. Each is made at the origin, standing on z = 0, about `size` 1 in metres.
"""

from __future__ import annotations

import math

from lapa.worlds.tabletop.appearance import Thing, Vector

TABLE_Z = -0.040
"""Height of the table's surface beside the board, metres."""


def thing_xml(thing: Thing) -> str:
    """Return a thing as a body of geoms, in MJCF."""
    geoms = "".join(KINDS[thing.kind](thing.rgb, thing.size))
    return f'<body pos="{thing.x} {thing.y} {TABLE_Z}" euler="0 0 {math.degrees(thing.yaw)}">{geoms}</body>'


def _mug(rgb: Vector, s: float) -> list[str]:
    handle = [(math.cos(a), math.sin(a)) for a in (-1.1, 0.0, 1.1)]
    points = [(0.036 + 0.024 * c, 0.045 + 0.024 * d) for c, d in handle]
    return [
        _geom("cylinder", f"{0.038 * s} {0.045 * s}", (0.0, 0.0, 0.045 * s), rgb),
        _geom("cylinder", f"{0.032 * s} {0.001}", (0.0, 0.0, 0.0905 * s), (0.16, 0.09, 0.05)),
        *(
            _bar((s * a[0], 0.0, s * a[1]), (s * b[0], 0.0, s * b[1]), 0.006 * s, rgb)
            for a, b in zip(points, points[1:], strict=False)
        ),
    ]


def _pen(rgb: Vector, s: float) -> list[str]:
    return [
        _bar((-0.070 * s, 0.0, 0.006), (0.045 * s, 0.0, 0.006), 0.006, rgb),
        _bar((0.045 * s, 0.0, 0.006), (0.066 * s, 0.0, 0.006), 0.0045, (0.12, 0.12, 0.13)),
    ]


def _book(rgb: Vector, s: float) -> list[str]:
    return [
        _geom("box", f"{0.060 * s} {0.085 * s} 0.010", (0.0, 0.0, 0.010), (0.93, 0.92, 0.88)),
        _geom("box", f"{0.062 * s} {0.087 * s} 0.002", (0.0, 0.0, 0.022), rgb),
        _geom("box", f"0.003 {0.087 * s} 0.012", (-0.061 * s, 0.0, 0.012), rgb),
    ]


def _phone(rgb: Vector, s: float) -> list[str]:
    return [
        _geom("box", f"{0.037 * s} {0.075 * s} 0.004", (0.0, 0.0, 0.004), rgb),
        _geom("box", f"{0.033 * s} {0.070 * s} 0.0005", (0.0, 0.0, 0.0085), (0.06, 0.07, 0.09)),
    ]


def _tape(rgb: Vector, s: float) -> list[str]:
    return [
        _geom("cylinder", f"{0.042 * s} 0.012", (0.0, 0.0, 0.012), rgb),
        _geom("cylinder", f"{0.027 * s} 0.0006", (0.0, 0.0, 0.0246), (0.75, 0.66, 0.52)),
        _geom("cylinder", f"{0.023 * s} 0.0006", (0.0, 0.0, 0.0256), (0.15, 0.14, 0.13)),
    ]


def _ball(rgb: Vector, s: float) -> list[str]:
    return [_geom("sphere", f"{0.034 * s}", (0.0, 0.0, 0.034 * s), rgb)]


def _cup(rgb: Vector, s: float) -> list[str]:
    rim = tuple(0.6 * value for value in rgb)
    return [
        _geom("cylinder", f"{0.034 * s} {0.030 * s}", (0.0, 0.0, 0.030 * s), rgb),
        _geom("cylinder", f"{0.029 * s} 0.0006", (0.0, 0.0, 0.0605 * s), rim),
        _geom("cylinder", f"{0.062 * s} 0.004", (0.0, 0.0, 0.004), (0.94, 0.93, 0.90)),
    ]


def _notes(rgb: Vector, s: float) -> list[str]:
    return [
        _geom("box", f"{0.038 * s} {0.038 * s} 0.004", (0.0, 0.0, 0.004), rgb),
        _geom("box", f"{0.036 * s} {0.036 * s} 0.0005", (0.004, 0.003, 0.0086), tuple(0.93 * v for v in rgb), 12.0),
    ]


def _geom(kind: str, size: str, at: Vector, rgb: Vector, turn: float = 0.0) -> str:
    return f'<geom type="{kind}" size="{size}" pos="{_text(at)}" euler="0 0 {turn}" rgba="{_text(rgb)} 1"/>'


def _bar(start: Vector, end: Vector, radius: float, rgb: Vector) -> str:
    return f'<geom type="capsule" size="{radius}" fromto="{_text(start)} {_text(end)}" rgba="{_text(rgb)} 1"/>'


def _text(values: Vector) -> str:
    return " ".join(f"{value:.5f}" for value in values)


KINDS = {
    "mug": _mug,
    "pen": _pen,
    "book": _book,
    "phone": _phone,
    "tape": _tape,
    "ball": _ball,
    "cup": _cup,
    "notes": _notes,
}
"""What each kind of thing is made of, given its colour and scale."""
