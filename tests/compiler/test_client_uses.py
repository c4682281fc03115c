"""What the code of tasks takes from ZenML's client and context, found out when the flow is compiled."""

from __future__ import annotations

import ast
import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import pytest

from flowc import pipeline_settings
from flowc.compat import step_context, zenml_client, zenml_models, zenml_runs, zenml_secrets, zenml_stack
from flowc.protocol.zenml_names import CLASSES, FUNCTIONS
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from tests.support import write_files

if TYPE_CHECKING:
    from pathlib import Path

HEAD = """
    import typing
    from zenml import get_step_context, log_artifact_metadata, log_metadata, pipeline, step
    from zenml.client import Client
    import helpers
    from helpers import Reader, connect, shared
"""
HELPERS = """
    from zenml import client as zenml_client
    from zenml.client import Client

    shared = Client()

    def connect():
        return Client()

    class Reader:
        def __init__(self):
            self.client = connect()

        def read(self):
            return self.client.USED

    def command():
        return Client().zen_store
"""
FLOW = """
    TOP

    @step
    def work() -> list:
        STEP
        return [1]

    @step
    def other() -> list:
        return Client().zen_store

    @pipeline
    def numbers():
        work()

    if __name__ == "__main__":
        MAIN
        numbers()
"""
REFUSED = {
    "Client().zen_store": "zen_store` of `Client",
    "Client().zen_store.experiment_tracker.name": "zen_store` of `Client",
    "client = Client(); client.list_models()": "list_models` of `Client",
    "client = connect(); client.zen_store": "zen_store` of `Client",
    "shared.create_secret('x')": "create_secret` of `Client",
    "helpers.shared.create_secret('x')": "create_secret` of `Client",
    "(c := Client()).root": "root` of `Client",
    "context = get_step_context(); context.model.number": "number` of `Model",
    "get_step_context().model_version.model_id": "model_id` of `ModelVersion",
    "get_step_context().pipeline_state": "pipeline_state` of `StepContext",
    "get_step_context().get_output_artifact_uri()": "get_output_artifact_uri` of `StepContext",
    "get_step_context().add_output_tags(['a'])": "add_output_tags` of `StepContext",
    "get_step_context().pipeline.user": "user` of `PipelineResponse",
    "run = get_step_context().pipeline_run; run.stack": "stack` of `RunningRun",
    "get_step_context().step_run.logs": "logs` of `RunningStep",
    "Client().get_pipeline_run('x').config.extra": "extra` of `RunConfig",
    "Client().get_pipeline_run('x').steps['a'].inputs": "inputs` of `StepRun",
    "Client().get_pipeline_run('x').steps['a'].outputs['b'][0].uri": "uri` of `ArtifactVersion",
    "Client().get_pipeline_run('x').steps['a'].output.visualize()": "visualize` of `ArtifactVersion",
    "Client().get_pipeline('x').last_run.snapshot": "snapshot` of `PipelineRun",
    "runs = Client().list_pipeline_runs(); runs[0].build": "build` of `PipelineRun",
    "runs = Client().list_pipeline_runs().items; runs[:2][0].build": "build` of `PipelineRun",
    "Client().list_pipeline_runs(sort_by='created')": "sort_by` of `list_pipeline_runs",
    "Client().get_pipeline_run('x', name='y')": "name` of `get_pipeline_run",
    "Client(root='.')": "root` of `Client",
    "log_metadata({'a': 1}, step_id='x')": "step_id` of `log_metadata",
    "log_metadata(metadata={}, run_id_name_or_prefix='x', step_name='y')": "run_id_name_or_prefix` of `log_metadata",
    "[found.logs for name, found in get_step_context().pipeline_run.steps.items()]": "logs` of `StepRun",
    "[found.logs for found in get_step_context().pipeline_run.steps.values()]": "logs` of `StepRun",
    "[found.uri for found in get_step_context().inputs['x']]": "uri` of `ArtifactVersion",
    "Reader().read()": "USED` of `Client",
    "from zenml.client import Client as C; C().active_user": "active_user` of `Client",
    "from helpers import command; command()": "zen_store` of `Client",
    "(lambda: Client().active_user)()": "active_user` of `Client",
}
ALLOWED = (
    "Client().list_pipeline_runs(size=1, hydrate=True)[0].steps['a'].output.load()",
    "get_step_context().step_run.config.parameters['x']",
    "get_step_context().inputs['x'][0].run.pipeline.last_successful_run.status.is_finished",
    "log_metadata({'a': 1}, infer_model=True); log_metadata(metadata={'a': 1}, artifact_name='rows')",
    "Client().get_pipeline('x').runs[0].steps['a'].start_time.isoformat()",
    "client = Client(); client = object(); client.zen_store",
    "Client = dict; Client().zen_store",
    "Client().__class__; get_step_context().__dict__",
    "getattr(Client(), 'zen_store', None)",
    "client = Client(); client.note = 1",
)


