"""Writes the flows of Metaflow's core suite, as its own harness makes them. Runs in `tests/oracle/env`.

    python -m tests.oracle.core_flows SUITE FOLDER

SUITE is `test/core` of Metaflow's repository. Each flow gets a folder; the last line of stdout is a JSON list of them.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def write_flows(suite: Path, folder: Path) -> list[dict[str, Any]]:
    """Write each pair of a graph and a test that fit; returns what is to be known of them to run them."""
    sys.path[:0] = [str(suite), str(suite / "metaflow_extensions")]
    formatter: Any = import_module("metaflow_test.formatter").FlowFormatter
    graphs = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((suite / "graphs").glob("*.json"))]
    found: list[dict[str, Any]] = []
    for test in _tests(suite):
        for graph in graphs:
            made = formatter(graph, test)
            if made.valid:
                name = f"{type(test).__name__}-{graph['name']}"
                _write(made, suite, folder / name)
                resume = [made.resume_step or ""] if made.should_resume else []
                found.append({"name": name, "flow": made.flow_name, "resume": resume, "fails": made.should_fail})
    return found


def _tests(suite: Path) -> list[Any]:
    base: Any = import_module("metaflow_test").MetaflowTest
    found: list[Any] = []
    for path in sorted((suite / "tests").glob("*.py")):
        module = import_module(f"tests.{path.stem}")
        classes = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, base)]
        found += [item() for item in classes if item.__module__ == module.__name__]
    return sorted(found, key=lambda test: test.PRIORITY)


def _write(made: Any, suite: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "test_flow.py").write_text(made.flow_code, encoding="utf-8")
    for name in made.copy_files:
        shutil.copy2(suite / "tests" / name, folder)
    shutil.copytree(suite / "metaflow_test", folder / "metaflow_test")


if __name__ == "__main__":
    # `tests` is the suite's own package here.
    sys.path[:] = [path for path in sys.path if not (Path(path) / "tests" / "oracle").exists()]
    for name in [name for name in sys.modules if name == "tests" or name.startswith("tests.")]:
        del sys.modules[name]
    print(json.dumps(write_flows(Path(sys.argv[1]), Path(sys.argv[2]))))
