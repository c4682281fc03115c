"""`flowc check` of what a run has yet to be given: parameters, a run's configuration, and which flow of several."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc, write_files

HEAD = """
from zenml import pipeline, step


@step
def fetch(source: str) -> list[int]:
    return [len(source)]


@step
def total(numbers: list[int], factor: int) -> int:
    return sum(numbers) * factor


"""
SHAPED = """
@pipeline
def every(sources: list[str], twice: bool, options: dict[str, int], factor: int):
    sizes = []
    for source in sources:
        sizes.append(fetch(source.upper()))
    if twice:
        total(sizes[0], options["factor"])
    total(fetch(f"all-{len(sources)}"), factor)
"""
CONFIGURED = """
@pipeline
def configured():
    numbers = fetch()
    total(numbers, factor=2)
"""


def diagnostics(folder: Path, text: str, *arguments: str) -> list[tuple[str, str, int]]:
    """Code, severity and line of what `flowc check` says of a file."""
    write_files(folder, {"flow.py": HEAD + text})
    done = flowc(folder, "check", "flow.py", "--format", "json", *arguments)
    found = json.loads(done.stdout)["diagnostics"]
    assert done.returncode == (2 if any(item["severity"] == "error" for item in found) else 0), done.stderr
    return [(item["code"], item["severity"], (item["span"] or {"line": 0})["line"]) for item in found]


@pytest.mark.process
def test_parameters_that_shape_the_graph_need_no_values(tmp_path: Path) -> None:
    found = diagnostics(tmp_path, SHAPED)
    assert {(code, severity) for code, severity, _ in found} == {("FC304", "warning")}
    assert len(found) == 3, "`factor` is passed on, and so the run's"
    compiled = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p")
    assert compiled.returncode == 2
    assert compiled.stderr.count("error[FC304]") == 3
    given = ("-p", 'sources=["a", "b"]', "-p", "twice=true", "-p", 'options={"factor": 2}')
    assert {code for code, _, _ in diagnostics(tmp_path, SHAPED, *given)} == {"FC225"}


@pytest.mark.process
def test_what_does_not_depend_on_a_missing_value_is_checked(tmp_path: Path) -> None:
    text = SHAPED + "    total(fetch(source=1), wrong=3)\n"
    found = diagnostics(tmp_path, text)
    wrong = (HEAD + text).splitlines().index("    total(fetch(source=1), wrong=3)") + 1
    assert [(code, line) for code, severity, line in found if severity == "error"] == [("FC113", wrong)]


@pytest.mark.process
def test_arguments_that_a_configuration_may_give(tmp_path: Path) -> None:
    assert [item[:2] for item in diagnostics(tmp_path, CONFIGURED)] == [("FC113", "warning")]
    for wrong in ("fetch(sauce='a')", "fetch('a', 'b')"):
        assert [item[:2] for item in diagnostics(tmp_path, CONFIGURED.replace("fetch()", wrong))] == [
            ("FC113", "error")
        ]
    called = CONFIGURED + '\nif __name__ == "__main__":\n    configured()\n'
    assert [item[:2] for item in diagnostics(tmp_path, called)] == [("FC113", "error")]
    given = called.replace("    configured()", '    configured.with_options(config_path="run.yaml")()')
    (tmp_path / "run.yaml").write_text("steps:\n  fetch:\n    parameters:\n      source: here\n")
    assert diagnostics(tmp_path, given) == []


@pytest.mark.process
def test_every_flow_of_a_file_is_checked(tmp_path: Path) -> None:
    two = """
@pipeline
def first():
    fetch("a")


@pipeline
def second():
    fetch("b")
"""
    assert diagnostics(tmp_path, two) == []
    said = flowc(tmp_path, "check", "flow.py").stderr
    assert "flow first, 1 step, " in said
    assert "flow second, 1 step, " in said
    refused = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p")
    assert "error[FC103]" in refused.stderr
    assert "name the one you mean with `--flow`: first, second" in refused.stderr
    assert [item[:2] for item in diagnostics(tmp_path, two.replace('"b"', "'b', 1"))] == [("FC113", "error")]


GUARDED = """
@pipeline
def guarded(large: bool = False, small: bool = False):
    if not large and not small:
        raise ValueError("large or small")
    fetch("a")
"""


@pytest.mark.process
def test_a_pipeline_that_its_defaults_do_not_suit(tmp_path: Path) -> None:
    assert [item[:2] for item in diagnostics(tmp_path, GUARDED) if item[0] != "FC225"] == [("FC112", "warning")]
    assert {item[0] for item in diagnostics(tmp_path, GUARDED, "-p", "large=true")} == {"FC225"}
    bad = diagnostics(tmp_path, GUARDED, "-p", "large=false")
    assert ("FC112", "error") in [item[:2] for item in bad]
    called = diagnostics(tmp_path, GUARDED + "\nguarded()\n")
    assert ("FC112", "error") in [item[:2] for item in called]
    refused = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p")
    assert "error[FC112]" in refused.stderr


READING = """
from zenml import get_pipeline_context
from zenml.client import Client


@pipeline
def reading():
    model = get_pipeline_context().model
    total(model.get_artifact("numbers"), 2)


@pipeline
def by_name(name: str):
    total(Client().get_artifact_version(name), 2)
"""


@pytest.mark.process
def test_a_model_that_a_configuration_may_give(tmp_path: Path) -> None:
    assert [item[:2] for item in diagnostics(tmp_path, READING, "--flow", "reading")] == [("FC113", "warning")]
    own = READING.replace("@pipeline\ndef reading", '@pipeline(model=Model(name="m"))\ndef reading')
    assert diagnostics(tmp_path, "from zenml import Model\n" + own, "--flow", "reading") == []


@pytest.mark.process
def test_a_read_of_what_a_parameter_names(tmp_path: Path) -> None:
    assert diagnostics(tmp_path, READING, "--flow", "by_name") == []
    compiled = flowc(tmp_path, "compile", "flow.py", "--flow", "by_name", "--root", "s3://b/p", "--kind", "template")
    assert compiled.returncode == 0, compiled.stderr
    given = flowc(tmp_path, "graph", "flow.py", "--flow", "by_name", "--format", "text")
    assert "name" in given.stdout


@pytest.mark.process
def test_an_annotated_name_has_the_type_of_its_own_value(tmp_path: Path) -> None:
    text = """
from zenml import get_step_context


@step
def gather() -> list[int]:
    numbers: list[int] = []
    numbers.append(1)
    context = get_step_context()
    context.add_output_metadata({"count": len(numbers)})
    return numbers


@pipeline
def gathering():
    gather()
"""
    assert [item for item in diagnostics(tmp_path, text) if item[1] == "error"] == []
