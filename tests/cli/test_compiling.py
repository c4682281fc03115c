"""The commands that compile, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests import support

BAD = Path(__file__).parents[1] / "compiler" / "bad"
GOOD = """\
from flowc import FlowSpec, resources, step


class Small(FlowSpec):
    @resources(cpu=0.1)
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Small()
"""
VALUED = """\
from flowc import FlowSpec, IncludeFile, JSONType, Parameter, step


class Valued(FlowSpec):
    items = Parameter("n-items", default=3)
    rate = Parameter("rate", default=0.5)
    who = Parameter("who", required=True)
    values = Parameter("list", type=JSONType, default="[1]")
    data = IncludeFile("data", required=False)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "small.py"
    path.write_text(GOOD)
    return path


def flowc(*arguments: str | Path) -> CompletedProcess[str]:
    return support.flowc(Path.cwd(), *arguments)


def test_check_of_a_good_file(good: Path) -> None:
    result = flowc("check", good)
    assert result.returncode == 0
    assert "flow Small, 4 steps, no errors" in result.stderr
    assert not result.stdout


def test_check_shows_the_line_and_the_way_out() -> None:
    result = flowc("check", BAD / "fc201_unknown_step.py")
    assert result.returncode == 2
    assert "error[FC201]" in result.stderr
    assert "fc201_unknown_step.py:7:19" in result.stderr
    assert "        self.next(self.ned)" in result.stderr
    assert "^^^^^^^^" in result.stderr
    assert "= help: did you mean `end`?" in result.stderr


def test_check_as_json() -> None:
    result = flowc("check", BAD / "fc201_unknown_step.py", "--format", "json")
    assert result.returncode == 2
    [diagnostic] = json.loads(result.stdout)["diagnostics"]
    assert diagnostic["code"] == "FC201"
    assert diagnostic["span"]["line"] == 7


def test_check_as_sarif() -> None:
    result = flowc("check", BAD / "fc404_values.py", "--format", "sarif")
    log = json.loads(result.stdout)
    [run] = log["runs"]
    assert {entry["ruleId"] for entry in run["results"]} == {"FC404"}
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 5


def test_check_as_github_commands() -> None:
    result = flowc("check", BAD / "fc202_missing_next.py", "--format", "github")
    assert result.stdout.startswith("::error file=")
    assert "line=6,col=5" in result.stdout


def test_check_for_every_target(good: Path) -> None:
    result = flowc("check", good, "--target", "argo", "--target", "airflow")
    assert result.returncode == 0, result.stderr


def test_unknown_target(good: Path) -> None:
    result = flowc("compile", good, "--target", "slurm")
    assert result.returncode == 2
    assert "FC504" in result.stderr
    assert "argo" in result.stderr


def test_unknown_option_and_wrong_value(good: Path) -> None:
    assert "FC504" in flowc("compile", good, "--root", "s3://b", "--set", "colour=red").stderr
    assert "FC504" in flowc("compile", good, "--root", "s3://b", "--operator", "local").stderr
    assert "FC505" in flowc("compile", good, "--root", "s3://b", "--kind", "job").stderr
    assert "FC505" in flowc("compile", good, "--root", "s3://b", "--env", "A").stderr


def test_output_is_untouched_by_a_failed_compile(tmp_path: Path) -> None:
    output = tmp_path / "flow.yaml"
    output.write_text("as it was")
    result = flowc("compile", BAD / "fc201_unknown_step.py", "--root", "s3://b/p", "-o", output)
    assert result.returncode == 2
    assert output.read_text() == "as it was"
    assert [path.name for path in tmp_path.iterdir()] == ["flow.yaml"]


