"""The task that runs the body of a foreach, or the members of a gang: once for each index below a count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.kueue import group_arguments
from flowc_targets.argo.pod_templates import INDEX_INPUT
from flowc_targets.argo.workflow_objects import Dag, DagTask, Parameter, Parameters, Sequence, Template

if TYPE_CHECKING:
    from flowc_compiler.ir import Step
    from flowc_targets.argo.dags import Dags

_COUNT = "count"


def fan_out(dags: Dags, opener: Step, root: bool) -> DagTask:
    """The task behind an opener. With a cap it calls a DAG that does nothing else, since Argo caps DAGs, not tasks."""
    count = f"{{{{tasks.{dags.tasks[opener.name]}.outputs.parameters.{_COUNT}}}}}"
    after = dags.waits.after(opener)
    capped = dags.capped.get(opener.name)
    if capped is None:
        return _fan_out(dags, opener, root, count, after)
    arguments = [Parameter(name=_COUNT, value=count)]
    if not root:
        arguments.append(Parameter(name="index", value=INDEX_INPUT))
    return DagTask(
        name=dags.fan_outs[opener.name] or "",
        template=capped,
        depends=after,
        arguments=Parameters(parameters=tuple(arguments)),
    )


def capped_template(dags: Dags, opener: Step) -> Template:
    """The DAG of a foreach that runs a few items at a time."""
    assert opener.specs.foreach is not None
    root = dags.flow.depth(opener) == 0
    inputs = (Parameter(name=_COUNT), *(() if root else (Parameter(name="index"),)))
    task = _fan_out(dags, opener, root, f"{{{{inputs.parameters.{_COUNT}}}}}", None)
    return Template(
        name=dags.capped[opener.name],
        parallelism=opener.specs.foreach.parallelism,
        inputs=Parameters(parameters=inputs),
        dag=Dag(tasks=(task,)),
    )


def _fan_out(dags: Dags, opener: Step, root: bool, count: str, depends: str | None) -> DagTask:
    """One call for each index. A body of one step is that step: a DAG less each time."""
    path = "{{item}}" if root else INDEX_INPUT + ".{{item}}"
    body = dags.bodies.get(opener.name)
    if body is None:
        first = dags.flow.by_name[dags.members[opener.name][0]]
        leaf = dags.leaves[first.name]
        template, arguments = leaf.name, dags.arguments(first, path)
        if group := group_arguments(leaf, count, "0" if root else INDEX_INPUT):
            arguments = Parameters(parameters=(*(arguments.parameters if arguments else ()), *group))
    else:
        template, arguments = body, Parameters(parameters=(Parameter(name="index", value=path),))
    return DagTask(
        name=dags.fan_outs[opener.name] or "",
        template=template,
        depends=depends,
        arguments=arguments,
        with_sequence=Sequence(count=count),
    )
