"""What decorators say, with Metaflow's names, units and defaults, and the specs that they become."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from flowc.protocol import FALLBACK_RETRIES
from flowc.protocol.metaflow_names import OWN, SERVED
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.ir import StepSpecs
from tests.support import compiled, refused, without_spans, write_files


def step_specs(folder: Path, *decorators: str, flow: str = "") -> StepSpecs:
    """The specs of a step with these decorators, in a flow with those."""
    above = "".join(f"    {line}\n" for line in decorators)
    found = compiled(
        folder,
        f"from metaflow import *\n\n{flow}\nclass F(FlowSpec):\n{above}    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n",
    ).flow
    return found.by_name["start"].specs


def spec(folder: Path, name: str, *decorators: str, flow: str = "") -> dict[str, Any] | None:
    """One spec, without its span."""
    value = getattr(step_specs(folder, *decorators, flow=flow), name)
    return None if value is None else value.model_dump(exclude={"span"}, exclude_defaults=True)


def flow_specs(folder: Path, *decorators: str, before: str = "", parameters: str = "") -> dict[str, Any]:
    above = "\n".join(decorators)
    members = "".join(f"    {name} = Parameter('{name}', default='')\n" for name in parameters.split())
    found = compiled(
        folder,
        f"from metaflow import *\n{before}\n{above}\nclass F(FlowSpec):\n{members}    @step\n    def start(self):\n"
        "        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n",
    ).flow
    specs: dict[str, Any] = without_spans(found.specs.model_dump(exclude_defaults=True))
    return specs


def test_every_decorator_is_served() -> None:
    assert set(ARGUMENTS) | set(FLOW_ARGUMENTS) <= {*SERVED, *OWN}


def test_no_module_of_the_runtime_hides_a_decorator() -> None:
    """Importing `flowc.catch` would put the module where `from flowc import catch` looks."""
    import flowc

    assert flowc.__file__ is not None
    modules = {path.stem for path in Path(flowc.__file__).parent.iterdir()}
    assert not modules & {*ARGUMENTS, *FLOW_ARGUMENTS}


@pytest.mark.parametrize("name", sorted({**ARGUMENTS, **FLOW_ARGUMENTS}))
def test_the_runtime_takes_what_the_compiler_takes(name: str) -> None:
    """A flow's file is imported when a task runs: there each decorator stands bare, and with all of its arguments."""
    import flowc

    decorator = getattr(flowc, name)

    def method() -> None: ...

    model = {**ARGUMENTS, **FLOW_ARGUMENTS}[name]
    assert decorator(method) is method
    assert decorator()(method) is method
    known = inspect.signature(decorator).parameters
    takes_all = any(item.kind is inspect.Parameter.VAR_KEYWORD for item in known.values())
    assert takes_all or set(model.model_fields) <= set(known)
    assert decorator(**dict.fromkeys(model.model_fields))(method) is method


def test_editors_know_what_the_compiler_takes() -> None:
    import flowc

    assert flowc.__file__ is not None
    stub = ast.parse(Path(flowc.__file__).with_name("decorators.pyi").read_text("utf-8"))
    models = {**ARGUMENTS, **FLOW_ARGUMENTS}
    functions = [node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name in models]
    missing = {node.name: set(models[node.name].model_fields) for node in functions}
    for node in functions:
        taken = node.args.kwarg is not None  # all that a sensor of Airflow's takes
        known = {item.arg for item in (*node.args.args, *node.args.kwonlyargs)}
        missing[node.name] = set() if taken else missing[node.name] - known
    assert len(missing) > 20
    assert {name: names for name, names in missing.items() if names} == {}


def test_retry_and_its_defaults(tmp_path: Path) -> None:
    assert spec(tmp_path, "retry", "@retry") == {}
    policy = step_specs(tmp_path, "@retry()").retry
    assert policy is not None
    assert (policy.limit, policy.backoff_seconds) == (3, 120)
    assert spec(tmp_path, "retry", "@retry(times='2', minutes_between_retries=0.5)") == {
        "limit": 2, "backoff_seconds": 30.0,
    }  # fmt: skip


