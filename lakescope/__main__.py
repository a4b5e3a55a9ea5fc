"""``python -m lakescope``."""

from lakescope.app.cli import main

main()
