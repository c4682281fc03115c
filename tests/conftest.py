"""What all tests share: the folders of the repository, and the flag that updates goldens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SEEDS = REPOSITORY.parent / "shared" / "seeds"
GOLDENS = REPOSITORY / "tests" / "goldens"
EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "10"))
"""How many random flows to run in each test of them."""


def examples_on(golden: str) -> dict[str, Path]:
    """The examples that a target can express, by name: those whose golden of that name is no list of diagnostics."""
    examples = sorted((REPOSITORY / "examples").glob("*.py"))
    return {path.stem: path for path in examples if (GOLDENS / path.stem / golden).is_file()}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-goldens", action="store_true", help="write the golden files instead of comparing them")


@pytest.fixture
def update_goldens(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-goldens"))


@pytest.fixture(scope="session")
def seed_flow() -> Path:
    """The seed `parallel_trees.py`, where this checkout has it beside it."""
    path = SEEDS / "flows" / "parallel_trees.py"
    if not path.is_file():
        pytest.skip(f"the seed {path} is not here")
    return path