def _messages(
    folder: Path,
    *,
    top: str = "pass",
    body: str = "pass",
    main: str = "pass",
    used: str = "zen_store",
    severity: str = "error",
) -> str:
    flow = HEAD + FLOW.replace("TOP", top).replace("STEP", body).replace("MAIN", main)
    files = {"flow.py": flow, "helpers.py": HELPERS.replace("USED", "USED" if "Reader()" in body else used)}
    write_files(folder, files)
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        compile_file(folder / "flow.py", sink)
    found = [item for item in sink.diagnostics if item.severity == severity]
    return "\n".join(f"{item.code} {item.message} {item.help}" for item in found)


def test_a_component_is_named_as_users_know_it(tmp_path: Path) -> None:
    found = _messages(tmp_path, body="Client().active_stack.experiment_tracker.configure_mlflow()")
    assert "does not serve `configure_mlflow` of a component of the stack" in found
    assert "use the library itself within the step" in found


@pytest.mark.parametrize("code", REFUSED)
def test_what_is_not_served_is_reported(tmp_path: Path, code: str) -> None:
    assert f"FC106 flowc does not serve `{REFUSED[code]}`" in _messages(tmp_path, body=code)


def test_code_at_the_top_level_runs_in_each_task(tmp_path: Path) -> None:
    assert "zen_store` of `Client" in _messages(tmp_path, top="tracker = Client().zen_store.experiment_tracker")
    assert "`get_step_context` is called where no step runs" in _messages(tmp_path, top="context = get_step_context()")


@pytest.mark.parametrize("code", ALLOWED)
def test_what_is_served_or_not_certain_is_not_reported(tmp_path: Path, code: str) -> None:
    assert not _messages(tmp_path, body=code)


def test_code_that_no_task_runs_is_not_reported(tmp_path: Path) -> None:
    assert not _messages(tmp_path, main='Client().activate_stack("x")')
    assert not _messages(tmp_path, top="if typing.TYPE_CHECKING: Client().zen_store")
    assert not _messages(tmp_path, top="def command(): return Client().zen_store")
    for failure in ("AttributeError", "(KeyError, AttributeError)", "Exception"):
        guarded = f"try: Client().zen_store\n        except {failure}: pass"
        assert not _messages(tmp_path, body=guarded)
    assert _messages(tmp_path, body="try: Client().zen_store\n        except KeyError: pass")


SETTINGS = """class Settings(BASE):
        def load(self): return 1
        def export(self): Client().create_secret(name="x", values={})

    settings = Settings()
"""


@pytest.mark.parametrize(
    ("base", "body", "severity"),
    [
        ("object", "settings.load()", ""),
        ("object", "settings.export()", "error"),
        ("typing.Protocol", "settings.load()", "warning"),
        ("typing.Protocol", "settings.export()", "error"),
    ],
)
def test_methods_are_searched_that_code_names(tmp_path: Path, base: str, body: str, severity: str) -> None:
    found = _messages(tmp_path, top=SETTINGS.replace("BASE", base), body=body, severity=severity or "error")
    assert ("create_secret` of `Client" in found) is bool(severity)


@pytest.mark.parametrize(
    ("code", "severity"),
    [
        ("try: Client().get_secret('x')\n        except KeyError: pass", "warning"),
        ("try: Client().get_secret('x')\n        except (RuntimeError, KeyError): pass", "warning"),
        ("try: Client().get_secret('x')\n        except RuntimeError: pass", "error"),
        ("Client().get_secret('x')", "error"),
    ],
)
def test_a_secret_that_the_code_can_do_without_is_a_warning(tmp_path: Path, code: str, severity: str) -> None:
    found = _messages(tmp_path, body=code, severity=severity)
    assert ("no store of secrets" if severity == "warning" else "get_secret` of `Client") in found


SECRETS = """
from zenml import pipeline, step
from zenml.client import Client


def shared(name="db"):
    return Client().get_secret("db").secret_values["pw"]


@step(secrets=["db"])
def work() -> None:
    BODY


@step
def other() -> None:
    pass


@pipeline
def p():
    CALLS


p()
"""


@pytest.mark.parametrize(
    ("body", "calls", "found"),
    [
        ("Client().get_secret('db').secret_values['pw']", "work()", []),
        ("Client().get_secret(name_id_or_prefix='db').secret_values.get('pw')", "work()", []),
        ("client = Client(); secret = client.get_secret('db'); print(secret.name)", "work()", []),
        ("shared()", "work()", []),
        ("shared()", "work(); other()", []),
        ("Client().get_secret('other')", "work()", ["error"]),
        ("Client().get_secret(shared.__name__)", "work()", ["error"]),
        ("get = Client().get_secret", "work()", ["error"]),
        ("Client().get_secret('db').values", "work()", ["error"]),
        ("Client().get_secret('db')", "work(); work.with_options(secrets=['more'])()", []),
        ("try: Client().get_secret('db')\n    except KeyError: pass", "work()", []),
        ("try: Client().get_secret('x')\n    except KeyError: pass", "work()", ["warning"]),
    ],
)
def test_a_secret_of_the_step_is_served(tmp_path: Path, body: str, calls: str, found: list[str]) -> None:
    text = SECRETS.replace("BODY", body).replace("CALLS", calls)
    write_files(tmp_path, {"flow.py": text})
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        compile_file(tmp_path / "flow.py", sink)
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC106", severity) for severity in found]


