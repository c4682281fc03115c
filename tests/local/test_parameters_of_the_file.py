"""`os.environ["METAFLOW_RUN_X"] = ...` in a flow's file, which Metaflow executes before it reads its command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files

FLOW = """
    import os
    from metaflow import FlowSpec, Parameter, step

    os.environ["METAFLOW_RUN_LEARNING_RATE"] = "0.5"
    os.environ.setdefault("METAFLOW_RUN_N", "7")

    class Chosen(FlowSpec):
        rate = Parameter("learning-rate", default=0.1)
        n = Parameter("n", type=int, default=1)
        other = Parameter("other", default="o")

        @step
        def start(self):
            print("chosen", self.rate, self.n, self.other, self._current_step)
            self.next(self.end)

        @step
        def end(self):
            print("later", self.rate, self.n)

    if __name__ == "__main__":
        Chosen()
"""


@pytest.mark.process
def test_what_the_file_sets_counts_as_given(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW})
    done = flowc(tmp_path, "run", "flow.py")
    assert done.returncode == 0, done.stderr
    assert "chosen 0.5 7 o start" in done.stdout
    assert "later 0.5 7" in done.stdout
    assert "chosen 0.2 7 o" in flowc(tmp_path, "run", "flow.py", "--learning-rate", "0.2").stdout
