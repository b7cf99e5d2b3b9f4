"""Ablations: one choice changed at a time, everything else equal, trained and judged in the same way."""
