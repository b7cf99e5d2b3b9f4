"""Worlds to act in: simulators as Gymnasium environments, and `collect`, which records data sets in them.

Importing this package registers `lapa/Tabletop-v0`.
"""

import gymnasium

if "lapa/Tabletop-v0" not in gymnasium.registry:
    gymnasium.register(id="lapa/Tabletop-v0", entry_point="lapa.worlds.tabletop.env:TabletopEnv")
