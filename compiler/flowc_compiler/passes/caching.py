"""Which steps have a cache: `@cache`, ZenML's `enable_cache`, `--cache` and the project's settings.

Members of gangs work together, so that none of them alone can be taken from the cache; a step with secrets may do
something with them that no artifact shows. Neither is cached, the second unless it says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_compiler.ir import CacheSpec, Flow, ParallelStep

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Step

_BY_OPTION = "; `--cache`, or `cache` of the settings, is for every step"


def cached_steps(flow: Flow) -> list[Step]:
    """The steps whose tasks may be taken from the cache."""
    asked = [step for step in flow.steps if step.specs.cache is not None and step.specs.cache.enabled]
    found = [step for step in asked if not _obstacle(flow, step)]
    if found and flow.frontend == "pipeline":  # steps of flowc's own, which only decide and hand on
        found += [step for step in flow.steps if step.call is None and step.within is None]
    return found


def check_cache(flow: Flow, sink: DiagnosticSink) -> Flow:
    """Collect FC414 for steps whose cache the file asks for, and that cannot have one; the flow stays as it is."""
    reported: set[str] = set()
    for step in flow.steps:
        spec = step.specs.cache
        if spec is not None and spec.span is not None and str(spec.span) not in reported:
            _report(flow, step, "", sink)
            reported.add(str(spec.span))
    return flow


def apply_cache(flow: Flow, cache: bool, sink: DiagnosticSink) -> Flow:
    """The flow with a cache for every step that does not say otherwise, or for none.

    Collects FC414 for steps that cannot have one.
    """
    found = flow.model_copy(update={"steps": tuple(_with_cache(step, cache) for step in flow.steps)})
    for step in found.steps:
        if step.specs.cache is not None and step.specs.cache.span is None:
            _report(found, step, _BY_OPTION, sink)
    return found


def _report(flow: Flow, step: Step, because: str, sink: DiagnosticSink) -> None:
    spec = step.specs.cache
    obstacle = _obstacle(flow, step) if spec is not None and spec.enabled else None
    if spec is None or obstacle is None:
        return
    why, help_text = obstacle
    shown = step.call.function if step.call is not None else step.name
    sink.warning("FC414", f"step `{shown}` is not cached, since {why}{because}", spec.span, help=help_text)


def _with_cache(step: Step, cache: bool) -> Step:
    own = step.specs.cache
    if step.virtual or (own is not None if cache else own is None):
        return step
    spec = CacheSpec() if cache else None
    return step.model_copy(update={"specs": step.specs.model_copy(update={"cache": spec})})


def _obstacle(flow: Flow, step: Step) -> tuple[str, str] | None:
    """Why a step cannot be cached, and what to do about it."""
    specs = step.specs
    if specs.approval is not None:
        return "a person chooses before it begins", "remove @cache from it, or say `enabled=False`"
    if specs.parallel is not None or any(isinstance(flow.by_name[name], ParallelStep) for name in step.parents):
        return "it is a member of a gang", "remove @cache from it, or say `enabled=False`"
    if specs.command is not None:
        return "it runs a container, whose image may change", "remove @cache from it, or say `enabled=False`"
    if any(step.name in {call.start, call.end} for call in flow.calls):
        return "it begins or ends a called flow, and so hands on what its caller has", "say `enabled=False`"
    has_secrets = specs.secrets is not None or (specs.container is not None and specs.container.secrets)
    if has_secrets and specs.cache is not None and not specs.cache.secrets:
        way_out = "write `@cache(secrets=True)` if its artifacts show all that it does, or `@cache(enabled=False)`"
        return "it has secrets", way_out
    return None
