"""How a language model is handed the keys and values it remembers: transformers renamed that argument in version 5."""

from __future__ import annotations

import inspect
from typing import Any

from transformers import Cache, PreTrainedModel


def as_cache(language: PreTrainedModel, cache: Cache | None) -> dict[str, Any]:
    """Return `cache` under the name that this model's `forward` has for it."""
    names = inspect.signature(language.forward).parameters
    return {"cache" if "cache" in names else "past_key_values": cache}