def test_catch_gives_fallback_attempts(tmp_path: Path) -> None:
    assert spec(tmp_path, "catch", "@catch") == {}
    assert step_specs(tmp_path, "@catch").retries == FALLBACK_RETRIES == 3
    specs = step_specs(tmp_path, "@catch(var='e', print_exception=False)", "@retry(times=2)")
    assert specs.retries == 5
    assert specs.catch is not None
    assert (specs.catch.variable, specs.catch.print_exception) == ("e", False)
    assert step_specs(tmp_path, "@retry(times=2)").retries == 2


def test_timeouts_are_summed(tmp_path: Path) -> None:
    assert spec(tmp_path, "timeout", "@timeout(hours=1, minutes='2', seconds=3)") == {"seconds": 3723}


def test_environment_writes_values_out(tmp_path: Path) -> None:
    variables = "@environment(vars={'A': 1, 'B': True, 'C': 0.5, 'D': 'x'})"
    assert spec(tmp_path, "environment", variables) == {"variables": {"A": "1", "B": "True", "C": "0.5", "D": "x"}}
    assert spec(tmp_path, "environment", "@environment") is None


def test_kubernetes_in_full(tmp_path: Path) -> None:
    specs = step_specs(
        tmp_path,
        "@kubernetes(cpu=2, memory='8Gi', disk=20000, gpu=1, gpu_vendor='amd', image='i', image_pull_policy='Always',"
        " image_pull_secrets=['p'], service_account='s', namespace='n', secrets='one', node_selector='a=b,c=d',"
        " tolerations=[{'key': 'k', 'operator': 'Exists'}], labels={'l': 'v'}, annotations={'a': 'v'},"
        " use_tmpfs=True, tmpfs_tempdir=False, tmpfs_path='/t', persistent_volume_claims={'c': '/p'},"
        " shared_memory=64, port=8080, compute_pool='pool', executable='python3.12', hostname_resolution_timeout=60,"
        " qos='Guaranteed', extended_resources={'x/y': 2}, security_context={'privileged': True, 'run_as_user': 5})",
    )
    dumped = without_spans(specs.model_dump(exclude_defaults=True))
    assert dumped == {
        "resources": {
            "cpu": 2, "memory_mb": 8192, "disk_mb": 20000, "shared_memory_mb": 64, "extended": {"x/y": "2"},
        },
        "accelerator": {"count": 1, "vendor": "amd"},
        "placement": {
            "node_selector": {"a": "b", "c": "d", "outerbounds.co/compute-pool": "pool"},
            "tolerations": [{"key": "k", "operator": "Exists"}],
        },
        "container": {
            "image": "i", "image_pull_policy": "Always", "image_pull_secrets": ["p"], "service_account": "s",
            "namespace": "n", "secrets": ["one"], "labels": {"l": "v"}, "annotations": {"a": "v"},
            "persistent_volume_claims": {"c": "/p"}, "port": 8080, "qos": "guaranteed", "executable": "python3.12",
            "hostname_resolution_timeout": 60, "tmpfs": {"size_mb": 4096, "path": "/t", "tempdir": False},
            "security_context": {"privileged": True, "run_as_user": 5},
        },
    }  # fmt: skip


