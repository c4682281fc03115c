"""`flowc diff`: against a commit, compiled files, and a cluster; and what a changed comment changes in files."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from flowc_cli.diffing import other_version
from tests.support import flowc, write_files, yaml_documents

FLOW = """
    from flowc import FlowSpec, kubernetes, resources, schedule, step
    import helper


    class F(FlowSpec):
        @resources(cpu=1)
        @step
        def start(self):
            # a comment
            self.x = helper.one()
            self.next(self.end)

        @step
        def end(self):
            print(self.x)
    """
HELPER = "def one():\n    return 1\n"
COMPILE = ["--root", "s3://b/p"]
EDITS = {
    "a comment": ("# a comment", "# another comment", ["code:", "flow.py: 1 line added, 1 removed"]),
    "a resource": ("cpu=1", "cpu=2", ["specs:", "start: resources.requests.cpu 2, before 1"]),
    "placement": (
        "@resources(cpu=1)",
        '@kubernetes(cpu=1, node_selector={"disk": "ssd"})',
        ["placement:", "start: nodeSelector.disk ssd, which was not set"],
    ),
    "an image": (
        "@resources(cpu=1)",
        '@kubernetes(cpu=1, image="ml:2")',
        ["specs:", "start: image ml:2, before python"],
    ),
    "a step": (
        "self.next(self.end)\n",
        "self.next(self.more)\n\n    @step\n    def more(self):\n        self.next(self.end)\n",
        ["steps:", "more is new (linear, leads to end)", "start: leads to more, before end"],
    ),
    "a foreach": (
        "self.next(self.end)\n",
        'self.items = [1]\n        self.next(self.body, foreach="items")\n\n    @step\n    def body(self):\n'
        "        self.next(self.join)\n\n    @step\n    def join(self, inputs):\n        self.x = 1\n"
        "        self.next(self.end)\n",
        ["start: kind foreach, before linear", "start: foreach_var items, which was not set"],
    ),
    "another flow's helper": ("helper.one()", "helper.one() + 1", ["flow.py: 1 line added, 1 removed"]),
}
GIT = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, **GIT}
    )
    return done.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_files(tmp_path, {"flows/flow.py": FLOW, "flows/helper.py": HELPER})
    return tmp_path


def edit(project: Path, old: str, new: str, name: str = "flow.py") -> None:
    text = (project / "flows" / name).read_text()
    assert old in text
    (project / "flows" / name).write_text(text.replace(old, new))


def differences(project: Path, *options: str) -> tuple[int, str]:
    done = flowc(project, "diff", "flows/flow.py", *COMPILE, *options)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, done.stdout


@pytest.mark.parametrize("case", EDITS)
def test_changes_against_a_folder(case: str, project: Path) -> None:
    old, new, wanted = EDITS[case]
    assert flowc(project, "compile", "flows", *COMPILE, "-o", "out/", "--kind", "template").returncode == 0
    assert differences(project, "--against", "out") == (0, "F is the same as in out\n")
    edit(project, old, new)
    code, text = differences(project, "--against", "out")
    assert code == 1
    assert all(line in text for line in wanted), text
    found = json.loads(differences(project, "--against", "out", "--json")[1])
    assert not found["same"]
    assert {item["area"] for item in found["changes"]} >= {line[:-1] for line in wanted if line.endswith(":")}


def test_steps_that_share_a_pod(project: Path) -> None:
    edit(project, *EDITS["a foreach"][:2])
    assert flowc(project, "compile", "flows", *COMPILE, "-o", "out/").returncode == 0
    code, text = differences(project, "--against", "out", "--batch", "start=50x2")
    assert code == 1
    assert "body: items of a pod 50, which was not set" in text
    assert "body: tasks of a pod at a time 2, which was not set" in text
    assert "body: retryStrategy.limit 3, which was not set" in text


def test_the_namespace(project: Path) -> None:
    assert flowc(project, "compile", "flows", *COMPILE, "-n", "one", "-o", "out/").returncode == 0
    assert differences(project, "--against", "out", "-n", "one")[0] == 0
    code, text = differences(project, "--against", "out", "-n", "two")
    assert code == 1
    assert "namespace two, before one" in text


@pytest.mark.parametrize(("target", "kinds"), [("argo", ["template", "template"]), ("airflow", ["", ""])])
def test_a_folder_with_several_versions_is_refused(target: str, kinds: list[str], project: Path) -> None:
    for environment, kind in zip(["dev", "prod"], kinds, strict=True):
        options = ["--kind", kind] if kind else []
        done = flowc(project, "compile", "flows", *COMPILE, "-t", target, *options, "-o", f"out/{environment}/")
        assert done.returncode == 0, done.stderr
    done = flowc(project, "diff", "flows/flow.py", *COMPILE, "-t", target, "--against", "out")
    assert done.returncode == 2
    assert all(f"out/{environment}/" in done.stderr for environment in ("dev", "prod")), done.stderr
    assert differences(project, "-t", target, "--against", "out/dev")[0] == 0


def test_a_folder_with_deployments_of_two_kinds(project: Path) -> None:
    schedule = ("--set", "schedule=0 5 * * *")
    for kind, options in (("template", ()), ("cron", schedule)):
        done = flowc(project, "compile", "flows", *COMPILE, "--kind", kind, *options, "-o", f"out/{kind}/")
        assert done.returncode == 0, done.stderr
    assert differences(project, "--against", "out", *schedule)[0] == 0


def test_the_kind_by_the_schedule(project: Path) -> None:
    edit(project, "\nclass F(", '\n@schedule(cron="0 5 * * *")\nclass F(')
    plain = (project / "flows/flow.py").read_text().replace('@schedule(cron="0 5 * * *")\n', "").replace("F(", "G(")
    (project / "flows/plain.py").write_text(plain)
    deployment = ["--kind", "deployment"]
    done = flowc(project, "compile", "flows", *COMPILE, *deployment, "-o", "out/", "--kustomize")
    assert (done.returncode, done.stderr) == (0, "")
    assert "kind: CronWorkflow" in (project / "out/f.yaml").read_text()
    assert "kind: WorkflowTemplate" in (project / "out/g.yaml").read_text()
    assert differences(project, "--against", "out", *deployment)[0] == 0
    (project / "flowc.toml").write_text(
        'root = "s3://b/p"\n[argo]\nkind = "deployment"\nconcurrency_policy = "Forbid"\n'
    )
    done = flowc(project, "check", "flows", "--target", "argo")
    assert (done.returncode, done.stderr) == (0, "no errors in 2 files\n")


def test_a_folder_of_dag_files(project: Path) -> None:
    assert flowc(project, "compile", "flows", *COMPILE, "-t", "airflow", "-o", "dags/").returncode == 0
    airflow = ("-t", "airflow", "--against", "dags")
    assert differences(project, *airflow)[0] == 0
    for case in ("a comment", "a step"):
        edit(project, *EDITS[case][:2])
    code, text = differences(project, *airflow)
    assert code == 1
    assert "more is new (linear, leads to end)" in text
    assert "+        # another comment" in text


@pytest.mark.process
def test_changes_against_a_commit(project: Path) -> None:
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    assert differences(project)[0] == 0
    edit(project, "return 1", "return 2", "helper.py")
    edit(project, *EDITS["a resource"][:2])
    for options in ((), ("--against", "HEAD"), ("-t", "airflow")):
        code, text = differences(project, *options)
        assert code == 1
        assert "helper.py: 1 line added, 1 removed" in text
        assert "-    return 1" in text
    git(project, "commit", "-qam", "two")
    assert differences(project)[0] == 0
    assert differences(project, "--against", "HEAD~1")[0] == 1
    assert git(project, "status", "--porcelain") == ""
    (project / "flows/new.py").write_text((project / "flows/flow.py").read_text())
    done = flowc(project, "diff", "flows/new.py")
    assert done.returncode == 1
    assert "all of it is new" in done.stdout
    for against, wanted in {"nothing": "is no commit", "--help": "is no commit", "flows": "is no commit"}.items():
        done = flowc(project, "diff", "flows/flow.py", f"--against={against}")
        assert done.returncode == 2, done.stdout
        assert wanted in done.stderr


NAMED_FILES = """
    from flowc import Config, FlowSpec, IncludeFile, kubernetes, pypi, step


    class F(FlowSpec):
        table = IncludeFile("table", default="data/table.csv")
        config = Config("config", default="configs/prod.json")

        @pypi(packages={"pandas": ""})
        @kubernetes(cpu=config.cpu)
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            print(self.table)
    """


@pytest.mark.process
def test_files_that_a_flow_names_are_those_of_the_commit(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"flows/flow.py": NAMED_FILES, "data/table.csv": "1\n", "configs/prod.json": '{"cpu": 1}', "flowc.toml": ""},
    )
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one")
    code, text = differences(tmp_path)
    assert (code, text) == (0, "F is the same as in HEAD\n")
    (tmp_path / "configs/prod.json").write_text('{"cpu": 2}')
    (tmp_path / "data/table.csv").write_text("2\n")
    code, text = differences(tmp_path)
    assert code == 1
    assert "start: resources.requests.cpu 2, before 1" in text
    (tmp_path / "data/table.csv").unlink()
    git(tmp_path, "commit", "-qam", "two")
    (tmp_path / "data/table.csv").write_text("2\n")
    done = flowc(tmp_path, "diff", "flows/flow.py", *COMPILE)
    assert done.returncode == 2
    assert "does not compile as `HEAD` has it: parameter `table`: the default file" in done.stderr, done.stderr


def test_wrong_input(project: Path) -> None:
    (project / "bad").mkdir()
    (project / "bad/x.yaml").write_text("# Made by flowc from x.\na: [")
    done = flowc(project, "diff", "flows/flow.py", *COMPILE, "--against", "bad")
    assert done.returncode == 2
    assert "is no YAML" in done.stderr
    (project / "bad/x.yaml").write_text("# Made by flowc from x.\na: 1\n")
    assert "all of it is new" in differences(project, "--against", "bad")[1]
    assert flowc(project, "diff", "flows/none.py").returncode == 2
    assert flowc(project, "diff", "flows/flow.py", "-t", "airflow", "--against", "cluster", *COMPILE).returncode == 2
    assert flowc(project, "diff", "flows/flow.py", "-t", "argoo").returncode == 2


def deployed(project: Path, *options: str) -> list[dict[str, Any]]:
    """The objects of a flow as a server has them: with fields of its own, and without a kind in lists."""
    done = flowc(project, "compile", "flows/flow.py", *COMPILE, *options)
    assert done.returncode == 0, done.stderr
    objects = yaml_documents(done.stdout)
    for item in objects:
        own = {"uid": "u", "resourceVersion": "1", "creationTimestamp": "2026-01-01T00:00:00Z", "namespace": "team"}
        item["metadata"] |= own
        item["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"} | item[
            "metadata"
        ].get("annotations", {})
    return objects


@pytest.mark.parametrize("kind", ["workflow", "template", "cron"])
def test_what_a_cluster_has(kind: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The listing of kubectl is stood in for; tests/cluster/test_gitops.py asks a real one."""
    options = ["--kind", kind, *(["--set", "schedule=0 5 * * *"] if kind == "cron" else [])]
    objects = deployed(project, *options)

    def listed(plural: str, namespace: str | None, *selector: str) -> list[dict[str, Any]]:
        assert namespace == "team"
        assert selector[0] == "-l"
        return [item for item in objects if f"{item['kind'].lower()}s" == plural.partition(".")[0]]

    monkeypatch.setattr("flowc_targets.kubernetes.kubectl.list_objects", listed)
    schedule = options[2:]
    against = ("--against", "cluster", "-n", "team", *schedule)
    assert differences(project, *against)[0] == 0
    edit(project, *EDITS["a comment"][:2])
    code, text = differences(project, *against)
    assert code == 1
    assert text.count("\n") <= 10
    assert len(text.encode()) <= 2048
    if kind == "cron":
        found = json.loads(
            differences(project, "--against", "cluster", "-n", "team", "--set", "schedule=1 5 * * *", "--json")[1]
        )
        assert [item["name"] for item in found["changes"] if item["area"] == "deployment"] == ["schedules"]


