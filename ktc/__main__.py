"""python -m ktc: the same as the script ktc."""
import sys

from .cli import main

sys.exit(main())