def test_what_is_flowcs_own_of_kubernetes(tmp_path: Path) -> None:
    terms = "[{'matchExpressions': [{'key': 'k', 'operator': 'Exists'}]}]"
    specs = step_specs(
        tmp_path,
        "@kubernetes(gpu_type='t4', cpu=1, cpu_limit=2, memory_limit='1Gi', disk_limit=5, priority_class='high',"
        " scheduler='kueue', config_maps='one', secret_volumes={'s': '/s'}, config_map_volumes='c=/c',"
        " affinity={'nodeAffinity': {'requiredDuringSchedulingIgnoredDuringExecution':"
        f" {{'nodeSelectorTerms': {terms}}}}}}},"
        " security_context={'runAsUser': 5, 'fsGroup': 6, 'supplemental_groups': [7],"
        " 'read_only_root_filesystem': True, 'seccompProfile': {'type': 'Localhost', 'localhostProfile': 'p.json'}})",
    )
    assert without_spans(specs.model_dump(exclude_defaults=True)) == {
        "resources": {"cpu": 1, "cpu_limit": 2, "memory_limit_mb": 1024, "disk_limit_mb": 5},
        "accelerator": {"count": 1, "type": "t4"},
        "placement": {"affinity": {"node_affinity": {"required_during_scheduling_ignored_during_execution": {
            "node_selector_terms": [{"match_expressions": [{"key": "k", "operator": "Exists"}]}],
        }}}},
        "container": {
            "priority_class": "high", "scheduler": "kueue", "config_maps": ["one"], "secret_volumes": {"s": "/s"},
            "config_map_volumes": {"c": "/c"}, "pod_security": {"fs_group": 6, "supplemental_groups": [7]},
            "security_context": {
                "run_as_user": 5, "read_only_root_filesystem": True,
                "seccomp_profile": {"type": "Localhost", "localhost_profile": "p.json"},
            },
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "size"),
    [("use_tmpfs=True", 2048), ("use_tmpfs=True, memory=1000", 500), ("tmpfs_size=7", 7), ("tmpfs_path='/x'", None)],
)
def test_the_size_of_a_tmpfs(tmp_path: Path, arguments: str, size: int | None) -> None:
    container = step_specs(tmp_path, f"@kubernetes({arguments})").container
    assert (container and container.tmpfs and container.tmpfs.size_mb) == size


def test_resources_are_combined_by_maximum(tmp_path: Path) -> None:
    kubernetes = "@kubernetes(cpu=4, memory=1000, gpu='a100:2', disk=5)"
    specs = step_specs(tmp_path, "@resources(cpu=2, memory=2000, gpu=1, shared_memory=9)", kubernetes)
    assert without_spans(specs.model_dump(exclude_defaults=True)) == {
        "resources": {"cpu": 4, "memory_mb": 2000, "disk_mb": 5, "shared_memory_mb": 9},
        "accelerator": {"count": 2, "type": "a100"},
    }


def test_batch_says_the_same_in_other_words(tmp_path: Path) -> None:
    """What AWS Batch and Kubernetes both have comes out alike; only the rest is Batch's own."""
    both = "cpu=3, gpu=1, memory=100, image='i', shared_memory=5, tmpfs_size=6, executable='p'"
    batch, kubernetes = step_specs(tmp_path, f"@batch({both})"), step_specs(tmp_path, f"@kubernetes({both})")
    assert without_spans(batch.model_dump()) == without_spans(kubernetes.model_dump())
    specs = step_specs(
        tmp_path,
        "@batch(inferentia=2, efa=1, ephemeral_storage=30, host_volumes=['/a', '/b:/c'], privileged=True, queue='q',"
        " iam_role='r', execution_role='e', max_swap=5, swappiness=0, aws_batch_tags={'t': 1}, log_driver='d',"
        " log_options=['o'], efs_volumes='fs-1')",
    )
    assert without_spans(specs.model_dump(exclude_defaults=True)) == {
        "resources": {
            "disk_mb": 30720, "extended": {"aws.amazon.com/neuron": "2", "vpc.amazonaws.com/efa": "1"},
        },
        "container": {"host_volumes": {"/a": "/a", "/b": "/c"}, "security_context": {"privileged": True}},
        "batch": {
            "queue": "q", "iam_role": "r", "execution_role": "e", "max_swap_mb": 5, "swappiness": 0,
            "tags": {"t": "1"}, "log_driver": "d", "log_options": ["o"], "efs_volumes": ["fs-1"],
        },
    }  # fmt: skip
    trainium = step_specs(tmp_path, "@batch(trainium=1)").resources
    assert trainium is not None
    assert trainium.extended == {"aws.amazon.com/neuron": "1"}


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decorator = (
        "@secrets(sources=['aws-secrets-manager.a.b', {'type': 'kubernetes', 'id': 'k', 'role': 'own'},"
        " {'type': 'gcp-secret-manager', 'id': 'g', 'options': {'json': True}}], role='r', allow_override=True)"
    )
    assert spec(tmp_path, "secrets", decorator) == {
        "sources": (
            {"type": "aws-secrets-manager", "id": "a.b", "role": "r"},
            {"type": "kubernetes", "id": "k", "role": "own"},
            {"type": "gcp-secret-manager", "id": "g", "options": {"json": True}, "role": "r"},
        ),
        "allow_override": True,
    }
    monkeypatch.setenv("METAFLOW_DEFAULT_SECRETS_BACKEND_TYPE", "az-key-vault")
    assert spec(tmp_path, "secrets", "@secrets(sources=['name'])") == {
        "sources": ({"type": "az-key-vault", "id": "name"},)
    }


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"type": "kubernetes", "id": "S3_keys"}, "'S3_keys' is not a valid name in Kubernetes"),
        ("kubernetes.a\n", "is not a valid name in Kubernetes"),
        ({"type": "inline", "options": {"env_vars": {"A": "a\0b"}}}, "the value of 'A' has a character that no"),
        ({"type": "inline", "options": {"env_vars": {"A": "\ud800"}}}, "the value of 'A' has a character that no"),
        ({"type": "inline", "options": {"env_vars": {"A\0": "a"}}}, "is not the name of a variable"),
    ],
)
def test_secrets_that_no_task_could_have(tmp_path: Path, source: object, says: str) -> None:
    with pytest.raises(FlowcError) as caught:
        step_specs(tmp_path, f"@secrets(sources=[{source!r}])")
    (problem,) = caught.value.diagnostics
    assert problem.code == "FC404"
    assert says in problem.message


