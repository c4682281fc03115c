"""A sample of the bombs in CI; `python -m tests.trials.bombs` tries all of them."""

from __future__ import annotations

import random

import pytest

from tests.trials.bombs import Bomb, bombs, check

SAMPLE = random.Random(17).sample(list(bombs()), 12)
ALWAYS = ("lists_of_lists.pipeline", "sorted_again.pipeline", "equal_hashes_of_a_range.module", "yaml_aliases.config")
SLOWDOWN = 3
"""How many times as long as flowc promises a busy machine may take: what goes off takes all it gets."""


@pytest.mark.process
@pytest.mark.parametrize(
    "bomb", [*(item for item in bombs() if item.name in ALWAYS), *SAMPLE], ids=lambda bomb: bomb.name
)
def test_a_bomb_does_not_go_off(bomb: Bomb) -> None:
    outcome = check(bomb)
    assert outcome._replace(seconds=outcome.seconds / SLOWDOWN).problem is None, outcome
