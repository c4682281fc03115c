"""The rows of docs/metaflow.md: every name, argument and rule of Metaflow, each with the least code that uses it.

A row's code is put into a flow and compiled for every target; what comes of it is what the page says. Code that stands
in a step is run, too.
"""

from __future__ import annotations

import textwrap
from typing import NamedTuple

FLOW = '''
from metaflow import *
{top}

{above}
class RowFlow(FlowSpec):
    """A flow."""
{members}
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

{step}
    @step
    def work(self):
        self.x = self.input
{body}
        self.next(self.join)

    @step
    def join(self, inputs):
{join}
        self.next(self.end)

    @step
    def end(self):
        pass
'''
"""A foreach with a join, which the parts of a row are put into."""


class Row(NamedTuple):
    """One line of a table: the name as the page has it, and where its code belongs."""

    name: str
    place: str
    """`top`, `above` (the class), `members`, `step` (a decorator), `body`, `join`, or `file` for a whole file."""
    code: str
    fails: bool = False
    """Whether the run of the file has to fail."""

    @property
    def source(self) -> str:
        """The flow file."""
        if self.place == "file":
            return textwrap.dedent(self.code)
        parts = {"top": "", "above": "", "members": "", "step": "", "body": "", "join": "pass"}
        parts[self.place] = self.code
        depth = {"members": 4, "step": 4, "body": 8, "join": 8}
        for place, text in parts.items():
            parts[place] = textwrap.indent(textwrap.dedent(text), " " * depth.get(place, 0))
        return FLOW.format(**parts)


def graph(body: str) -> str:
    """A whole file of one class: the text after `class RowFlow(FlowSpec):`."""
    return "from metaflow import *\n\n\nclass RowFlow(FlowSpec):\n" + textwrap.indent(textwrap.dedent(body), "    ")


def steps(**bodies: str) -> str:
    """A file whose steps have these bodies; `name__decorator=...` puts a decorator above, a join's body uses inputs."""
    text = ""
    for name, body in bodies.items():
        joins = ", inputs" if body.startswith("inputs;") else ""
        text += f"@step\ndef {name}(self{joins}):\n"
        lines = [part.strip() for part in body.removeprefix("inputs;").split(";")]
        text += textwrap.indent("\n".join(lines), "    ") + "\n\n"
    return graph(text)


END = "pass"
NEXT = "self.next(self.end)"

PARAMETER = """
from metaflow import *

class RowFlow(FlowSpec):
    p = Parameter('p', {given})

    @step
    def start(self):
        {body}
        self.next(self.end)

    @step
    def end(self):
        pass
"""

