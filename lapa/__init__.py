"""Latent action pretraining from videos (LAPA, arXiv 2410.11758): models, training, evaluation.

`from lapa import Explorer` is the one door most users need; see `lapa/explorer.py`.
The import is lazy, so that `import lapa.types` stays free of torch.
"""

__version__ = "0.1.0"
__all__ = ["Explorer"]


def __getattr__(name: str):
    if name == "Explorer":
        from lapa.explorer import Explorer

        return Explorer
    raise AttributeError(f"module 'lapa' has no attribute {name!r}")