READ = """
from zenml import pipeline, step
from zenml.client import Client


@step
def use(x: int, y: float) -> None:
    pass


@pipeline
def p(lr: float = 0.5):
    use(Client().get_pipeline("features").last_successful_run.steps["make"].output, GIVEN)


p()
"""


@pytest.mark.parametrize("given", ["lr", "lr * 2", "1.5"])
def test_a_read_waits_for_no_parameter(tmp_path: Path, given: str) -> None:
    write_files(tmp_path, {"flow.py": READ.replace("GIVEN", given)})
    assert len(compile_file(tmp_path / "flow.py").flow.steps) == 2


ALERTER = "alerter = Client().active_stack.alerter"


@pytest.mark.parametrize(
    "code",
    [
        "if alerter: alerter.post(message='done')",
        "if alerter and get_step_context().pipeline_run.config.extra['notify']: alerter.post(message='done')",
        "alerter and alerter.post(message='done')",
        "alerter.post(message='done') if alerter else None",
        "if not alerter: return [2]\n        alerter.post(message='done')",
        "if alerter and isinstance(alerter, str): pass",
    ],
)
def test_what_only_runs_with_a_component_of_a_stack_is_not_reported(tmp_path: Path, code: str) -> None:
    assert not _messages(tmp_path, top=ALERTER, body=code)


@pytest.mark.parametrize(
    "code",
    [
        "alerter.post(message='done')",
        "if not alerter: alerter.post(message='done')",
        "if alerter or get_step_context(): alerter.post(message='done')",
        "if not alerter or not isinstance(alerter, str): raise RuntimeError",
        "if alerter: pass\n        else: alerter.post(message='done')",
    ],
)
def test_what_may_run_without_a_component_is_reported(tmp_path: Path, code: str) -> None:
    assert _messages(tmp_path, top=ALERTER, body=code)


def test_the_table_is_what_the_runtime_has() -> None:
    """The two say the same in two places: the compiler does not import what tasks run."""
    for name, members in CLASSES.items():
        if name.endswith("Config"):
            continue
        found: Any = next(
            vars(module)[name]
            for module in (
                step_context,
                zenml_client,
                zenml_runs,
                zenml_models,
                zenml_secrets,
                zenml_stack,
                pipeline_settings,
            )
            if name in vars(module)
        )
        above: list[type] = [item for item in inspect.getmro(found) if item is not object]
        public = {item for kind in above for item in vars(kind)} | {
            item for kind in above for item in _attributes(kind)
        }
        assert {item for item in public if not item.startswith("_")} == set(members), name
        for member, kind in members.items():
            if kind.startswith("("):
                _takes(getattr(found, member), kind, "self")
    for name, kind in FUNCTIONS.items():
        if name not in {"Client", "get_step_context"}:
            _takes(vars(step_context)[name], kind)


def _attributes(kind: type) -> set[str]:
    """The attributes that a class's methods set."""
    nodes = ast.walk(ast.parse(inspect.getsource(kind)))
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def _takes(function: Any, kind: str, *first: object) -> None:
    names = kind[1:].partition(")")[0].split()
    inspect.signature(function).bind(*first, **dict.fromkeys(names))


STEPS_OF_OTHERS = """
    from zenml import step
    from zenml.integrations.mlflow.steps import mlflow_model_deployer_step

    @step
    def load() -> int:
        return 1

    @step
    def deploy(model: int) -> None:
        mlflow_model_deployer_step(model=model)
"""


@pytest.mark.parametrize(("body", "severity"), [("load()", "warning"), ("deploy(load())", "error")])
def test_a_name_that_only_steps_of_other_pipelines_use_is_a_warning(tmp_path: Path, body: str, severity: str) -> None:
    flow = f"from zenml import pipeline\nfrom others import deploy, load\n\n@pipeline\ndef flow():\n    {body}\n"
    write_files(tmp_path, {"flow.py": flow, "others.py": STEPS_OF_OTHERS})
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        compile_file(tmp_path / "flow.py", sink)
    found = [item.severity for item in sink.diagnostics if item.code == "FC106"]
    assert found == [severity]


@pytest.mark.parametrize(
    ("body", "code", "way_out"),
    [
        ("take(Client().get_secret('db').secret_values['pw'])", "FC106", '@step(secrets=["db"])'),
        ("client = Client(); s = client.get_secret(name_id_or_prefix='db'); take(s.name)", "FC106", '["db"]'),
        ("import dotenv; dotenv.load_dotenv(); take('a')", "FC115", "at the top of the file"),
    ],
)
def test_a_body_reads_no_secrets_and_loads_no_variables(tmp_path: Path, body: str, code: str, way_out: str) -> None:
    text = SECRETS.replace("def work() -> None:\n    BODY", "def take(x: str) -> None:\n    pass").replace(
        "CALLS", body
    )
    write_files(tmp_path, {"flow.py": text})
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        compile_file(tmp_path / "flow.py", sink)
    assert [(item.code, way_out in (item.help or "")) for item in sink.diagnostics] == [(code, True)]
