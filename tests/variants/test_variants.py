"""A sample of each table of variants, by `flowc run` and `flowc simulate`. `tests/variants/run` runs them whole."""

from __future__ import annotations

import pytest

from tests.oracle.asking import ENVIRONMENT
from tests.variants.__main__ import TABLES, differences, table
from tests.variants.variant import Variant

SAMPLE = 1
"""Variants of each table."""


def _sample() -> dict[str, Variant]:
    """Variants spread over each table, by the names of both; only those whose right answer can be had here."""
    found: dict[str, Variant] = {}
    for name in TABLES:
        asked = [item for item in table(name) if _answerable(item)]
        step = max(1, len(asked) // SAMPLE)
        found |= {f"{name}-{item.name}": item for item in asked[::step][:SAMPLE]}
    return found


def _answerable(variant: Variant) -> bool:
    known = variant.expected is not None or variant.refused is not None
    return known or variant.oracle == "python" or (ENVIRONMENT / "ready").exists()


SAMPLED = _sample()


@pytest.mark.process
@pytest.mark.parametrize("name", SAMPLED)
def test_the_answers_are_the_same(name: str) -> None:
    assert not differences(SAMPLED[name], ["here", "simulate"])
