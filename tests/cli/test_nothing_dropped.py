"""What the command line and pyproject.toml give is used, or reported: FC506 without effect, FC507 twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import flowc, write_files

FLOW = """
    from flowc import FlowSpec, Parameter, pypi, retry, step


    class Small(FlowSpec):
        n = Parameter("n", default=1)

        @retry(times=1)
        @step
        def start(self):
            self.next(self.end)

        @pypi(packages={"six": "1.16.0"})
        @retry(times=1)
        @step
        def end(self):
            pass
"""
PIPELINE = """
    from flowc import pipeline, retry, step


    @retry(times=1)
    @step
    def one() -> int:
        return 1


    @pipeline
    def small():
        one()
"""
COMPILE = ("compile", "flow.py", "--root", "s3://bucket/prefix", "-o", "out.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, {"flow.py": FLOW, "pipe.py": PIPELINE})
    return tmp_path


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (
            (*COMPILE, "--set", "concurrency_policy=Forbid"),
            "option concurrency_policy has no effect with kind=workflow",
        ),
        (
            (*COMPILE, "--kind", "template", "--set", "timezone=Europe/Berlin"),
            "timezone has no effect with kind=template",
        ),
        ((*COMPILE, "--kind", "template", "--set", "event_source=x"), "event_source has no effect on a flow without"),
        (
            (*COMPILE, "-t", "airflow", "--operator", "local", "-n", "team"),
            "namespace has no effect where tasks are proc",
        ),
        ((*COMPILE, "-t", "airflow", "--set", "dags_folder=x"), "dags_folder has no effect on what is compiled"),
        ((*COMPILE, "--with", "retry:times=5"), "`--with retry` has no effect: every step has @retry itself"),
        (("check", "pipe.py", "--with", "retry"), "`--with retry` has no effect"),
        (("check", "flow.py", "--diff", "--format", "json"), "--format has no effect with --diff"),
        (("ir", "flow.py", "--schema"), "has no effect with --schema"),
        (
            ("image", "flow.py", "--no-lock", "--conda-base", "mamba:1"),
            "--conda-base has no effect: no step has packages of conda",
        ),
    ],
)
def test_options_without_effect(folder: Path, command: tuple[str, ...], says: str) -> None:
    done = flowc(folder, *command)
    assert done.returncode == 0, done.stderr
    assert "warning[FC506]" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        (("check", "flow.py", "-p", "n=1", "-p", "N=1"), 2, "parameter `n` is given twice"),
        (("run", "flow.py", "--n", "1", "-p", "n=2"), 2, "parameter `n` is given twice"),
        ((*COMPILE, "--set", "tags=a", "--set", "tags=b"), 2, "option tags is given twice"),
        ((*COMPILE, "--image", "a:1", "--set", "image=b:1"), 2, "option image is given twice"),
        ((*COMPILE, "--env", "A=1", "--env", "A=2"), 2, "`--env A` is given twice"),
        (("check", "flow.py", "--with", "resources:memory=1,memory=2"), 2, "`memory` is given twice"),
        ((*COMPILE, "--image", "a:1", "--image", "b:1"), 0, "--image is given twice, and the last one counts"),
    ],
)
def test_options_given_twice(folder: Path, command: tuple[str, ...], code: int, says: str) -> None:
    done = flowc(folder, *command)
    assert done.returncode == code, done.stderr
    assert "[FC507]" in done.stderr
    assert says in done.stderr


@pytest.mark.parametrize("arguments", ["memory=", "memory", "memory=,cpu=2", "cpu=2,memory="])
def test_arguments_of_with_without_a_value(folder: Path, arguments: str) -> None:
    done = flowc(folder, "check", "flow.py", "--with", f"resources:{arguments}")
    assert done.returncode == 2
    assert "`memory` has no value" in done.stderr


@pytest.mark.parametrize(
    ("settings", "options", "expected"),
    [
        ("[tool.flowc.argo]\nsuspend = true\n", (), ["suspend"]),
        ('[tool.flowc.argo]\nkind = "cron"\nschedule = "0 5 * * *"\nsuspend = true\n', (), []),
        ('[tool.flowc.argo]\nkind = "cron"\nschedule = "0 5 * * *"\n', ("--kind", "workflow"), ["schedule"]),
        ('[tool.flowc.argo]\nkind = "template"\nevent_source = "x"\n', (), []),
        ('[tool.flowc.airflow]\noperator = "local"\nin_cluster = true\n', ("-t", "airflow"), ["in_cluster"]),
        ('[tool.flowc]\nnamespace = "team"\n[tool.flowc.airflow]\noperator = "local"\n', ("-t", "airflow"), []),
    ],
)
def test_settings_without_effect(folder: Path, settings: str, options: tuple[str, ...], expected: list[str]) -> None:
    """What depends on the kind is reported; what other flows or targets may need is not."""
    (folder / "pyproject.toml").write_text(settings)
    done = flowc(folder, *COMPILE, *options)
    assert done.returncode == 0, done.stderr
    assert [line.split()[2] for line in done.stderr.splitlines() if "[FC506]" in line] == expected


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ('[tool.flowc]\nargo = "x"\n', "FC505"),
        ("[tool.flowc]\nrun = 3\n", "FC505"),
        ("[tool.flowc.argoo]\nkind = 'cron'\n", "FC504"),
        ("[tool.flowc.argo]\nkindd = 'cron'\n", "FC504"),
    ],
)
def test_settings_that_nothing_reads(folder: Path, settings: str, code: str) -> None:
    (folder / "pyproject.toml").write_text(settings)
    done = flowc(folder, *COMPILE)
    assert done.returncode == 2
    assert f"error[{code}]" in done.stderr


def test_what_a_deployed_flow_cannot_take(folder: Path) -> None:
    done = flowc(folder, "submit", "--from", "template/x", "--flow", "Small", "--branch", "b", "--env", "A=1")
    assert done.returncode == 2
    assert "--flow, --branch, --env can only be compiled into it" in done.stderr