@pytest.mark.parametrize(
    ("base", "own", "wanted"),
    [
        ("@pypi_base(packages={'a': '1'}, python='3.11')", "@pypi(packages={'b': '2'})",
         {"manager": "pypi", "packages": {"a": "1", "b": "2"}, "python": "3.11"}),
        ("@pypi_base(packages={'a': '1'}, python='3.11')", "@pypi(packages={'a': '2'}, python='3.12')",
         {"manager": "pypi", "packages": {"a": "2"}, "python": "3.12"}),
        ("@conda_base(libraries={'a': 1.5, 'b': '1'}, packages={'b': '2'})", "@card",
         {"manager": "conda", "packages": {"a": "1.5", "b": "2"}}),
        ("@conda_base(packages={'a': '1'})", "@conda(disabled=True)",
         {"manager": "conda", "packages": {"a": "1"}, "disabled": True}),
        ("@conda_base(packages={'a': '1'}, disabled=True)", "@conda(disabled=False)",
         {"manager": "conda", "packages": {"a": "1"}}),
        ("@conda_base(python='3.11')", "@pypi(packages={'b': '2'})",
         {"manager": "pypi", "packages": {"b": "2"}, "python": "3.11"}),
        ("", "@conda(packages={'a': '1'})", {"manager": "conda", "packages": {"a": "1"}}),
    ],
)  # fmt: skip
def test_packages_of_the_flow_and_of_the_step(tmp_path: Path, base: str, own: str, wanted: dict[str, Any]) -> None:
    assert spec(tmp_path, "dependencies", own, flow=base) == wanted


@pytest.mark.parametrize(
    ("argument", "says"),
    [
        ("service_account='An Account'", "'An Account' is not a valid name in Kubernetes"),
        ("namespace='Flows'", "'Flows' is not a valid name in Kubernetes"),
        ("secrets=['a', 'S3_keys']", "'S3_keys' is not a valid name in Kubernetes"),
        ("image_pull_secrets='pull it'", "'pull it' is not a valid name in Kubernetes"),
        ("persistent_volume_claims={'my_claim': '/data'}", "'my_claim' is not a valid name in Kubernetes"),
        ("image='python 3.11'", "'python 3.11' is not an image"),
        ("image=''", "'' is not an image"),
        ("node_selector={'a key': 'b'}", "'a key' is not a valid key"),
        ("node_selector={'example.com/a': 'b c'}", "'b c' is not a label"),
        ("labels={'example.com/x/y': ''}", "'example.com/x/y' is not a valid key"),
        ("annotations={'-a': 'any text'}", "'-a' is not a valid key"),
    ],
)
def test_names_that_kubernetes_would_refuse_when_the_pod_starts(tmp_path: Path, argument: str, says: str) -> None:
    with pytest.raises(FlowcError) as caught:
        step_specs(tmp_path, f"@kubernetes({argument})")
    (problem,) = caught.value.diagnostics
    assert problem.code == "FC404"
    assert says in problem.message