GRAPH = [
    Row("`self.next(self.a)`", "file", steps(start="self.next(self.a)", a=NEXT, end=END)),
    Row("`self.next(self.a, self.b)`", "file", steps(
        start="self.next(self.a, self.b)", a="self.next(self.join)", b="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("`self.next(self.a, foreach='items')`", "body", "pass"),
    Row("foreach over a list, tuple, dict, set, range, str, generator", "file", steps(
        start="self.items = (x for x in {3, 1}); self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("foreach over nothing (an error in Metaflow)", "file", steps(
        start="self.items = []; self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("foreach within a foreach, branches and longer bodies within a foreach", "file", steps(
        start="self.xs = [1, 2]; self.next(self.a, foreach='xs')",
        a="self.ys = [3]; self.next(self.b, foreach='ys')", b="self.next(self.c, self.d)",
        c="self.next(self.cd)", d="self.next(self.cd)", cd="inputs;self.next(self.inner)",
        inner="inputs;self.next(self.outer)", outer=f"inputs;{NEXT}", end=END)),
    Row("`self.next(self.a, num_parallel=2)` to a `@parallel` step", "file", graph("""
        @step
        def start(self):
            self.next(self.a, num_parallel=2)

        @parallel
        @step
        def a(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("`self.next({'x': self.a, 'y': self.b}, condition='v')`", "file", steps(
        start="self.v = 'x'; self.next({'x': self.a, 'y': self.b}, condition='v')", a=NEXT, b=NEXT, end=END)),
    Row("a switch within a foreach and within a branch", "file", steps(
        start="self.xs = [0, 1]; self.next(self.pick, foreach='xs')",
        pick="self.v = self.input; self.next({0: self.a, 1: self.b}, condition='v')",
        a="self.next(self.both)", b="self.next(self.both)", both="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
    Row("recursion: a switch that leads to itself", "file", steps(
        start="self.n = 0; self.next(self.a)",
        a="self.n += 1; self.go = self.n < 3; self.next({True: self.a, False: self.end}, condition='go')", end=END)),
    Row("a value of the condition that is no case: the task fails", "file", steps(
        start="self.v = 'z'; self.next({'x': self.a, 'y': self.b}, condition='v')", a=NEXT, b=NEXT, end=END),
        fails=True),
    Row("foreach over what cannot be iterated over: the task fails", "file", steps(
        start="self.items = 3; self.next(self.a, foreach='items')", a="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END), fails=True),
    Row("`@step(start=True)`, `@step(end=True)`", "file", graph("""
        @step(start=True)
        def first(self):
            self.next(self.last)

        @step(end=True)
        def last(self):
            pass
    """)),
    Row("steps inherited from a base class", "file", """
        from metaflow import *

        class Base(FlowSpec):
            @step
            def end(self):
                pass

        class RowFlow(Base):
            @step
            def start(self):
                self.next(self.end)
    """),
]  # fmt: skip

LINT = [
    Row("a reserved step name", "file", steps(start="self.next(self.foreach_stack)", foreach_stack=NEXT, end=END)),
    Row("two start or two end steps", "file", graph("""
        @step(start=True)
        def one(self):
            self.next(self.end)

        @step(start=True)
        def two(self):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("no start or no end step", "file", steps(start="self.next(self.a)", a="pass")),
    Row("a step that leads to start", "file", steps(start="self.next(self.a)", a="self.next(self.start)", end=END)),
    Row("an end step that goes on", "file", steps(start=NEXT, end="self.next(self.start)")),
    Row("a step name with other than `[a-z0-9_]`", "file", steps(start="self.next(self.Aa)", Aa=NEXT, end=END)),
    Row("a step with wrong arguments", "file", graph("""
        @step
        def start(self, one, two):
            self.next(self.end)

        @step
        def end(self):
            pass
    """)),
    Row("a step that does not end in `self.next`", "file", steps(start="self.x = 1", end=END)),
    Row("`self.next` that is not a transition", "file", steps(start="self.next('end')", end=END)),
    Row("an unknown step in `self.next`", "file", steps(start="self.next(self.nope)", end=END)),
    Row("a loop", "file", steps(start="self.next(self.a)", a="self.next(self.b)", b="self.next(self.a)", end=END)),
    Row("a step that is never reached", "file", steps(start=NEXT, a=NEXT, end=END)),
    Row("a split that is not joined", "file", steps(start="self.next(self.a, self.b)", a=NEXT, b=NEXT, end=END)),
    Row("a join of steps of different splits", "file", steps(
        start="self.next(self.a, self.b)", a="self.next(self.c, self.d)", b="self.next(self.e)",
        c="self.next(self.e)", d="self.next(self.f)", e="inputs;self.next(self.f)", f=f"inputs;{NEXT}", end=END)),
    Row("a join without a split", "file", steps(start="self.next(self.a)", a=f"inputs;{NEXT}", end=END)),
    Row("a switch that is not a dict of constants to steps", "file", steps(
        start="self.v = 1; self.next({1: 'end'}, condition='v')", end=END)),
    Row("a foreach straight into a join", "file", steps(
        start="self.xs = [1]; self.next(self.join, foreach='xs')", join=f"inputs;{NEXT}", end=END)),
    Row("`num_parallel` without `@parallel`, or the reverse", "file", steps(
        start="self.next(self.a, num_parallel=2)", a="self.next(self.join)", join=f"inputs;{NEXT}", end=END)),
    Row("a switch arm straight into a join", "file", steps(
        start="self.xs = [1]; self.next(self.a, foreach='xs')",
        a="self.v = 1; self.next({1: self.join, 2: self.b}, condition='v')", b="self.next(self.join)",
        join=f"inputs;{NEXT}", end=END)),
]  # fmt: skip

JOINS = [
    Row("`inputs[i]`, `len(inputs)`", "join", "assert [inputs[i].x for i in range(len(inputs))] == [1, 2]"),
    Row("`for one in inputs`, in the order of the split", "join", "assert [one.x for one in inputs] == [1, 2]"),
    Row("`inputs.name` of a step", "join", "assert inputs.work.x in (1, 2)"),
    Row("parameters and constants of a join, nothing else", "join", "assert not hasattr(self, 'items')"),
    Row("`merge_artifacts(inputs)`", "join", "self.x = 0; self.merge_artifacts(inputs); assert self.items == [1, 2]"),
    Row("`merge_artifacts(inputs, include=[...])`", "join",
        "self.merge_artifacts(inputs, include=['items']); assert not hasattr(self, 'x')"),
    Row("`merge_artifacts(inputs, exclude=[...])`", "join",
        "self.merge_artifacts(inputs, exclude=['x']); assert self.items == [1, 2]"),
    Row("include and exclude together: an error", "join", """
        from metaflow.exception import MetaflowException
        try:
            self.merge_artifacts(inputs, include=['items'], exclude=['x'])
            raise AssertionError
        except MetaflowException:
            pass
    """),
    Row("differing values: `UnhandledInMergeArtifactsException`", "join", """
        from metaflow.exception import UnhandledInMergeArtifactsException
        try:
            self.merge_artifacts(inputs)
            raise AssertionError
        except UnhandledInMergeArtifactsException as error:
            assert error.artifact_names == ['x']
    """),
    Row("an included name that is nowhere: `MissingInMergeArtifactsException`", "join", """
        from metaflow.exception import MissingInMergeArtifactsException
        try:
            self.merge_artifacts(inputs, include=['nope'])
            raise AssertionError
        except MissingInMergeArtifactsException as error:
            assert error.artifact_names == ['nope']
    """),
    Row("`merge_artifacts` outside of a join: an error", "body", """
        from metaflow.exception import MetaflowException
        try:
            self.merge_artifacts([])
            raise AssertionError
        except MetaflowException:
            pass
    """),
    Row("attributes are stored, except `__names`, methods, properties and parameters", "body", "self.kept = print"),
    Row("a value that cannot be pickled: the task fails, naming artifact and type", "file", steps(
        start="self.f = [lambda: 1]; self.next(self.end)", end=END), fails=True),
    Row("parameters are read-only", "file", PARAMETER.format(given="default=1", body="self.p = 2"), fails=True),
    Row("class constants are read-only", "file", steps(start="self.limit = 2; self.next(self.end)", end=END).replace(
        "(FlowSpec):\n", "(FlowSpec):\n    limit = 1\n"), fails=True),
]  # fmt: skip

PARAMETERS = [
    Row("`Parameter(name)`", "members", "p = Parameter('p', required=True)"),
    Row("`default`", "members", "p = Parameter('p', default=3)"),
    Row("`default` that is a function", "file", PARAMETER.format(
        given="default=lambda context: context.flow_name", body="assert self.p == 'RowFlow'")),
    Row("`type=str`", "members", "p = Parameter('p', type=str, default='x')"),
    Row("`type=int`", "members", "p = Parameter('p', type=int, default=1)"),
    Row("`type=float`", "members", "p = Parameter('p', type=float, default=1.5)"),
    Row("`type=bool`", "members", "p = Parameter('p', type=bool, default=False)"),
    Row("`type=JSONType`", "members", "p = Parameter('p', type=JSONType, default='[1]')"),
    Row("`help`", "members", "p = Parameter('p', default=1, help='what it is')"),
    Row("`required`", "members", "p = Parameter('p', required=True)"),
    Row("`show_default`", "members", "p = Parameter('p', default=1, show_default=False)"),
    Row("`separator`", "file", PARAMETER.format(
        given="default='a,b', separator=','", body="assert self.p == ['a', 'b']")),
    Row("names that differ in case only: an error", "members",
        "p = Parameter('rate', default=1)\nq = Parameter('Rate', default=2)"),
    Row("a reserved parameter name: an error", "members", "p = Parameter('params', default=1)"),
    Row("`IncludeFile(name)`", "members", "p = IncludeFile('p', default='data.txt')"),
    Row("`is_text`", "members", "p = IncludeFile('p', default='data.txt', is_text=False)"),
    Row("`encoding`", "members", "p = IncludeFile('p', default='data.txt', encoding='latin-1')"),
    Row("`Config(name)`", "members", "c = Config('c', default='data.json')"),
    Row("`default_value`", "members", "c = Config('c', default_value={'n': 1})"),
    Row("`required` of a Config", "members", "c = Config('c', default='data.json', required=True)"),
    Row("`parser`", "members", "c = Config('c', default='data.json', parser='json.loads')"),
    Row("`parser` that is a function of the flow's", "file", """
        from metaflow import *

        def read(text):
            return {"n": len(text)}

        class RowFlow(FlowSpec):
            c = Config('c', default='data.json', parser=read)

            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
    Row("`plain`", "members", "c = Config('c', default='data.json', plain=True)"),
    Row("`self.c.n`, `self.c['n']`", "file", PARAMETER.format(
        given="default=1)\n    c = Config('c', default='data.json'", body="assert self.c.n == self.c['n'] == 2")),
    Row("`config_expr`", "file", """
        from metaflow import *

        class RowFlow(FlowSpec):
            c = Config('c', default='data.json')

            @retry(times=config_expr("c.n"))
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
]  # fmt: skip

_PROJECT = """
    from metaflow import *

    @project(name="rows")
    class RowFlow(FlowSpec):
        @step
        def start(self):
            {check}
            self.next(self.end)

        @step
        def end(self):
            pass
"""
_GANG = """
    from metaflow import *

    class RowFlow(FlowSpec):
        @step
        def start(self):
            self.next(self.a, num_parallel=2)

        @parallel
        @step
        def a(self):
            {check}
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""
_CURRENT = {
    "flow_name": "== 'RowFlow'",
    "run_id": "",
    "step_name": "== 'work'",
    "task_id": "",
    "retry_count": "== 0",
    "origin_run_id": "is None",
    "pathspec": ".count('/') == 3",
    "namespace": "is None or current.namespace.startswith('user:')",
    "username": "is None or current.username",
    "tags": "is not None",
    "tempdir": "",
    "parameter_names": "== []",
    "graph": "['start_step'] == 'start'",
    "is_running_flow": "",
    "task": ".id == current.task_id",
    "run": ".id == current.run_id",
    "trigger": "is None",
}
CURRENT = [
    *(Row(f"`current.{name}`", "body", f"assert current.{name} {check}") for name, check in _CURRENT.items()),
    Row("`current.get(name, default)`, `name in current`", "body",
        "assert current.get('nope', 1) == 1 and 'nope' not in current and 'run_id' in current"),
    *(Row(f"`current.{name}`", "file", _PROJECT.format(check=f"assert current.{name} {check}"))
      for name, check in {
          "project_name": "== 'rows'", "branch_name": "", "project_flow_name": ".startswith('rows.')",
          "is_production": "is False"}.items()),
    *(Row(f"`current.parallel.{name}`", "file", _GANG.format(check=f"assert current.parallel.{name} {check}"))
      for name, check in {
          "main_ip": "", "num_nodes": "== 2", "node_index": "== self.input", "control_task_id": "is not None"}.items()),
    Row("`current.card`: kept, and not drawn", "body", """
        from metaflow.cards import Markdown
        current.card.append(Markdown('x'))
    """),
    Row("`self.index`", "body", "assert self.index in (0, 1)"),
    Row("`self.input`", "body", "assert self.input in (1, 2)"),
    Row("`self.foreach_stack()`", "body", "assert self.foreach_stack()[0][1:] == (2, self.input)"),
    Row("`self.name`, `self.script_name`", "body", "assert (self.name, self.script_name[-3:]) == ('RowFlow', '.py')"),
]  # fmt: skip


def _arguments(decorator: str, place: str, values: dict[str, str], needed: str = "") -> list[Row]:
    """A row for a decorator, and one for each of its arguments."""
    rows = [Row(f"`@{decorator}`", place, f"@{decorator}({needed})")]
    for name, value in values.items():
        given = ", ".join(part for part in (needed, f"{name}={value}") if part and not needed.startswith(f"{name}="))
        rows.append(Row(f"`@{decorator}({name}=)`", place, f"@{decorator}({given or needed})"))
    return rows


STEP_DECORATORS = [
    *_arguments("resources", "step", {
        "cpu": "2", "gpu": "1", "disk": "20000", "memory": "8000", "shared_memory": "64"}),
    *_arguments("kubernetes", "step", {
        "cpu": "2", "memory": "8000", "disk": "20000", "image": "'python:3.11'", "image_pull_policy": "'Always'",
        "image_pull_secrets": "['s']", "service_account": "'a'", "secrets": "['s']", "node_selector": "{'a': 'b'}",
        "namespace": "'n'", "gpu": "1", "gpu_vendor": "'amd'", "tolerations": "[{'key': 'a', 'operator': 'Exists'}]",
        "labels": "{'a': 'b'}", "annotations": "{'a': 'b'}", "use_tmpfs": "True", "tmpfs_tempdir": "False",
        "tmpfs_size": "100", "tmpfs_path": "'/t'", "persistent_volume_claims": "{'c': '/c'}", "shared_memory": "64",
        "port": "8080", "compute_pool": "'p'", "executable": "'python3'", "hostname_resolution_timeout": "600",
        "qos": "'guaranteed'", "extended_resources": "{'a.b/c': '1'}",
        "security_context": "{'run_as_user': 1000}"}),
    *_arguments("batch", "step", {
        "cpu": "2", "gpu": "1", "memory": "8000", "image": "'python:3.11'", "queue": "'q'", "iam_role": "'r'",
        "execution_role": "'r'", "shared_memory": "64", "max_swap": "64", "swappiness": "10",
        "aws_batch_tags": "{'a': 'b'}",
        "use_tmpfs": "True", "tmpfs_tempdir": "False", "tmpfs_size": "100", "tmpfs_path": "'/t'", "inferentia": "1",
        "trainium": "1", "efa": "1", "ephemeral_storage": "30", "host_volumes": "['/h']", "efs_volumes": "['e']",
        "log_driver": "'awslogs'", "log_options": "['a:b']", "executable": "'python3'", "privileged": "True"}),
    *_arguments("retry", "step", {"times": "1", "minutes_between_retries": "0"}),
    *_arguments("catch", "step", {"var": "'error'", "print_exception": "False"}),
    Row("`@catch` on a step that splits, or a switch: an error", "file", """
        from metaflow import *

        class RowFlow(FlowSpec):
            @catch(var="error")
            @step
            def start(self):
                self.next(self.a, self.b)

            @step
            def a(self):
                self.next(self.join)

            @step
            def b(self):
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
    *_arguments("timeout", "step", {"seconds": "60", "minutes": "1", "hours": "1"}, "seconds=60"),
    *_arguments("environment", "step", {"vars": "{'A': 'b'}"}, "vars={'A': 'b'}"),
    *_arguments("secrets", "step", {"sources": "[]", "role": "'r'", "allow_override": "True"},
                "sources=[{'type': 'inline', 'options': {'env_vars': {'A': 'b'}}}]"),
    Row("`@secrets` of a cloud's manager", "step", "@secrets(sources=['aws-secrets-manager.name'])"),
    *_arguments("conda", "step", {
        "packages": "{'numpy': '2.0.0'}", "libraries": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("pypi", "step", {"packages": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("card", "step", {
        "type": "'blank'", "id": "'c'", "options": "{'a': 1}", "timeout": "10", "save_errors": "False",
        "customize": "True", "refresh_interval": "1"}),
]  # fmt: skip

_HOOK = """
    from metaflow import *

    def hook(run):
        print(run)

    @exit_hook(NAME=[hook])
    class RowFlow(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""

FLOW_DECORATORS = [
    *_arguments("project", "above", {"branch": "'b'", "production": "True"}, "name='rows'"),
    *_arguments("schedule", "above", {
        "cron": "'0 10 * * ? *'", "weekly": "True", "daily": "True", "hourly": "True"}),
    Row("`@schedule(timezone=)`", "above", "@schedule(daily=True, timezone='Europe/Berlin')"),
    Row("`@trigger(event=)`", "above", "@trigger(event='e')"),
    Row("`@trigger(events=)`", "above", "@trigger(events=['e', 'f'])"),
    Row("`@trigger_on_finish(flow=)`", "above", "@trigger_on_finish(flow='Other')"),
    Row("`@trigger_on_finish(flows=)`", "above", "@trigger_on_finish(flows=['Other', 'Another'])"),
    Row("`@exit_hook(on_success=)`", "file", _HOOK.replace("NAME", "on_success")),
    Row("`@exit_hook(on_error=)`", "file", _HOOK.replace("NAME", "on_error")),
    *_arguments("conda_base", "above", {
        "packages": "{'numpy': '2.0.0'}", "libraries": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
    *_arguments("pypi_base", "above", {"packages": "{'numpy': '2.0.0'}", "python": "'3.11'", "disabled": "True"}),
]  # fmt: skip

_SERVED = {
    "FlowSpec": "", "step": "", "Parameter": "", "JSONType": "", "JSONTypeClass": "", "IncludeFile": "", "Config": "",
    "ConfigValue": "", "config_expr": "", "current": "", "namespaced_event_name": "",
    "parallel_map": "assert parallel_map(str, [1, 2], max_parallel=2) == ['1', '2']",
    "parallel_imap_unordered": "assert sorted(parallel_imap_unordered(str, [1, 2])) == ['1', '2']",
    "profile": "with profile('nothing'):\n    pass",
    "Metaflow": "assert 'RowFlow' in [flow.id for flow in Metaflow()]",
    "Flow": "assert Flow('RowFlow').latest_run.id == current.run_id",
    "Run": "assert Run(f'RowFlow/{current.run_id}')['start'].task.successful",
    "Step": "assert Step(f'RowFlow/{current.run_id}/start').task.data.items == [1, 2]",
    "Task": "assert Task(current.run['start'].task.pathspec).finished",
    "DataArtifact": "assert DataArtifact(f\"{current.run['start'].task.pathspec}/items\").data == [1, 2]",
    "namespace": "assert namespace(None) is None",
    "get_namespace": "get_namespace()",
    "default_namespace": "default_namespace()",
    "metadata": "metadata(get_metadata())",
    "get_metadata": "assert get_metadata().startswith('flowc@')",
    "default_metadata": "default_metadata()",
}  # fmt: skip
_EXCEPTIONS = (
    "MetaflowException", "MetaflowExceptionWrapper", "MetaflowNotFound", "MetaflowNamespaceMismatch",
    "MetaflowInvalidPathspec", "MetaflowInternalError", "MetaflowTaggingError", "MetaflowUnknownUser",
    "MetaflowDataMissing", "ExternalCommandFailed", "CommandException", "ParameterFieldFailed",
    "ParameterFieldTypeMismatch", "InvalidDecoratorAttribute", "UnhandledInMergeArtifactsException",
    "MissingInMergeArtifactsException",
)  # fmt: skip
_CARDS = (
    "Artifact", "BlankCard", "DefaultCard", "Error", "ErrorCard", "EventsTimeline", "Image", "JSONViewer", "Markdown",
    "MetaflowCard", "MetaflowCardComponent", "PageComponent", "ProgressBar", "PythonCode", "Table", "ValueBox",
    "VegaChart", "YAMLViewer",
)  # fmt: skip
_REFUSED = (
    "FlowMutator", "StepMutator", "UserStepDecorator", "user_step_decorator", "USER_SKIP_STEP", "package_sources", "S3",
    "Runner", "NBRunner", "Deployer", "NBDeployer", "DeployedFlow", "inspect_spin", "airflow_external_task_sensor",
    "airflow_s3_key_sensor", "pytorch_parallel", "yaml_parser", "pyproject_toml_parser", "requirements_txt_parser",
    "conda_environment_yml_parser",
)  # fmt: skip
NAMES = [
    *(Row(f"`metaflow.{name}`", "body", f"from metaflow import {name}\n{code}") for name, code in _SERVED.items()),
    *(Row(f"`metaflow.exception.{name}`", "top", f"from metaflow.exception import {name}") for name in _EXCEPTIONS),
    Row("`metaflow.flowspec.InvalidNextException`", "top", "from metaflow.flowspec import InvalidNextException"),
    Row("`metaflow.multicore_utils.MulticoreException`", "top",
        "from metaflow.multicore_utils import MulticoreException"),
    *(Row(f"`metaflow.cards.{name}`: kept, and not drawn", "top", f"from metaflow.cards import {name}")
      for name in _CARDS),
    Row("`metaflow.cards.get_cards`", "top", "from metaflow.cards import get_cards"),
    *(Row(f"`metaflow.{name}`", "top", f"from metaflow import {name}") for name in _REFUSED),
    Row("`metaflow.plugins`, `metaflow.metaflow_config`, other modules", "top", "import metaflow.plugins"),
    Row("a user's step decorator: a decorator that is executed", "file", """
        from metaflow import *

        def mine(function):
            return function

        class RowFlow(FlowSpec):
            @mine
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
]  # fmt: skip

_CLIENT = {
    "Metaflow().flows": "assert [flow.id for flow in Metaflow().flows] == ['RowFlow']",
    "Metaflow()[name]": "assert Metaflow()['RowFlow'].id == 'RowFlow'",
    "Flow.latest_run": "assert flow.latest_run.id == current.run_id",
    "Flow.latest_successful_run": "assert flow.latest_successful_run is None",
    "Flow.runs(*tags)": "assert len(list(flow.runs())) == 1 and not list(flow.runs('nope'))",
    "Flow[run_id], iteration, in": "assert current.run_id in flow and flow[current.run_id].id == next(iter(flow)).id",
    "Run.data": "assert run.data is None",
    "Run.successful, finished": "assert not run.successful and not run.finished",
    "Run.finished_at": "assert run.finished_at is None",
    "Run.end_task": "assert run.end_task is None",
    "Run.steps(), Run[step], iteration, in": "assert 'start' in run and 'end' not in run and list(run.steps())",
    "Run.add_tag, add_tags, remove_tag, remove_tags, replace_tag, replace_tags": """
        if self.index == 0:
            run.add_tag('t')
            assert 't' in run.user_tags
    """,
    "Run.code, trigger: None": "assert run.code is None and run.trigger is None",
    "Step.task, tasks(), iteration": "assert step.task.id == next(step.tasks()).id == next(iter(step)).id",
    "Step.control_task, control_tasks()": "assert step.control_task is None",
    "Step.finished_at": "assert step.finished_at is not None",
    "Step.parent_steps, child_steps": "assert [one.id for one in step.child_steps] in ([], ['work'])",
    "Step.environment_info: None": "assert step.environment_info is None",
    "Task.data, artifacts, Task[name], iteration, in": """
        assert task.artifacts.items.data == task['items'].data == task.data.items == [1, 2]
        assert 'items' in task and [one.id for one in task] == ['items']
    """,
    "Task.successful, finished, finished_at, exception": """
        assert task.successful and task.finished and task.finished_at and task.exception is None
    """,
    "Task.stdout, stderr, loglines, stdout_size, stderr_size (lines without times)": """
        assert task.stdout == task.stderr == '' and list(task.loglines('stderr')) == []
        assert task.stdout_size == task.stderr_size == 0
    """,
    "Task.index, current_attempt, runtime_name": """
        assert current.task.index == self.index and task.current_attempt == 0 and task.runtime_name == 'dev'
    """,
    "Task.metadata, metadata_dict": "assert task.metadata_dict['attempt'] == '0' and task.metadata",
    "Task.parent_tasks, child_tasks, parent_task_pathspecs, child_task_pathspecs": """
        assert not list(task.parent_tasks) and not list(task.parent_task_pathspecs)
        assert {one.index for one in task.child_tasks} <= {0, 1} and list(task.child_task_pathspecs) is not None
    """,
    "Task.code, environment_info: None": "assert task.code is None and task.environment_info is None",
    "DataArtifact.data, size, sha, finished_at": """
        assert task['items'].size and task['items'].sha and task['items'].finished_at
    """,
    "id, pathspec, path_components, parent": """
        assert task.parent.parent.pathspec == run.pathspec == '/'.join(run.path_components)
    """,
    "created_at, tags, user_tags, system_tags, origin_pathspec, is_in_namespace()": """
        assert run.created_at <= task.created_at and run.tags >= run.system_tags
        assert step.origin_pathspec is None and run.is_in_namespace()
    """,
}
_HAVE = """
run = current.run
flow, step, task = run.parent, run['start'], run['start'].task
"""
CLIENT = [Row(f"`{name}`", "body", _HAVE + textwrap.dedent(code)) for name, code in _CLIENT.items()]

TABLES = {
    "The graph": GRAPH,
    "What Metaflow's validity checks refuse": LINT,
    "Joins and artifacts": JOINS,
    "Parameters, files and configs": PARAMETERS,
    "`current` and `self`": CURRENT,
    "Decorators of steps": STEP_DECORATORS,
    "Decorators of flows": FLOW_DECORATORS,
    "Names to import": NAMES,
    "The client": CLIENT,
}
"""The page's tables, in order."""