def test_output_is_written_whole(good: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "flow.yaml"
    result = flowc("compile", good, "--root", "s3://b/p", "-o", output)
    assert result.returncode == 0, result.stderr
    assert output.read_text() == flowc("compile", good, "--root", "s3://b/p").stdout
    assert [path.name for path in output.parent.iterdir()] == ["flow.yaml"]


def test_unwritable_output(good: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = flowc("compile", good, "--root", "s3://b/p", "-o", tmp_path / "file" / "flow.yaml")
    assert result.returncode == 2
    assert "FC603" in result.stderr


def test_options_of_pyproject(good: Path) -> None:
    pyproject = good.parent / "pyproject.toml"
    pyproject.write_text('[tool.flowc]\nroot = "s3://b/p"\nimage = "a:1"\n[tool.flowc.argo]\nimage = "b:2"\n')
    assert "b:2" in flowc("compile", good).stdout
    assert "c:3" in flowc("compile", good, "--image", "c:3").stdout
    pyproject.write_text('[tool.flowc]\nroot = "s3://b/p"\nimagee = "a:1"\n')
    assert "imagee" in flowc("compile", good).stderr
    pyproject.write_text("[tool.flowc\n")
    assert "FC505" in flowc("compile", good).stderr


def test_ir_and_its_schema(good: Path) -> None:
    ir = json.loads(flowc("ir", good).stdout)
    assert [scope["id"] for scope in ir["scopes"]] == ["root", "start"]
    schema = json.loads(flowc("ir", "--schema").stdout)
    assert set(ir) <= set(schema["properties"])
    assert flowc("ir").returncode == 2


def test_graph(good: Path) -> None:
    mermaid = flowc("graph", good).stdout
    assert 'subgraph foreach_start["foreach items"]' in mermaid
    assert "s_work --> s_join" in mermaid
    dot = flowc("graph", good, "--format", "dot").stdout
    assert '"work" -> "join";' in dot
    assert dot.count("{") == dot.count("}")


def test_targets() -> None:
    assert "argo: " in flowc("targets").stdout


def test_version() -> None:
    assert flowc("--version").stdout.startswith("flowc 0.")


def test_values_to_compile_with(tmp_path: Path) -> None:
    """`-p` gives a parameter of a class flow another default, on every target."""
    path = tmp_path / "valued.py"
    path.write_text(VALUED)
    argo = flowc("compile", path, "--root", "s3://b/p", "-p", "n-items=7", "-p", "who=me", "-p", 'list={"a": [1]}')
    assert argo.returncode == 0, argo.stderr
    assert '{name: n-items, value: "7"}' in argo.stdout
    assert "{name: who, value: me}" in argo.stdout
    assert r'{name: list, value: "{\"a\": [1]}"}' in argo.stdout
    airflow = flowc("compile", path, "--root", "s3://b/p", "-t", "airflow", "--param", "who=5")
    assert '"who": Param(default="5", type="string")' in airflow.stdout
    assert '"default": 9' in flowc("ir", path, "-p", "N_ITEMS=9").stdout
    assert "--who (str) [default: you]" in flowc("graph", path, "--format", "text", "-p", "who=you").stdout


@pytest.mark.parametrize(
    ("item", "code"),
    [
        ("n-item=7", "FC302"), ("who", "FC302"), ("n-items=many", "FC303"), ("list=[", "FC303"),
        ("data=nowhere.csv", "FC308"), ("who=\udcff", "FC303"),
    ],
)  # fmt: skip
def test_values_that_cannot_be_compiled_with(tmp_path: Path, item: str, code: str) -> None:
    path = tmp_path / "valued.py"
    path.write_text(VALUED)
    for command in (["check"], ["compile", "--root", "s3://b/p"], ["ir"], ["graph"]):
        result = flowc(*command, path, "-p", item)
        assert result.returncode == 2
        assert f"error[{code}]" in result.stderr
        assert not result.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--root", "s4://bucket"], "option root of target argo: the root 's4://bucket' has an unknown scheme"),
        (["--root", "store"], "'store' is a folder of this machine"),
        (["--image", "an image"], "option image of target argo: 'an image' is not an image"),
        (["--namespace", "Flows"], "option namespace of target argo: 'Flows' is not a valid name in Kubernetes"),
        (
            ["--service-account", "an account"],
            "option service_account of target argo: 'an account' is not a valid name",
        ),
        (["--env-from-secret", "S3_keys"], "option env_from_secrets of target argo: 'S3_keys' is not a valid name"),
        (["--set", "image_pull_secrets=a,b c"], "option image_pull_secrets of target argo: 'b c' is not a valid name"),
    ],
)
def test_places_that_no_pod_could_use(tmp_path: Path, options: list[str], says: str) -> None:
    file = tmp_path / "small.py"
    file.write_text(GOOD)
    result = flowc("compile", file, "--root", "/mnt/store", *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert "error[FC505]" in result.stderr
    assert says in result.stderr


def test_processes_on_this_machine_may_have_a_folder_of_it(tmp_path: Path) -> None:
    file = tmp_path / "small.py"
    file.write_text(GOOD)
    options = ["--target", "airflow", "--operator", "local", "--root", "store"]
    assert flowc("compile", file, *options).returncode == 0
