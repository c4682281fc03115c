"""Variables of Metaflow's: they count as they do there, or a warning says what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_cli.metaflow_variables import UNREAD, UNREAD_FOR_PODS
from tests.support import flowc

pytestmark = pytest.mark.process

FLOW = """
from metaflow import FlowSpec, current, get_namespace, step{IMPORT}

{PROJECT}
class Named(FlowSpec):
    @step
    def start(self):
        print("RESULT", current.get("branch_name"), current.get("is_production"), get_namespace(), current.tempdir)
        if current.retry_count == 0:
            raise ValueError("once")
        self.next(self.end)

    @step
    def end(self):
        pass
"""


def ran(folder: Path, project: str = '@project(name="shop")', **variables: str) -> tuple[str, str]:
    """What `flowc run` printed of the task that went well, and what it said."""
    text = FLOW.replace("{IMPORT}", ", project" if project else "").replace("{PROJECT}", project)
    (folder / "flow.py").write_text(text)
    done = flowc(folder, "run", "flow.py", METAFLOW_USER="ann", METAFLOW_DEFAULT_DECOSPECS="retry:times=1", **variables)
    results = [line.partition("RESULT ")[2] for line in done.stdout.splitlines() if "RESULT" in line]
    return results[-1] if results else "", done.stderr


@pytest.mark.parametrize(
    ("variables", "branch"),
    [
        ({}, "user.ann False"),
        ({"METAFLOW_BRANCH": "dev"}, "test.dev False"),
        ({"METAFLOW_PRODUCTION": "1"}, "prod True"),
        ({"METAFLOW_PRODUCTION": "false"}, "user.ann False"),
        ({"METAFLOW_BRANCH": "dev", "METAFLOW_PRODUCTION": "yes"}, "prod.dev True"),
        ({"METAFLOW_OWNER": "bob"}, "user.bob False"),
    ],
)
def test_the_branch(tmp_path: Path, variables: dict[str, str], branch: str) -> None:
    """As real Metaflow 2.19 has it, each of these."""
    assert ran(tmp_path, **variables)[0].startswith(branch)


def test_a_branch_of_no_project_does_not_count(tmp_path: Path) -> None:
    result, said = ran(tmp_path, "", METAFLOW_BRANCH="dev", METAFLOW_PRODUCTION="what")
    assert result.startswith("None None user:ann")
    assert "FC" not in said


def test_wrong_values_are_errors(tmp_path: Path) -> None:
    assert "METAFLOW_PRODUCTION='what' is not a boolean" in ran(tmp_path, METAFLOW_PRODUCTION="what")[1]
    said = ran(tmp_path, '@project(name="shop", branch="other")', METAFLOW_BRANCH="dev")[1]
    assert "--branch contradicts `branch` of @project" in said


def test_what_else_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWC_NAMESPACE", "")  # the command sets it: this test's end resets it
    result, said = ran(tmp_path, METAFLOW_RUN_USER_NAMESPACE="team", METAFLOW_TEMPDIR="/some/where")
    assert result == "user.ann False team /some/where"
    assert "retry" not in said
    assert "attempt 1 begins" in said, "METAFLOW_DEFAULT_DECOSPECS"
    _, said = ran(tmp_path, METAFLOW_DECOSPECS="nothing")
    assert "[FC401]" in said or "[FC403]" in said or "nothing" in said


def test_what_does_not_count_is_reported_once(tmp_path: Path) -> None:
    variables = {f"METAFLOW_{name}": "x" for name in (*UNREAD, *UNREAD_FOR_PODS)}
    _, said = ran(tmp_path, **variables)
    shown = [name for name in variables if name in said]
    assert shown == [f"METAFLOW_{name}" for name in UNREAD if not name.startswith("RESUME_")]
    assert said.count("warning[FC302]") == len({UNREAD[name.removeprefix("METAFLOW_")] for name in shown})
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "-o", "flow.yaml", **variables)
    assert done.returncode == 0
    shown = [name for name in variables if name in done.stderr]
    assert len(shown) == len([name for name in variables if "_RUN_" not in name and "_RESUME_" not in name])


def test_what_asks_for_what_flowc_does_is_silent(tmp_path: Path) -> None:
    quiet = {
        "METAFLOW_DEFAULT_DATASTORE": "local",
        "METAFLOW_DEFAULT_METADATA": "local",
        "METAFLOW_S3_ENDPOINT_URL": "",
    }
    assert "FC302" not in ran(tmp_path, **quiet)[1]
    text = FLOW.replace("from metaflow", "from flowc").replace("{IMPORT}", "").replace("{PROJECT}", "")
    (tmp_path / "flow.py").write_text(text)
    assert "FC302" not in flowc(tmp_path, "run", "flow.py", METAFLOW_PROFILE="x").stderr
