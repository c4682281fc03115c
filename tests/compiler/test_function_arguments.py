"""A function in a decorator of the flow is called as Metaflow calls it when it deploys, or reported; so is any other
function, class or module where data belongs. None becomes its own name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.ir import Flow
from tests.support import compiled, refused

FLOW = """
import json
import os
from functools import partial

from flowc import FlowSpec, Parameter, namespaced_event_name, {names}, step

PREFIX = "table"


def name(context):
    return f"{{PREFIX}}.{{context.flow_name}}"


def event(context, deploy_time):
    return {{"name": "both", "parameters": ["size"]}} if deploy_time else "other"


def of_environment(context):
    return os.environ["EVENT"]


def joined(prefix, context):
    return prefix + context.parameter_name


def pairs(context):
    return [("size", "rows")]


class Namer:
    @staticmethod
    def upper(context):
        return context.flow_name.upper()


{decorator}
class DeployedFlow(FlowSpec):
    size = Parameter("size", default=1)

    @step
    def start(self):
        self.next(self.end)

    {above}
    @step
    def end(self):
        pass
"""


def _text(decorator: str, *, above: str = "") -> str:
    names = (decorator or above)[1:].partition("(")[0]
    return FLOW.format(names=names, decorator=decorator, above=above)


def _events(flow: Flow) -> list[Any]:
    spec = flow.specs.trigger
    assert spec is not None
    return [(event.name, event.parameters) for event in spec.events]


EVENTS: list[tuple[str, list[Any]]] = [
    ("event=name", [("table.DeployedFlow", {})]),
    ("event=lambda context: 'x' + context.flow_name", [("xDeployedFlow", {})]),
    ("event={'name': name, 'parameters': pairs}", [("table.DeployedFlow", {"size": "rows"})]),
    ("event={'name': 'own', 'parameters': lambda context: {'size': 'n'}}", [("own", {"size": "n"})]),
    ("event=event", [("both", {"size": "size"})]),
    ("event=partial(joined, 'of_')", [("of_event", {})]),
    ("event={'name': partial(joined, 'of_')}", [("of_event_name", {})]),
    ("event=Namer.upper", [("DEPLOYEDFLOW", {})]),
    ("events=[name, 'plain', event]", [("table.DeployedFlow", {}), ("plain", {}), ("both", {"size": "size"})]),
    ("events=lambda context: ['a', {'name': name}]", [("a", {}), ("table.DeployedFlow", {})]),
    ("event=namespaced_event_name('data')", [("data", {})]),
    ("event={'name': namespaced_event_name('data'), 'parameters': pairs}", [("data", {"size": "rows"})]),
]


@pytest.mark.parametrize(("arguments", "events"), EVENTS)
def test_what_metaflow_calls_is_called(tmp_path: Path, arguments: str, events: list[Any]) -> None:
    assert _events(compiled(tmp_path, _text(f"@trigger({arguments})")).flow) == events


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("flow=lambda context: 'First'", ["First"]),
        ("flow=lambda context: {'name': 'First', 'project': 'p'}", ["First"]),
        ("flows=lambda context: ['First', 'p.b.Second']", ["First", "Second"]),
    ],
)
def test_flows_that_a_function_names(tmp_path: Path, arguments: str, names: list[str]) -> None:
    spec = compiled(tmp_path, _text(f"@trigger_on_finish({arguments})")).flow.specs.trigger_on_finish
    assert spec is not None
    assert [flow.name for flow in spec.flows] == names


@pytest.mark.parametrize(
    ("decorator", "says"),
    [
        ("@trigger(event=of_environment)", """`os.environ["EVENT"]` reads the environment"""),
        ("@trigger(event=lambda context: context.user_name)", "`user_name` of the context is not known"),
        ("@trigger(event=os.getenv)", "flowc cannot compute what a call of it returns"),
        ("@trigger(event=json)", "`json` comes from a module"),
        ("@trigger(event=len)", "flowc cannot compute what a call of it returns"),
        ("@trigger(event=Namer)", "flowc cannot compute what a call of it returns"),
        ("@trigger(event=lambda: 'none')", "the function fails"),
        ("@trigger(event=lambda context: 5)", "an event is a name, or a dict"),
        ("@trigger(events=lambda context: 'text')", "events is a list"),
        ("@trigger(event={'name': 'x', 'parameters': {'size': name}})", "parameters are a dict of texts"),
        ("@trigger(event='x', options={'reset_at': name})", "`name` is a function, which nothing calls"),
        ("@trigger_on_finish(flow=name)", "'table.DeployedFlow' is neither a flow nor project.branch.flow"),
        ("@trigger_on_finish(flow={'name': name})", "a flow is a dict of name, project and project_branch"),
        ("@trigger_on_finish(flows=[name])", "flow"),
        ("@project(name=name)", "`name` of `@project` is not known: `name` is a function"),
        ("@project(name=Namer)", "`Namer` is a class"),
        ("@project(name='p', branch=str)", "`str` is a function"),
        ("@project(name='p', production=lambda context: True)", "it is a function"),
        ("@schedule(cron=name)", "`name` is a function"),
        ("@schedule(daily=name)", "`name` is a function"),
        ("@schedule(daily=True, timezone=os)", "`os` comes from a module"),
        ("@pypi_base(packages={'numpy': name})", "`name` is a function"),
        ("@exit_hook(on_error=[print, name], options=name)", "`name` is a function"),
    ],
)
def test_other_functions_are_reported(tmp_path: Path, decorator: str, says: str) -> None:
    found = refused(tmp_path, _text(decorator))
    assert any(says in item.message and item.span is not None for item in found), found


@pytest.mark.parametrize(
    "above",
    [
        "@resources(cpu=name)", "@resources(memory=lambda: 1)", "@kubernetes(image=name)",
        "@kubernetes(labels={'a': name})", "@kubernetes(tolerations=[{'key': name}])",
        "@environment(vars={'X': name})", "@environment(vars=name)", "@retry(times=Namer)", "@timeout(seconds=int)",
        "@catch(var=name)", "@secrets(sources=[name])",
        "@secrets(sources=[{'type': 'inline', 'options': {'env_vars': {'X': name}}}])", "@card(options={'x': name})",
        "@card(type=json)", "@batch(queue=name)", "@pypi(packages={'a': Namer})", "@conda(libraries={'a': len})",
    ],
)  # fmt: skip
def test_functions_in_decorators_of_steps_are_reported(tmp_path: Path, above: str) -> None:
    assert any(item.span is not None for item in refused(tmp_path, _text("", above=above)))