def test_cards_reach_the_ir_and_what_is_not_drawn_is_reported(tmp_path: Path) -> None:
    sink = DiagnosticSink()
    source = """
        from metaflow import FlowSpec, card, step

        class F(FlowSpec):
            @card
            @card(type="html", id="b", options={"x": 1, "title": "T"}, timeout=5, customize=True, refresh_interval=1)
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    specs = compiled(tmp_path, source, sink).flow.by_name["start"].specs
    assert [(card.type, card.id, card.title, card.customize, card.refresh) for card in specs.cards] == [
        ("default", None, None, False, 5),
        ("html", "b", "T", True, 1),
    ]
    assert [(item.code, item.severity, item.message.partition(":")[0]) for item in sink.diagnostics] == [
        ("FC409", "warning", "flowc draws no cards of type 'html'"),
        ("FC409", "warning", "options of `@card` does nothing"),
        ("FC409", "warning", "timeout of `@card` does nothing"),
    ]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("", {"crons": ["0 0 * * *"], "original": ["daily"]}),
        ("()", {"crons": ["0 0 * * *"], "original": ["daily"]}),
        ("(hourly=True)", {"crons": ["0 * * * *"], "original": ["hourly"]}),
        ("(weekly=True, hourly=True)", {"crons": ["0 0 * * 0"], "original": ["weekly"]}),
        ("(cron='0 9 ? * MON *', weekly=True)", {"crons": ["0 9 * * 1"], "original": ["0 9 ? * MON *"]}),
        ("(timezone='Europe/Berlin')", {"crons": ["0 0 * * *"], "original": ["daily"], "timezone": "Europe/Berlin"}),
        (
            "(cron=['0 9 ? * MON *', '0 5 * * *', '0 9 * * 1'])",
            {"crons": ["0 9 * * 1", "0 5 * * *"], "original": ["0 9 ? * MON *", "0 5 * * *"]},
        ),
        ("(hourly=True)\n@schedule", {"crons": ["0 * * * *", "0 0 * * *"], "original": ["hourly", "daily"]}),
        ("(daily=False)", None),
    ],
)
def test_schedule(tmp_path: Path, arguments: str, wanted: dict[str, Any] | None) -> None:
    assert flow_specs(tmp_path, f"@schedule{arguments}").get("schedule") == wanted


def test_triggers(tmp_path: Path) -> None:
    found = flow_specs(
        tmp_path,
        "@trigger(events=['a', {'name': 'b', 'parameters': {'x': 'y'}}, {'name': 'c', 'parameters': ['p', ('q', 'r')]},"
        " namespaced_event_name('d')], options={'reset_at': {'cron': '0 0 * * *'}})",
        "@trigger_on_finish(flow={'name': 'Up', 'project': 'shop', 'project_branch': 'prod'})",
        parameters="x p q",
    )
    assert found["trigger"] == {
        "events": [
            {"name": "a"},
            {"name": "b", "parameters": {"x": "y"}},
            {"name": "c", "parameters": {"p": "p", "q": "r"}},
            {"name": "d", "namespaced": True},
        ],
        "options": {"reset_at": {"cron": "0 0 * * *"}},
    }
    assert found["trigger_on_finish"] == {"flows": [{"name": "Up", "project": "shop", "branch": "prod"}]}
    named = flow_specs(tmp_path, "@trigger_on_finish(flows=['A', 'shop.user.ann.B'])")
    assert named["trigger_on_finish"] == {
        "flows": [{"name": "A"}, {"name": "B", "project": "shop", "branch": "user.ann"}]
    }


def test_exit_hooks_are_functions_of_the_file_or_imports(tmp_path: Path) -> None:
    found = flow_specs(
        tmp_path,
        "@exit_hook(on_success=[own, imported, 'own'], on_error=['package.module.function'])",
        "@exit_hook(on_error=[own], options={'image': 'i'})",
        before="from somewhere import imported\n\ndef own(): ...\n",
    )
    assert found["exit_hooks"] == [
        {"on_success": ["own", "imported", "own"], "on_error": ["package.module.function"]},
        {"on_error": ["own"], "options": {"image": "i"}},
    ]


def test_decorators_of_a_base_class_are_the_flows(tmp_path: Path) -> None:
    source = """
        from metaflow import FlowSpec, project, pypi_base, schedule, step

        @project(name="shop")
        @pypi_base(packages={"a": "1"})
        class Base(FlowSpec):
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass

        @schedule
        class F(Base):
            pass
    """
    flow = compiled(tmp_path, source).flow
    assert flow.specs.project is not None
    assert flow.specs.schedule is not None
    assert all(step.specs.dependencies is not None for step in flow.steps)


@pytest.mark.parametrize(
    ("written", "filters"),
    [
        ("{'a': 'x'}", [{"field": "a", "comparator": "=", "values": ["x"]}]),
        ("{'a': ['x', 'y']}", [{"field": "a", "comparator": "=", "values": ["x", "y"]}]),
        ("{'a': {'!=': 'x'}}", [{"field": "a", "comparator": "!=", "values": ["x"]}]),
        ("{'a': {'>': 1.5}, 'b': 2}", [
            {"field": "a", "comparator": ">", "values": [1.5]}, {"field": "b", "comparator": "=", "values": [2]},
        ]),
        ("{'a': []}", None), ("{'a': {}}", None), ("{'a': None}", None), ("{'a': True}", None), ("5", None),
        ("{'a': {'>': 'x'}}", None), ("{'a': {'~': 'x'}}", None), ("{'a': ['x', 1]}", None),
        ("{'a': float('nan')}", None), ("{'a': {'<': 1e999}}", None), ("{'a': [1, -10**400]}", None),
    ],
)  # fmt: skip
def test_filters_of_events(tmp_path: Path, written: str, filters: list[dict[str, Any]] | None) -> None:
    decorator = f"@trigger(event={{'name': 'e', 'filter': {written}}})"
    if filters is not None:
        assert flow_specs(tmp_path, decorator)["trigger"]["events"][0]["filters"] == filters
        return
    with pytest.raises(FlowcError) as caught:
        flow_specs(tmp_path, decorator)
    assert [item.code for item in caught.value.diagnostics] == ["FC404"]


def test_arguments_may_be_unpacked_and_computed(tmp_path: Path) -> None:
    source = """
        from metaflow import FlowSpec, kubernetes, step

        POD = {"cpu": 2, "image": "i"}

        class F(FlowSpec):
            @kubernetes(**POD, memory=4 * 1024)
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
    specs = compiled(tmp_path, source).flow.by_name["start"].specs
    assert specs.resources is not None
    assert (specs.resources.cpu, specs.resources.memory_mb) == (2, 4096)
    assert specs.container is not None
    assert specs.container.image == "i"


@pytest.mark.parametrize(
    ("helper", "says"),
    [
        ("def pick():\n    if os.name:\n        return 'a'\n    return 'b'\n", "what line 4 of"),
        ("def pick():\n    for item in os.environ:\n        if item:\n            return 'a'\n", "what line 5 of"),
        ("def pick():\n    if os.name:\n        yield 'a'\n        return\n    yield 'b'\n", "generator"),
    ],
)
def test_a_function_of_another_module_whose_way_out_is_not_known(tmp_path: Path, helper: str, says: str) -> None:
    """The call stands below the last line of the helper's file: its own lines are named, not those of the flow."""
    write_files(tmp_path, {"helper.py": f"import os\n\n{helper}"})
    text = (
        "from metaflow import *\nfrom helper import pick\n\n\n\n\n\n\nclass F(FlowSpec):\n"
        "    @environment(vars={'A': ''.join(pick())})\n    @step\n    def start(self):\n        self.next(self.end)\n"
        "    @step\n    def end(self):\n        pass\n"
    )
    [found] = refused(tmp_path, text)
    assert (found.code, found.span and found.span.line) == ("FC402", 10)
    assert says in found.message
