"""`python -m tests.chaos [--seeds N] [--first SEED] [--servers a,b]`: exit code 1 where anything was lost or doubled."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos._lake import KINDS, Servers
from tests.chaos._run import run

IDS = 10
"""Shown of each store."""


def main() -> int:
    """Runs the seeds, one after the other."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many, from --first on")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument(
        "--servers", default=",".join(KINDS), help="which brokers and stores; DuckDB and push always"
    )
    parser.add_argument(
        "--history", action="store_true", help="show what happened of seeds that are right, too"
    )
    options = parser.parse_args()
    wrong = 0
    with (
        tempfile.TemporaryDirectory(prefix="lakescope-chaos-", ignore_cleanup_errors=True) as folder,
        Servers(Path(folder), options.servers.split(",")) as servers,
    ):
        for seed in range(options.first, options.first + options.seeds):
            directory = Path(folder) / f"seed-{seed}"
            directory.mkdir()
            verdict = run(seed, servers.of, directory)
            print(verdict.line(), flush=True)
            if options.history or not verdict.is_right:
                print("  " + "\n  ".join(verdict.history), flush=True)
            if not verdict.is_right:
                wrong += 1
                for name in ("lost", "doubled", "strange"):
                    for store, ids in getattr(verdict, name).items():
                        if ids:
                            print(f"  {name} in {store}: {len(ids)}: {', '.join(ids[:IDS])}")
                log = (directory / "lakescope.log").read_text(errors="replace").splitlines()
                print("  --- end of Lakescope's log\n  " + "\n  ".join(log[-40:]), flush=True)
    print(f"{options.seeds} seeds: " + (f"{wrong} WRONG" if wrong else "lost 0 doubled 0"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
