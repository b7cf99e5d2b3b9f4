"""The tabletop: eight blocks on a board, a pusher on a jointed arm, five families of tasks said in words.

Our own re-implementation, in MuJoCo, of the tasks of Language Table (arXiv 2210.06407), the first benchmark of LAPA.
"""
