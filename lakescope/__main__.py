"""``python -m lakescope``."""

from lakescope.cli import main

main()
