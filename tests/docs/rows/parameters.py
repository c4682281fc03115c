"""Rows about parameters, configs, `current` and `self`."""

from __future__ import annotations

from tests.docs.rows.base import PARAMETER, Row

PLACES = """
    import os
    from pathlib import Path

    from metaflow import *

    class RowFlow(FlowSpec):
        p = IncludeFile('p', default={default})

        @step
        def start(self):
            assert self.p
            self.next(self.end)

        @step
        def end(self):
            pass
"""
FOLDED = """
    import os

    from metaflow import *

    {above}

    class RowFlow(FlowSpec):
        @environment(vars={{'X': {value}}})
        @step
        def start(self):
            assert os.environ['X'] == '{wanted}'
            self.next(self.end)

        @step
        def end(self):
            pass
"""
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
    Row("`is_flag`, `flag_value`, `count`", "file", PARAMETER.format(
        given="is_flag=True, default=True", body="assert self.p is True")),
    Row("`multiple`, `nargs`", "file", PARAMETER.format(
        given="multiple=True, type=int, default=[1, 2]", body="assert self.p == (1, 2)")),
    Row("`envvar`", "members", "p = Parameter('p', envvar=['P'], default=1)"),
    Row("`callback`", "file", PARAMETER.format(
        given="callback=lambda ctx, param, value: value + 1, default=1", body="assert self.p == 2")),
    Row("`metavar`, `hidden`, `show_envvar`, `show_choices`", "members",
        "p = Parameter('p', default=1, metavar='N', hidden=True)"),
    Row("`prompt`, `is_eager`, `allow_from_autoenv`: a warning", "members",
        "p = Parameter('p', default=1, prompt=True)"),
    Row("click's types: `type=click.Choice(...)`, `IntRange`, `FloatRange`, `Path`, `DateTime`, `UUID`", "file", """
        from metaflow import *
        from metaflow._vendor import click

        class RowFlow(FlowSpec):
            p = Parameter('p', type=click.Choice(['a', 'b']), default='a')
            q = Parameter('q', type=click.IntRange(0, 5), default=2)

            @step
            def start(self):
                assert (self.p, self.q) == ('a', 2)
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
    Row("`type=click.File()`: no step can read it", "file", """
        from metaflow import *
        from metaflow._vendor import click

        class RowFlow(FlowSpec):
            p = Parameter('p', type=click.File())

            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
    Row("`type` that is a class or a function: `Path`, an enumeration, `json.loads`", "file", PARAMETER.format(
        given="type=lambda text: text.split(), default='a b'", body="assert self.p == ['a', 'b']")),
    Row("`default` that is a `Path`, a member of an enumeration, a dataclass", "file", """
        from pathlib import Path

        from metaflow import *

        class RowFlow(FlowSpec):
            p = Parameter('p', default=Path('a'))

            @step
            def start(self):
                assert self.p == Path('a')
                self.next(self.end)

            @step
            def end(self):
                pass
    """),
    Row("names that differ in case only: an error", "members",
        "p = Parameter('rate', default=1)\nq = Parameter('Rate', default=2)"),
    Row("a reserved parameter name: an error", "members", "p = Parameter('params', default=1)"),
    Row("`IncludeFile(name)`", "members", "p = IncludeFile('p', default='data.txt')"),
    Row("a default file by `os.path.dirname(__file__)`", "file", PLACES.format(
        default="os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data.txt')")),
    Row("a default file by `Path(__file__).parent`", "file", PLACES.format(
        default="str(Path(__file__).resolve().parent / 'data.txt')")),
    Row("`os.environ.get(name, default)` in an argument of a decorator", "file", FOLDED.format(
        above="STAGE = os.environ.get('ROW_STAGE', 'dev')", value="f'x-{STAGE}'", wanted="x-dev")),
    Row("what Python computes of constants in an argument of a decorator", "file", FOLDED.format(
        above="COMMON = dict(A='a')", value="os.path.join('data', ','.join(sorted({**COMMON, 'B': 'b'})))",
        wanted="data/A,B")),
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
MAIN = """
    from metaflow import *

    class RowFlow(FlowSpec):
        def __init__(self, use_cli=True):
            {init}
            super().__init__(use_cli)

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            assert {check}

    if __name__ == "__main__":
        {main}
        RowFlow()
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
    Row("`current.card`", "body", """
        from metaflow.cards import Markdown
        current.card.append(Markdown('x'))
    """),
    Row("`current.spot_termination_notice`", "body", "assert current.spot_termination_notice"),
    *(Row(f"`current.{name}`", "body", f"print(current.{name})") for name in ("huggingface_hub", "model")),
    Row("the main block, up to the call of the flow", "file", MAIN.format(
        init="pass", check="self.mode == MODE == 'main'", main="MODE = RowFlow.mode = 'main'")),
    Row("`__init__` of the flow, and what it sets", "file", MAIN.format(
        init="self.mode = 'init'", check="self.mode == 'init'", main="pass")),
    Row("`self.index`", "body", "assert self.index in (0, 1)"),
    Row("`self.input`", "body", "assert self.input in (1, 2)"),
    Row(
        "`self.foreach_stack()`, and `self._foreach_stack`", "body",
        "assert self.foreach_stack()[0][1:] == (2, self.input)\nassert self._foreach_stack[0].num_splits == 2",
    ),
    Row("`self.name`, `self.script_name`", "body", "assert (self.name, self.script_name[-3:]) == ('RowFlow', '.py')"),
]  # fmt: skip
