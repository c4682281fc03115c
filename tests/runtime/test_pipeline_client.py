"""What steps and programs see of a pipeline's run: the context, ZenML's client, and flowc's own."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flowc import Client, client
from flowc.client import Flow, Run
from flowc.compat.zenml_types import ExecutionStatus
from tests.local.flows import Local

SOURCE = """
    from typing import Annotated, List, Tuple

    from zenml import get_step_context, log_artifact_metadata, log_metadata, pipeline, step
    from zenml.client import Client

    @step
    def load(n: int) -> List[int]:
        log_metadata({"rows": n})
        return list(range(n))

    @step
    def work(x: int) -> Annotated[int, "squared"]:
        log_artifact_metadata({"of": x})
        return x * x

    @step
    def left() -> int:
        return 1

    @step
    def right() -> int:
        return 2

    @step
    def look(a: int, b: int, xs: List[int]) -> Tuple[Annotated[dict, "seen"], Annotated[list, "wrong"]]:
        context = get_step_context()
        run = Client().get_pipeline_run(context.pipeline_run.name)
        steps = {name: {output: [one.load() for one in found] for output, found in step.outputs.items()}
                 for name, step in run.steps.items()}
        wrong = []
        for attempt in (lambda: getattr(context, "cost"), lambda: getattr(context.pipeline_run, "stack"),
                        lambda: getattr(Client(), "list_models"), lambda: run.steps["later"]):
            try:
                attempt()
            except (AttributeError, KeyError) as error:
                wrong.append(f"{type(error).__name__}: {error}")
        seen = {
            "steps": steps,
            "names": (context.step_name, context.step_run.name, context.pipeline.name, context.pipeline.id),
            "status": (str(run.status), str(run.steps["load"].status), str(context.step_run.status)),
            "same": run.id == context.pipeline_run.id,
        }
        return seen, wrong

    @step
    def one(seen: dict) -> int:
        return len(seen)

    @step
    def two(seen: dict) -> int:
        return -len(seen)

    @pipeline
    def looking(n: int = 2) -> None:
        xs = work.map(load(n))
        seen, _ = look(left(), right(), xs)
        one(seen)
        two(seen)

    looking(n=3)
"""


@pytest.fixture(autouse=True)
def default_space(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Read from the store of the test's own runs."""
    monkeypatch.setenv("FLOWC_ROOT", str(tmp_path / "root"))
    monkeypatch.delenv("FLOWC_NAMESPACE", raising=False)
    client.default_namespace()
    client.default_metadata()


@pytest.mark.process
def test_the_context_and_the_client_within_a_step(tmp_path: Path) -> None:
    flow = Local(tmp_path, SOURCE)
    result = flow.run()
    assert result.ok, flow.says.err
    seen = Client().get_pipeline_run(result.run_id).steps["look"].outputs["seen"][0].load()
    mapped = {f"map:work:{i}": {"squared": [i * i]} for i in range(3)}
    assert seen["steps"] == {
        "load": {"output": [[0, 1, 2]]},
        **mapped,
        "left": {"output": [1]},
        "right": {"output": [2]},
    }
    assert seen["names"] == ("look", "look", "looking", "looking")
    assert seen["status"] == ("running", "completed", "running")
    assert seen["same"] is True
    wrong = Client().get_pipeline_run(result.run_id).steps["look"].outputs["wrong"][0].load()
    assert wrong[0].startswith(
        "AttributeError: the context of a step has no 'cost' in flowc; it has add_output_metadata"
    )
    assert wrong[1].startswith(
        "AttributeError: PipelineRun has no 'stack' in flowc; it has artifact_versions, config, created, end_time, id"
    )
    assert wrong[2].startswith(
        "AttributeError: Client has no 'list_models' in flowc, which has no server; it has active_stack, get_"
    )
    assert wrong[3].startswith("KeyError: \"'later': of the run's steps these have finished: load, map:work:0")


