"""`python -m lapa VERB ...`: see `lapa/cli`."""

import sys

from lapa.threads import take_threads

if __name__ == "__main__":
    args = take_threads(sys.argv[1:])  # before anything that computes is imported

    from lapa.cli import main

    sys.exit(main(args))
