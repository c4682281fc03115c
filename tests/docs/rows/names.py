"""Rows about what is imported from `metaflow`, and the client."""

from __future__ import annotations

import textwrap

from tests.docs.rows.base import Row

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
    "airflow_s3_key_sensor", "yaml_parser", "pyproject_toml_parser", "requirements_txt_parser",
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