@pytest.mark.process
def test_runs_of_pipelines_from_outside(tmp_path: Path) -> None:
    flow = Local(tmp_path, SOURCE)
    first, second = flow.run(), flow.run()
    run = Client().get_pipeline_run(second.run_id)
    assert (run.id, run.status, run.pipeline.name) == (second.run_id, ExecutionStatus.COMPLETED, "looking")
    assert run.status.is_successful
    assert run.status == "completed"
    assert list(run.steps)[:2] == ["load", "map:work:0"]
    assert list(run.steps)[-3:] == ["look", "one", "two"], "in the order of the pipeline"
    load = run.steps["load"]
    assert (load.name, load.config.name, load.output.load(), load.output.name) == (
        "load", "load", [0, 1, 2], "looking::load::output",
    )  # fmt: skip
    assert (load.run_metadata, load.output.run_metadata) == ({"rows": 3}, {})
    assert run.steps["map:work:1"].output.run_metadata == {"of": 1}
    assert run.steps["map:work:2"].output.name == "squared"
    with pytest.raises(ValueError, match=r"step look has 2 outputs \(seen, wrong\)"):
        _ = run.steps["look"].output
    assert [one.id for one in Client().list_pipeline_runs()] == [second.run_id, first.run_id]
    pipeline = Client().get_pipeline("looking")
    assert (pipeline.last_run.id, pipeline.last_successful_run.id) == (second.run_id, second.run_id)
    assert Client().get_artifact_version("looking::left::output").load() == 1
    assert Client().get_artifact_version("looking::left::output", first.run_id).version == first.run_id
    assert Client().get_pipeline_run(f"looking/{first.run_id}").id == first.run_id
    assert Client().get_pipeline_run(second.run_id[:-1]).id == second.run_id
    for name in ("nothing", "looking/nothing"):
        with pytest.raises(KeyError, match="there is no run"):
            Client().get_pipeline_run(name)
    with pytest.raises(KeyError, match="there are 2 runs whose id begins with '2'"):
        Client().get_pipeline_run("2")


@pytest.mark.process
def test_flowcs_own_client_passes_over_steps_without_tasks(tmp_path: Path) -> None:
    flow = Local(tmp_path, SOURCE)
    result = flow.run()
    run = flow.client(result)
    assert (run.successful, run.finished, run.status) == (True, True, "successful")
    assert {step.id for step in run} == {"start", "load", "work", "left", "right", "look", "one", "two"}
    assert {task.id for task in run["look"].task.parent_tasks} == {"work-0", "work-1", "work-2", "left", "right"}
    assert {task.id for task in run["look"].task.child_tasks} == {"one", "two"}
    assert {task.id for task in run["load"].task.child_tasks} == {"work-0", "work-1", "work-2"}
    assert [task.data.squared for task in run["work"]] == [4, 1, 0]
    assert Flow("looking").latest_successful_run is not None


@pytest.mark.process
def test_how_far_a_run_is_where_the_engine_does_not_say(tmp_path: Path) -> None:
    """As on Argo, which writes no records: the end of the graph has no task."""
    flow = Local(tmp_path, SOURCE)
    result = flow.run()
    folder = tmp_path / "root" / "looking" / result.run_id
    for record in ("run.json", "run-end.json"):
        (folder / record).unlink()
    run = Run(f"looking/{result.run_id}", root=str(tmp_path / "root"))
    assert (run.successful, run.finished, run.status) == (True, True, "successful")
    assert run.created_seconds() > 0
    assert run.finished_at == max(task.finished_at for name in ("one", "two") if (task := run[name].task).finished_at)
    (folder / "one" / "-" / "0" / "manifest.json").unlink()
    assert (run.successful, run.finished, run.status) == (False, True, "failed")  # its process is gone
    (folder / "one" / "-" / "0" / "attempt.json").unlink()
    assert [run.successful, run.finished, run.finished_at] == [False, False, None]
    assert Client().get_pipeline_run(result.run_id).status == ExecutionStatus.RUNNING


