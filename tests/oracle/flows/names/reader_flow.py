"""The client, within steps: everything that it says of the last run of SourceFlow, without ids and times."""

from datetime import datetime

from metaflow import FlowSpec, current, step
from metaflow.client import DataArtifact, Flow, Metaflow, Run, Step, Task
from metaflow.exception import (
    MetaflowException,
    MetaflowInvalidPathspec,
    MetaflowNamespaceMismatch,
    MetaflowNotFound,
)


def error_of(function):
    try:
        return function()
    except (MetaflowException, KeyError, AttributeError) as error:
        name = type(error).__name__
        return name if name.startswith(("Metaflow", "Key", "Attribute")) else f"Metaflow{name}"


class ReaderFlow(FlowSpec):
    @step
    def start(self):
        run = Flow("SourceFlow").latest_successful_run
        assert isinstance(run, Run)
        self.run_facts = {
            "total": run.data.total,
            "class constant and parameter": (run.data.unit, run.data.size),
            "successful": (run.successful, run.finished),
            "times": [isinstance(time, datetime) for time in (run.created_at, run.finished_at)],
            "in order": run.created_at <= run.finished_at,
            "steps": [one.id for one in run],
            "steps()": [one.id for one in run.steps()],
            "contains": ("work" in run, "first" in run, "total" in run.data),
            "missing": [error_of(lambda: run["nope"]), error_of(lambda: run.data.nope)],
            "pathspec": run.pathspec == f"SourceFlow/{run.id}" == "/".join(run.path_components),
            "parent": (run.parent.id, run.parent.pathspec, run.parent.parent),
            "latest": Flow("SourceFlow").latest_run.id == run.id,
            "user tags": sorted(run.user_tags),
            "user": "user:oracle" in run.system_tags and "user:oracle" in run.tags,
            "end task": run.end_task.pathspec == run["end"].task.pathspec,
            "code, trigger": (run.code, run.trigger),
            "in namespace": (run.is_in_namespace(), run.parent.is_in_namespace()),
        }
        self.next(self.steps_and_tasks)

    @step
    def steps_and_tasks(self):
        run = Run(Flow("SourceFlow").latest_run.pathspec)
        work = Step(f"{run.pathspec}/work")
        task = Task(work.task.pathspec)
        artifact = DataArtifact(f"{task.pathspec}/square")
        self.step_facts = {
            "tasks": [one.index for one in work],
            "tasks()": [one.index for one in work.tasks()],
            "task": (work.task.index, run["start"].task.index),
            "control": work.control_task,
            "parents, children": [[one.id for one in list(each)] for each in (work.parent_steps, work.child_steps)],
            "of the switch": [one.id for one in run["second"].parent_steps],
            "finished": work.finished_at >= work.created_at,
            "environment": work.environment_info,
        }
        self.task_facts = {
            "data": (task.data.square, task["square"].data, artifact.data),
            "names": sorted(one.id for one in run["end"].task if one.id != "name"),
            "artifacts": (run["end"].task.artifacts.total.data, artifact.id, artifact.parent.id == task.id),
            "contains": ("square" in task, "square" in task.data, "total" in task),
            "state": (task.successful, task.finished, task.exception, task.current_attempt, task.runtime_name),
            "logs": (task.stdout, [line for _, line in task.loglines("stdout")], task.stdout_size > 0),
            "times": task.created_at <= task.finished_at == artifact.finished_at,
            "sizes": (artifact.size > 0, len(artifact.sha) >= 40),
            "parents": [one.path_components[2] for one in task.parent_tasks],
            "of the join": sorted(one.index for one in run["join"].task.parent_tasks),
            "children": [one.path_components[2] for one in task.child_tasks],
            "metadata": (task.metadata_dict["attempt"], task.metadata_dict["user"]),
            "entry": sorted({one.name for one in task.metadata if one.name in ("attempt", "user")}),
            "code": (task.code, task.environment_info),
            "missing": [error_of(lambda: task["nope"]), error_of(lambda: task.data.nope)],
        }
        self.next(self.errors)

    @step
    def errors(self):
        import metaflow as mf

        run = Flow("SourceFlow").latest_run
        self.error_facts = [
            error_of(lambda: Flow("NoSuchFlow")),
            error_of(lambda: Run("SourceFlow/nope")),
            error_of(lambda: Run("SourceFlow")),
            error_of(lambda: Step(f"{run.pathspec}/nope")),
            error_of(lambda: Task(f"{run.pathspec}/start/nope")),
            error_of(lambda: run.parent["nope"]),
            issubclass(MetaflowNotFound, MetaflowException),
            issubclass(MetaflowInvalidPathspec, MetaflowException),
        ]
        self.flow_names = sorted(one.id for one in Metaflow())
        self.named = Metaflow()["SourceFlow"].id
        self.namespaces = [mf.get_namespace(), mf.namespace("user:somebody"), mf.get_namespace()]
        self.mismatch = error_of(lambda: Run(run.pathspec))
        assert issubclass(MetaflowNamespaceMismatch, MetaflowException)
        self.namespaces += [mf.namespace(None), Run(run.pathspec).id == run.id, mf.default_namespace()]
        assert mf.get_metadata() == mf.default_metadata()
        self.next(self.end)

    @step
    def end(self):
        run = Flow("SourceFlow").latest_run
        run.add_tag("checked")
        run.add_tags(["one", "two"])
        run.replace_tag("one", "three")
        run.remove_tag("two")
        run.add_tags("alone")
        self.no_tag = error_of(lambda: run.add_tag(5))
        self.tags = [sorted(Run(run.pathspec).user_tags), len(list(Flow("SourceFlow").runs("three")))]
        self.tags += [list(Flow("SourceFlow").runs("two"))]
        self.own = (current.run.id == current.run_id, current.task.id == current.task_id, current.run.successful)
        self.read_back = current.run["start"].task.data.run_facts["total"]


if __name__ == "__main__":
    ReaderFlow()
