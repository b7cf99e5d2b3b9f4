"""The tabletop: eight blocks on a board, a body that pushes them, five families of tasks said in words.

Our own re-implementation, in MuJoCo, of the tasks of Language Table (arXiv 2210.06407), the first benchmark of LAPA.
"""
