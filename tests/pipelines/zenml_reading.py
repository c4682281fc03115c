"""In ZenML's own environment: runs the pipeline `main` of each file, and writes what came of it as JSON.

    python -m tests.pipelines.zenml_reading ANSWERS FILE...

One process runs all of them: ZenML takes seconds to begin.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the files, each a module of the current folder."""
    answers, *files = sys.argv[1:]
    sys.path.insert(0, str(Path.cwd()))
    client: Any = import_module("zenml.client").Client()
    Path(answers).write_text(json.dumps({Path(file).stem: _ask(client, Path(file).stem) for file in files}))


def _ask(client: Any, name: str) -> dict[str, Any]:
    before = {run.id for run in client.list_pipeline_runs(size=1000).items}
    error, out = None, io.StringIO()
    sys.argv = [f"{name}.py"]  # some read their command line
    with contextlib.redirect_stdout(out):
        try:
            import_module(name).main()
        except SystemExit as ended:  # of a program that reads its command line
            error = f"SystemExit: {ended.code}" if ended.code else None
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    runs = [run for run in client.list_pipeline_runs(size=1000).items if run.id not in before]
    steps: dict[str, Any] = client.get_pipeline_run(runs[0].id).steps if runs else {}
    return {"error": error, "out": out.getvalue(), "steps": {key: _step(step) for key, step in steps.items()}}


def _step(step: Any) -> dict[str, Any]:
    outputs = {name: repr(found[0].load()) for name, found in step.outputs.items()}
    return {"status": str(step.status), "outputs": outputs, "after": sorted(step.spec.upstream_steps)}


if __name__ == "__main__":
    main()
