"""Worlds to act in: simulators as Gymnasium environments, and `collect`, which records data sets in them.

Importing this package registers `lapa/Tabletop-v0` (embodiment `arm` in environment `sim`) and its siblings, such as
`lapa/TabletopPaddle-v0`, `lapa/TabletopReal-v0` and `lapa/TabletopHandReal-v0`.
"""

from itertools import product

import gymnasium

for _body, _place in product(("arm", "paddle", "hand"), ("sim", "real")):
    _id = f"lapa/Tabletop{_body.title() if _body != 'arm' else ''}{_place.title() if _place != 'sim' else ''}-v0"
    if _id not in gymnasium.registry:
        gymnasium.register(
            id=_id,
            entry_point="lapa.worlds.tabletop.env:TabletopEnv",
            kwargs={"embodiment": _body, "environment": _place},
        )
