"""A bundle that is open: its quantizer, and the other parts, each read when first asked for.

Several threads may share one. Knows nothing of what is done with the parts; `Explorer` adds the verbs.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock

import torch

from lapa import bundle as bundles
from lapa.bundle import Bundle
from lapa.checkpoint import fingerprint, read_config, token_fingerprint
from lapa.dream import LAQWorld
from lapa.index import load_index
from lapa.meaning import CodeMeaning, Meaning, load_meaning
from lapa.models.load import load_laq
from lapa.protocols import Policy
from lapa.records import Facts, Records, read_records, read_reports
from lapa.types import LapaError, LatentAction, LatentIndex


class OpenBundle:
    """The parts of a bundle.

    Attributes:
        name: of the bundle. laq_path: where the quantizer lies. window_s: its window in seconds.
        code_seq_len, codebook_size, image_size: of the quantizer.
        has_policy, has_index: whether predict and rollout, neighbours and novelty, can be asked.
        card: facts for display.
    """

    def __init__(self, bundle: Bundle, device: str, precision: str = "auto"):
        config = read_config(bundle.laq, "laq")
        self._bundle, self._lock, self._precision = bundle, RLock(), precision
        self._laq = load_laq(bundle.laq).to(device)
        self._world = LAQWorld(self._laq)
        self._policy: Policy | None = None
        self._index: LatentIndex | None = None
        self._meaning: tuple[Meaning | None, str] | None = None
        self.name, self.laq_path = bundle.name, bundle.laq
        self.window_s = bundles.window_s(bundle.laq)
        self.code_seq_len = self._laq.config.code_seq_len
        self.codebook_size = self._laq.config.codebook_size
        self.image_size = self._laq.config.image_size
        self.card = self._facts(config, device)

    @property
    def has_policy(self) -> bool:
        return self._bundle.policy is not None

    @property
    def has_index(self) -> bool:
        return self._bundle.index is not None

    @property
    def index(self) -> LatentIndex | None:
        """The bundle's index, or None; read when first asked for."""
        with self._lock:
            if self._index is None and self._bundle.index is not None:
                self._index = load_index(self._bundle.index, token_fingerprint(self.laq_path))
            return self._index

    def need_index(self) -> LatentIndex:
        """Return the index.

        Raises:
            LapaError: if there is none, saying how to build one.
        """
        if self.index is None:
            raise LapaError(
                f"'{self.name}' has no index: build one with 'python -m lapa index --laq {self.laq_path} "
                "--data DIR --out DIR' and name it with --index"
            )
        return self.index

    @property
    def meaning(self) -> Meaning | None:
        """What each code was measured to mean, or None; `meaning_note` then says why and what to do."""
        return self._measured()[0]

    @property
    def meaning_note(self) -> str:
        return self._measured()[1]

    def meanings(self, latent_action: LatentAction) -> tuple[CodeMeaning, ...]:
        """Return the meaning of each token; empty where none was measured."""
        if self.meaning is None:
            return ()
        return tuple(self.meaning.of(position, code) for position, code in enumerate(latent_action.tokens))

    def need_policy(self) -> Policy:
        """Return the policy, loading it when first asked.

        Raises:
            LapaError: if there is none, or it was made with another quantizer.
        """
        if self._bundle.policy is None:
            raise LapaError(f"'{self.name}' has no policy, so it cannot follow instructions: name one with --policy")
        with self._lock:
            if self._policy is None:
                from lapa.models.load_policy import load_policy

                self._policy = load_policy(
                    self._bundle.policy, self.laq_path, device=str(self.device), precision=self._precision
                )
            return self._policy

    def report(self) -> dict[str, Facts]:
        """Return what was measured of each part: report.json by kind ("laq", "policy", "robot")."""
        return read_reports(self._bundle)

    def records(self) -> Records:
        """Return what was written down: reports, scorecards, training curves, the model card."""
        return read_records(self._bundle)

    def sha256(self, kind: str) -> str | None:
        """Return the fingerprint of a part's weights ("laq", "policy", "robot"), or None where there is none."""
        path = getattr(self._bundle, kind)
        return None if path is None else fingerprint(path)

    @property
    def device(self) -> torch.device:
        """Where the quantizer computes."""
        return self._laq.device

    # within

    def _measured(self) -> tuple[Meaning | None, str]:
        """Return the meaning of the codes, read once; or None and why not."""
        with self._lock:
            if self._meaning is None:
                if self._bundle.index is None:
                    self._meaning = None, f"'{self.name}' has no index, so the meaning of its codes is not known"
                else:
                    shape = (self.code_seq_len, self.codebook_size)
                    try:
                        self._meaning = load_meaning(self._bundle.index, token_fingerprint(self.laq_path), shape), ""
                    except LapaError as error:
                        self._meaning = None, str(error)
            return self._meaning

    def _facts(self, config: dict, device: str) -> dict:
        return {
            "bundle": self.name,
            "laq": _shown(self.laq_path),
            "policy": _shown(self._bundle.policy),
            "index": _shown(self._bundle.index),
            "window_s": self.window_s,
            "code_seq_len": self.code_seq_len,
            "codebook_size": self.codebook_size,
            "image_size": self.image_size,
            "num_parameters": sum(p.numel() for p in self._laq.parameters()),
            "data": config["stage"].get("data"),
            "device": device,
        }


def _shown(path: Path | None) -> str | None:
    """Name a folder for visitors: within the repository, or by its last part; never where it lies on the server."""
    if path is None:
        return None
    path = path.resolve()
    return path.relative_to(bundles.ROOT).as_posix() if path.is_relative_to(bundles.ROOT) else path.name
