"""`python -m lapa VERB ...`: see `lapa/cli`."""

import os
import sys

# Threads that wait by spinning steal the cores from other work: on a busy machine everything takes 20 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from lapa.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
