"""Rows about what is imported from `metaflow`, and the client."""

from __future__ import annotations

import textwrap

from tests.docs.rows.base import Row

_SERVED = {
    "FlowSpec": "", "step": "", "Parameter": "", "JSONType": "", "JSONTypeClass": "", "IncludeFile": "", "Config": "",
    "ConfigValue": "", "config_expr": "", "FlowMutator": "", "StepMutator": "", "UserStepDecorator": "",
    "user_step_decorator": "", "USER_SKIP_STEP": "", "current": "", "exit_hook": "",
    "trigger": "", "trigger_on_finish": "",
    "namespaced_event_name": "",
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
    "S3": "assert S3.__name__ == 'S3'",
    "requirements_txt_parser": "assert requirements_txt_parser('a==1')['packages'] == {'a': '1'}",
    "pyproject_toml_parser": "assert pyproject_toml_parser('[project]') == {'packages': {}, 'python': None}",
    "conda_environment_yml_parser": "assert conda_environment_yml_parser('dependencies:')['packages'] == {}",
    "yaml_parser": "assert yaml_parser('a: 1') == {'a': 1}",
}  # fmt: skip
_EXCEPTIONS = (
    "MetaflowException", "MetaflowExceptionWrapper", "MetaflowNotFound", "MetaflowNamespaceMismatch",
    "MetaflowInvalidPathspec", "MetaflowInternalError", "MetaflowTaggingError", "MetaflowUnknownUser",
    "MetaflowDataMissing", "ExternalCommandFailed", "CommandException", "ParameterFieldFailed",
    "ParameterFieldTypeMismatch", "InvalidDecoratorAttribute", "UnhandledInMergeArtifactsException",
    "MissingInMergeArtifactsException",
)  # fmt: skip
_S3 = {
    "S3(run=self)": "with S3(run=self) as s3:\n    assert s3.put('k', 'v') == s3.get('k').url",
    "S3(run=Run(...))": "with S3(run=current.run) as s3:\n    s3.put('k', 'v')",
    "S3(run=self, prefix=...)": "with S3(run=self, prefix='p') as s3:\n    assert '/p/RowFlow/' in s3.put('k', 'v')",
    "S3(s3root=...)": "with S3(s3root=f'{DATATOOLS_S3ROOT}/own') as s3:\n    s3.put('k', 'v')",
    "S3()": "with S3(run=self) as s3, S3() as urls:\n    assert urls.get(s3.put('k', 'v')).text == 'v'",
    "S3(tmproot=...)": "with S3(run=self, tmproot='/tmp') as s3:\n    assert s3._tmpdir.startswith('/tmp/')",
    "S3.get, get_many, get_all, get_recursive": """
        with S3(run=self) as s3:
            s3.put('a/b', 'c')
            assert s3.get_many(['a/b', 'no'], return_missing=True)[1].exists is False
            assert [s3.get('a/b').text, s3.get_recursive(['a'])[0].text, s3.get_many(['a/b'])[0].text] == ['c'] * 3
            assert 'c' in [item.text for item in s3.get_all(return_info=True)]
    """,
    "S3.put, put_many, put_files, overwrite=False, metadata, content_type": """
        with S3(run=self) as s3:
            s3.put('p', b'1', content_type='a/b', metadata={'x': 1})
            s3.put_many([('q', '2'), S3PutObject('r', value='3')], overwrite=False)
            s3.put_files([('s', __file__)])
            assert s3.info('p').metadata == {'x': 1} and s3.info('p').content_type == 'a/b'
    """,
    "S3.info, info_many, list_paths, list_recursive": """
        with S3(run=self) as s3:
            s3.put('i/j', '12')
            assert s3.info('i/j').size == s3.info_many(['i/j'])[0].size == 2
            assert not s3.info('no', return_missing=True).exists
            assert s3.list_paths(['i'])[0].key == s3.list_recursive(['i'])[0].key == 'j'
    """,
    "S3GetObject: ranges": """
        with S3(run=self) as s3:
            s3.put('range', '0123456789')
            assert s3.get(S3GetObject('range', 2, 3)).text == '234'
    """,
    "MetaflowS3NotFound and other errors": """
        with S3(run=self) as s3:
            try:
                s3.get('nothing')
                assert False
            except MetaflowS3NotFound:
                pass
    """,
}
_S3_NAMES = """
from metaflow import Run, S3, current
from metaflow.datatools.s3 import MetaflowS3NotFound, S3GetObject, S3PutObject
from metaflow.metaflow_config import DATATOOLS_S3ROOT
"""
_CARDS = (
    "Artifact", "BlankCard", "DefaultCard", "Error", "ErrorCard", "EventsTimeline", "Image", "JSONViewer", "Markdown",
    "MetaflowCard", "MetaflowCardComponent", "PageComponent", "ProgressBar", "PythonCode", "Table", "ValueBox",
    "VegaChart", "YAMLViewer",
)  # fmt: skip
_COMMANDS = ("Runner", "NBRunner", "Deployer", "NBDeployer", "DeployedFlow")
_REFUSED = (
    "package_sources", "inspect_spin", "EXT_PKG", "airflow_internal", "argo_workflows_internal",
    "step_functions_internal", "unbounded_test_foreach_internal",
)  # fmt: skip
NAMES = [
    *(Row(f"`metaflow.{name}`", "body", f"from metaflow import {name}\n{code}") for name, code in _SERVED.items()),
    *(Row(f"`metaflow.exception.{name}`", "top", f"from metaflow.exception import {name}") for name in _EXCEPTIONS),
    Row("`metaflow.flowspec.InvalidNextException`", "top", "from metaflow.flowspec import InvalidNextException"),
    Row("`metaflow.multicore_utils.MulticoreException`", "top",
        "from metaflow.multicore_utils import MulticoreException"),
    *(Row(f"`metaflow.cards.{name}`", "top", f"from metaflow.cards import {name}")
      for name in _CARDS),
    *(Row(f"`{name}`", "body", _S3_NAMES + textwrap.dedent(code)) for name, code in _S3.items()),
    *(Row(f"`{module}`", "top", f"from {module} import {names}") for module, names in {
        "metaflow.plugins.datatools.s3": "S3, S3GetObject, S3Object, S3PutObject, MetaflowS3AccessDenied",
        "metaflow.plugins.datatools.s3.s3": "MetaflowS3InsufficientDiskSpace",
        "metaflow.metaflow_config": "DATASTORE_SYSROOT_S3, DATATOOLS_S3ROOT, DEFAULT_DATASTORE, KUBERNETES_NAMESPACE",
    }.items()),
    Row("`metaflow.cards.get_cards`", "top", "from metaflow.cards import get_cards"),
    *(Row(f"`metaflow.{name}`, outside of steps", "top",
          f"from metaflow import {name}\ndef launch(): return {name}('flow.py')") for name in _COMMANDS),
    *(Row(f"`metaflow.{name}`, imported", "top", f"from metaflow import {name}") for name in _REFUSED),
    Row("`metaflow.client.core`: the names of `metaflow.client`", "top", "from metaflow.client.core import Run, Task"),
    Row("`metaflow.plugins.cards.card_modules.components`: those of `metaflow.cards`", "top",
        "from metaflow.plugins.cards.card_modules.components import Markdown, Table"),
    Row("other names of `metaflow.metaflow_config`, imported", "top",
        "from metaflow.metaflow_config import SFN_IAM_ROLE"),
    Row("other modules, such as `metaflow.plugins.aws`, imported", "top", "import metaflow.plugins.aws"),
    Row("a use of one of these, in a step or where the file is imported", "body",
        "from metaflow import inspect_spin\ninspect_spin('runs')"),
    Row("a user's own decorator, above or below `@step`", "file", """
        import functools
        from metaflow import *

        def mine(function):
            @functools.wraps(function)
            def wrapper(self):
                self.by = function.__name__
                function(self)
            return wrapper

        class RowFlow(FlowSpec):
            @mine
            @step
            def start(self):
                assert self.by == "start"
                self.next(self.end)

            @step
            @mine
            def end(self):
                assert self.by == "end"
    """),
    Row("a name for a decorator: `fast = resources(cpu=4)`, `partial(retry, times=2)`", "file", """
        import functools
        from metaflow import *

        fast = functools.partial(resources, cpu=4)

        class RowFlow(FlowSpec):
            @fast(memory=500)
            @step
            def start(self):
                pass
    """),
    Row("a user's function that applies decorators of Metaflow, by its arguments and on known conditions", "file", """
        import os
        from metaflow import *

        def on(decorator, flag):
            def apply(function):
                return decorator(function) if flag else function
            return apply

        @on(project(name="row"), os.getenv("NO_SUCH_FLAG", "1") == "1")
        class RowFlow(FlowSpec):
            @on(environment(vars={"ROW": "1"}), flag=True)
            @on(kubernetes(image="none"), flag=False)
            @step
            def start(self):
                assert os.environ["ROW"] == "1"
                assert current.project_name == "row"
    """),
    Row("a user's function that applies a decorator of Metaflow on a condition that is not known", "file", """
        import random
        from metaflow import *

        def sized(function):
            return resources(cpu=4)(function) if random.random() < 0.5 else function

        class RowFlow(FlowSpec):
            @sized
            @step
            def start(self):
                pass
    """),
    Row("a generator or a class that runs around a step", "file", """
        from metaflow import FlowSpec, UserStepDecorator, step, user_step_decorator

        @user_step_decorator
        def mine(step_name, flow, inputs, attributes):
            yield

        class Other(UserStepDecorator):
            def pre_step(self, step_name, flow, inputs=None):
                flow.seen = step_name

        class RowFlow(FlowSpec):
            @mine(a=1)
            @Other
            @step
            def start(self):
                pass
    """),
    Row("mutators of a flow and of a step", "file", """
        from metaflow import FlowMutator, FlowSpec, Parameter, StepMutator, environment, step

        class Grown(FlowMutator):
            def pre_mutate(self, mutable_flow):
                mutable_flow.add_parameter("n", Parameter("n", default=1))

        class Set(StepMutator):
            def mutate(self, mutable_step):
                mutable_step.add_decorator(environment, deco_kwargs={"vars": {"A": "b"}})

        @Grown
        class RowFlow(FlowSpec):
            @Set
            @step
            def start(self):
                assert self.n == 1
    """),
    Row("a mutator that depends on what is not known before the file runs", "file", """
        import random
        from metaflow import FlowSpec, StepMutator, retry, step

        class Sometimes(StepMutator):
            def mutate(self, mutable_step):
                if random.random() < 0.5:
                    mutable_step.add_decorator(retry)

        class RowFlow(FlowSpec):
            @Sometimes
            @step
            def start(self):
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
    "Task.stdout, stderr, loglines, stdout_size, stderr_size": """
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
