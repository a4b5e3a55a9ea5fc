"""Colours that everybody can read."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from lakescope.dashboards.theme import CSS, DARK, LIGHT, Theme, css

THEMES = {"light": LIGHT, "dark": DARK}


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_texts_have_the_contrast_of_wcag_aa(theme: Theme) -> None:
    inks = (theme.ink, theme.muted, theme.good_ink, theme.warning_ink, theme.critical_ink)
    pairs = [(ink, ground) for ink in inks for ground in (theme.page, theme.card)]
    cells = [theme.fill(level, 1.0) for level in ("good", "warning", "critical", None)]
    pairs += [(ink, ground) for ground, ink in cells]
    assert {pair: round(contrast(*pair), 2) for pair in pairs if contrast(*pair) < 4.5} == {}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_what_must_be_seen_has_the_contrast_of_wcag_aa_for_graphics(theme: Theme) -> None:
    marks = [*theme.series, theme.good, theme.critical, theme.edge]
    assert {
        mark: round(contrast(mark, theme.card), 2) for mark in marks if contrast(mark, theme.card) < 3
    } == {}


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_series_differ_for_the_colour_blind(theme: Theme) -> None:
    """By the usual linear approximations of deuteranopia and protanopia, in plain RGB."""
    for matrix in (
        ((0.625, 0.375, 0.0), (0.7, 0.3, 0.0), (0.0, 0.3, 0.7)),
        ((0.567, 0.433, 0.0), (0.558, 0.442, 0.0), (0.0, 0.242, 0.758)),
    ):
        seen = []
        for colour in theme.series:
            rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
            seen.append([sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix])
        nearest = min(
            sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5 for pair in combinations(seen, 2)
        )
        assert nearest > 25, (matrix, nearest)


def test_the_page_has_every_colour_that_the_charts_name() -> None:
    defined = set(re.findall(r"(--[\w-]+):", css()))
    named = {value[4:-1] for value in (getattr(CSS, field) for field in CSS.__struct_fields__)}
    assert named == defined
    assert CSS.tint(CSS.good, 0.5) == "color-mix(in srgb, var(--good) 50%, var(--card))"
    assert LIGHT.tint("#000000", 0.5) == "#808080"
