"""`@exit_hook`: tasks behind the last step, one of which runs as it ended.

A hook for errors runs when the last step has failed or could not run (`one_failed`), which Airflow decides as soon as
it is certain. Airflow judges a run by the tasks that nothing follows: the hook alone would make a success of it, so
that a task of nothing stands beside it, which cannot run then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.dag_model import EmptyTask, HookTask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowc_compiler.ir import Flow
    from flowc_targets.airflow.dag_model import Node
    from flowc_targets.airflow.names import Names
    from flowc_targets.airflow.options import AirflowOptions


def hook_tasks(flow: Flow, options: AirflowOptions, names: Names, new_id: Callable[[str], str]) -> Iterator[Node]:
    """The tasks of all hooks, each to follow the flow's last step. `new_id` makes an id of a task unique."""
    on_success = False
    for spec in flow.specs.exit_hooks:
        image = spec.options.get("image") if options.in_pods else None
        for rule, functions in ((None, spec.on_success), ("one_failed", spec.on_error)):
            for function in functions:
                task_id = new_id(f"exit-hook-{function.rpartition('.')[2]}")
                on_success |= rule is None
                yield HookTask(
                    variable=names.take(task_id.replace("-", "_")),
                    task_id=task_id,
                    function=function,
                    trigger_rule=rule,
                    image=image if isinstance(image, str) else None,
                )
    if flow.specs.exit_hooks and not on_success:
        task_id = new_id("succeeded")
        yield EmptyTask(variable=names.take(task_id), task_id=task_id)
