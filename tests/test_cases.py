"""Every folder of tests/cases/, as `lakescope test tests/cases` runs it.

After a wanted change: ``python -m tests.test_cases`` rewrites the expectations, for review.
"""

from pathlib import Path

import pytest

from lakescope.app.cases import Case, find
from lakescope.core.plugins import formats
from lakescope.pipeline.normalise import Normaliser
from lakescope.transformers.enrichment import Enrichment

CASES = sorted(find(Path(__file__).parent / "cases"), key=lambda case: case.path)
NORMALISER = Normaliser(formats(), Enrichment())


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.format}-{case.path.name}")
def test_case(case: Case) -> None:
    differences = case.differences(NORMALISER)
    assert not differences, "\n".join(differences)


if __name__ == "__main__":
    for case in CASES:
        case.accept(NORMALISER)
