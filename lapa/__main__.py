"""`python -m lapa VERB ...`: see `lapa/cli`."""

import sys

from lapa.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