@pytest.mark.process
@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_a_changed_comment_in_written_files(target: str, project: Path) -> None:
    compile_ = ("compile", "flows", *COMPILE, "-t", target, "-o", "out/")
    assert flowc(project, *compile_).returncode == 0
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "one")
    edit(project, *EDITS["a comment"][:2])
    assert flowc(project, *compile_).returncode == 0
    changed = git(project, "diff", "-U0", "--", "out")
    lines = [line for line in changed.splitlines() if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    assert 0 < len(lines) <= 20  # ten lines, each before and after
    assert sum(line.startswith("+") for line in lines) <= 10
    assert len(changed.encode()) <= 2048


def test_compile_removes_nothing_that_it_did_not_write(project: Path) -> None:
    mine = {"out/mine.yaml": "a: 1\n", "out/kustomization.yaml": "resources: []\n", "out/sub/flow.yaml": "x\n"}
    write_files(project, mine)
    for options in ([], ["--kind", "template"], ["-t", "airflow"]):
        assert flowc(project, "compile", "flows", *COMPILE, "-o", "out/", *options).returncode == 0
        assert flowc(project, "compile", "flows", *COMPILE, "-o", "out/", *options, "--check").returncode == 0
    written = {path.name for path in (project / "out").rglob("*") if path.is_file()}
    edit(project, *EDITS["a comment"][:2])
    assert flowc(project, "compile", "flows", *COMPILE, "-o", "out/", "--check").returncode == 1
    assert {path.name for path in (project / "out").rglob("*") if path.is_file()} == written
    assert all((project / name).read_text() == text for name, text in mine.items())


def test_snapshots_of_nothing() -> None:
    assert other_version.of_emitted((), "F", "argo") is None
