"""Show what the authors' generation loop makes of latent code 2, on a small random policy of the released format.

    python -m tests.lapa.released.show_twos

With random weights the tokens mean nothing; what happens after a 2 is the same as with the real ones.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np

from lapa.released.policy import as_printed_by_authors, load_released_policy
from lapa.released.policy_import import ImportPolicyConfig, import_policy
from tests.lapa.released.conftest import SHAPE, random_leaves, vqgan_tree, write_params
from tests.lapa.released.rehearse import write_tokenizer


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_params(folder / "params", random_leaves(SHAPE))
        (folder / "vqgan").write_bytes(pickle.dumps(vqgan_tree(), protocol=4))
        write_tokenizer(folder / "tokenizer.model")
        files = {"params": folder / "params", "vqgan": folder / "vqgan", "tokenizer": folder / "tokenizer.model"}
        out = import_policy(**files, out=folder / "policy", config=ImportPolicyConfig(num_heads=SHAPE.num_heads))
        policy, frame = load_released_policy(out, precision="fp32"), np.full((240, 320, 3), 128, np.uint8)
        sys.stdout.write("the policy's four tokens    what the authors' program prints\n")
        for seed in range(12):
            found = policy.predict(frame, "take the pot", temperature=1.0, rng=np.random.default_rng(seed))
            tokens = list(found.latent_action.tokens)
            printed = as_printed_by_authors(tokens)
            sys.stdout.write(f"{tokens!s:<28}{printed}{'' if printed == tokens else '   <- cut at the 2'}\n")


if __name__ == "__main__":
    main()
