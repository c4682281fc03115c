"""What all tests share: the folders of the repository, the flag that updates goldens, and the guard of processes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
SEEDS = REPOSITORY.parent / "shared" / "seeds"
GOLDENS = REPOSITORY / "tests" / "goldens"
EXAMPLES = int(os.environ.get("RANDOM_EXAMPLES", "10"))
"""How many random flows to run in each test of them."""


os.environ.setdefault("FLOWC_CONTAINER", "local")
"""Machines of tests have no docker: what steps with `@container` run is a process."""

_STARTS_A_PROCESS = frozenset({"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"})
"""Python's audit events for it: https://docs.python.org/3/library/audit_events.html"""
_MAY_START_PROCESSES = ("process", "slow", "cluster", "airflow", "live", "oracle", "bench", "gangs")
"""The markers of all tests that the README's command leaves out."""
_unmarked: str | None = None
"""The test that runs and may not start a process."""
_starts: list[str] = []
"""What it has started in spite of that."""


def _refuse_processes(event: str, arguments: tuple[object, ...]) -> None:
    if _unmarked is not None and event in _STARTS_A_PROCESS:
        _starts.append(f"{event}: {str(arguments[:1])[:200]}")
        raise AssertionError(f"{_unmarked} starts a process and does not have the marker `process`")


sys.addaudithook(_refuse_processes)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep Python's collector away from the tests themselves, which are millions of objects and stay to the end.

    To walk them again and again took a quarter of the time of short tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Fail a test that starts a process and is none of those: the tests of the README's command start none."""
    global _unmarked  # noqa: PLW0603
    marked = any(item.get_closest_marker(name) for name in _MAY_START_PROCESSES)
    _unmarked = None if marked else item.nodeid
    try:
        return (yield)
    finally:
        _unmarked = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """Report a start whose exception the code under test has caught."""
    yield
    if _starts:
        started = ", ".join(_starts)
        _starts.clear()
        pytest.fail(f"{item.nodeid} does not have the marker `process`, and starts {started}", pytrace=False)


def examples_on(golden: str) -> dict[str, Path]:
    """The examples that a target can express, by name: those whose golden of that name is no list of diagnostics."""
    examples = sorted((REPOSITORY / "examples").glob("*.py"))
    return {path.stem: path for path in examples if (GOLDENS / path.stem / golden).is_file()}


def runs_on(golden: str) -> dict[str, Path]:
    """Those of them that end by themselves: no person is asked."""
    return {name: path for name, path in examples_on(golden).items() if "@approval" not in path.read_text()}


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
