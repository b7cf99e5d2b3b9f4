"""Training: one loop (loop.py) and one thin file per stage, each folder in, folder out."""
