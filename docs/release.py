"""Finishes a release's folder: `make release`. What `uv build` and `uv export` have put there gets its version, the changelog
and checksums.

wheel, sdist, CHANGELOG.md, sbom.cdx.json (CycloneDX 1.5: every package of uv.lock that any extra installs), SHA256SUMS
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(folder: Path) -> None:
    """Raises `ValueError` for a folder without exactly one wheel."""
    (wheel,) = folder.glob("*.whl")
    version = wheel.name.split("-")[1]
    bill = folder / "sbom.cdx.json"
    document = json.loads(bill.read_text())
    document["metadata"]["component"] |= {"version": version, "purl": f"pkg:pypi/lakescope@{version}"}
    bill.write_text(json.dumps(document, indent=2) + "\n")
    released = (ROOT / "CHANGELOG.md").read_text()
    (folder / "CHANGELOG.md").write_text(with_pending(released, pending(version)))
    files = sorted(path for path in folder.iterdir() if path.name not in ("SHA256SUMS", ".gitignore"))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(sums))


def pending(version: str) -> str:
    """What the fragments say; empty without any, as after `make changelog`."""
    if not any((ROOT / "changelog.d").glob("[0-9]*.md")):
        return ""
    command = [sys.executable, "-m", "towncrier", "build", "--draft", "--version", version]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - of ours
    return done.stdout


def with_pending(released: str, text: str) -> str:
    """The changelog with a release more."""
    head, mark, rest = released.partition("<!-- releases -->\n")
    return f"{head}{mark}\n{text}{rest}" if text else released


if __name__ == "__main__":
    main(Path(sys.argv[1]))