SWITCH = """
    from flowc import pipeline, step

    @step
    def score() -> int:
        return 3

    @step
    def low(x: int) -> int:
        return x

    @step
    def last(x: int) -> None:
        print("last", x)

    @pipeline
    def choosing() -> None:
        x = score()
        if x > 5:
            y = low(x)
        else:
            y = x
        last(y)
        if x > 4:
            low(x, id="again")
"""


@pytest.mark.process
def test_a_switch_with_an_arm_that_has_no_task(tmp_path: Path) -> None:
    flow = Local(tmp_path, SWITCH)
    result = flow.run()
    assert result.ok, flow.says.err
    run = flow.client(result)
    assert {step.id for step in run} >= {"score", "last"}
    assert run.successful
    assert list(Client().get_pipeline_run(result.run_id).steps) == ["score", "last"]
    for record in ("run.json", "run-end.json"):
        (tmp_path / "root" / "choosing" / result.run_id / record).unlink()
    assert Run(f"choosing/{result.run_id}", root=str(tmp_path / "root")).successful


def test_the_client_is_where_zenmls_users_look_for_it() -> None:
    assert client.Client is Client
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        client.__getattr__("Cleint")


KNOWN = """
    from datetime import date
    from typing import Annotated, List, Tuple

    from zenml import get_step_context, log_metadata, pipeline, step
    from zenml.client import Client

    def said(inputs):
        return {name: [(one.name, one.load()) for one in found] for name, found in inputs.items()}

    @step
    def load() -> List[str]:
        return ["a", "b"]

    @step
    def number() -> int:
        return 3

    @step
    def work(x: str, y: int, z: int = 1) -> Annotated[dict, "worked"]:
        context = get_step_context()
        log_metadata({"f1": 0.5}, infer_model=True)
        log_metadata({"f1": 0.7}, model_name="m", model_version="v1")
        context.add_output_metadata({"rows": 1})
        parameters = context.step_run.config.parameters
        return {"inputs": said(context.inputs), "parameters": parameters, "metadata": context.get_output_metadata()}

    @step
    def gather(worked: List[dict], both: tuple, one: str, many: List[str]) -> list:
        context = get_step_context()
        names = {name: [version.step.name for version in found] for name, found in context.step_run.inputs.items()}
        return [names, context.step_run.regular_inputs.keys() == context.inputs.keys()]

    @step
    def last(found: list) -> str:
        return get_step_context().step_run.input.name

    @step
    def told(n: int, rate: float = 0.5, names: list = ["a"], day=date(2026, 1, 1), *, deep: bool = True) -> dict:
        names.append("b")
        return get_step_context().step_run.config.parameters

    @step
    def asked(before: dict) -> dict:
        run = Client().get_pipeline_run(get_step_context().pipeline_run.name)
        return {name: found.config.parameters for name, found in run.steps.items()}

    @pipeline
    def knowing(rate: float = 0.25) -> None:
        n = number()
        asked(told(n, rate=rate))
        letters = load()
        worked = work.map(letters, n, z=2)
        last(gather(worked, (n, letters), letters[0], ["x"]))

    knowing()
"""


@pytest.mark.process
def test_what_a_step_knows_of_its_inputs(tmp_path: Path) -> None:
    flow = Local(tmp_path, KNOWN)
    result = flow.run()
    assert result.ok, flow.says.err
    run = Client().get_pipeline_run(result.run_id)
    steps = run.steps
    assert steps["map:work:1"].output.load() == {
        "inputs": {"x": [("knowing::load::output", "b")], "y": [("knowing::number::output", 3)]},
        "parameters": {"z": 2},
        "metadata": {"rows": 1},
    }
    assert steps["map:work:0"].run_metadata == {"model": {"f1": 0.5, "m": {"v1": {"f1": 0.7}}}}
    names, same = steps["gather"].output.load()
    assert names == {"worked": ["map:work:0", "map:work:1"], "both": ["number", "load"], "one": ["load"]}
    assert same
    assert steps["last"].output.load() == "knowing::gather::output"
    plain = {"rate": 0.25, "names": ["a"], "deep": True}
    assert steps["told"].output.load() == {**plain, "names": ["a", "b"], "day": date(2026, 1, 1)}
    assert steps["asked"].output.load()["told"] == steps["told"].config.parameters == plain
    assert steps["map:work:1"].config.parameters == {"z": 2}
    assert steps["number"].config.parameters == {}


