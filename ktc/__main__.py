"""python -m ktc: the same as the script ktc."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