LOGGING = """
    from typing import Annotated

    from zenml import log_metadata, pipeline, step
    from zenml.client import Client

    @step
    def train() -> Annotated[int, "classifier"]:
        log_metadata({"rows": 3}, infer_artifact=True)
        return 1

    @step
    def evaluate(model: int) -> Annotated[int, "score"]:
        latest = Client().get_artifact_version("classifier")
        log_metadata(metadata={"accuracy": 0.5, "loss": 2}, artifact_version_id=latest.id)
        return 2

    @step
    def again(score: int) -> Annotated[int, "done"]:
        latest = Client().get_artifact_version("classifier")
        log_metadata({"loss": 1}, artifact_name="classifier", artifact_version=latest.version)
        return 3

    @step
    def look(done: int) -> Annotated[list, "seen"]:
        latest = Client().get_artifact_version("classifier")
        wrong = []
        for which in (
            {"artifact_name": "none", "artifact_version": "v"}, {"step_name": "train"}, {"artifact_version": "v"},
        ):
            try:
                log_metadata({"a": 1}, **which)
            except (KeyError, ValueError) as error:
                wrong.append(type(error).__name__)
        seen = [{key: latest.run_metadata[key] for key in sorted(latest.run_metadata)}, wrong]
        print("SEEN", seen)
        return seen

    @pipeline(enable_cache=False)
    def logging() -> None:
        look(again(evaluate(train())))

    if __name__ == "__main__":
        logging()
"""


@pytest.mark.process
def test_metadata_of_artifacts_of_other_steps(tmp_path: Path) -> None:
    """What ZenML 0.98 gives for the same file."""
    flow = Local(tmp_path, LOGGING)
    result = flow.run()
    assert result.ok, flow.says.err
    seen = Client().get_pipeline_run(result.run_id).steps["look"].output.load()
    assert seen == [{"accuracy": 0.5, "loss": 1, "rows": 3}, ["KeyError", "ValueError", "ValueError"]]


@pytest.mark.process
def test_what_clients_list(tmp_path: Path) -> None:
    flow = Local(tmp_path, KNOWN)
    first, second = flow.run(), flow.run()
    page = Client().list_pipeline_runs(pipeline="knowing", size=1, status="completed")
    assert ([one.id for one in page], page.items, page.total, page.total_pages) == ([second.run_id], list(page), 2, 2)
    assert Client().list_pipeline_runs(size=1, page=2)[0].id == first.run_id
    assert len(Client().list_pipeline_runs(status="failed")) == 0
    (pipeline,) = Client().list_pipelines()
    assert (pipeline.name, pipeline.num_runs, pipeline.latest_run_id) == ("knowing", 2, second.run_id)
    assert pipeline.latest_run_status == "completed"
    assert [one.id for one in pipeline.get_runs(size=5)] == [second.run_id, first.run_id]
    assert pipeline.created <= pipeline.last_run.created
    run = pipeline.last_run
    assert not run.in_progress
    assert {version.artifact.name for version in run.artifact_versions} >= {"worked", "knowing::load::output"}
    load = Client().get_run_step(run.steps["load"].id)
    assert (load.name, load.run.id) == ("load", run.id)
    assert load.duration is not None
    assert load.duration.total_seconds() >= 0
    version = load.regular_outputs["output"]
    assert (version.producer_step_run_id, version.producer_pipeline_run_id) == (load.id, run.id)
    assert version.created == load.end_time
