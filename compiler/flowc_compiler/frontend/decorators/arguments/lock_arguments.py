"""What may run at the same time: `@concurrency`, flowc's own, on a step or on a flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import NO_SPECS, LockSpec, RunLimitSpec, StepSpecs
from flowc_compiler.syntax.modules import ModuleView

_HELP = 'name a lock, `@concurrency("warehouse", limit=2)`'


class ConcurrencyArguments(Arguments):
    """`@concurrency("name", limit=2)`, and for a flow `@concurrency(runs=1)`."""

    POSITIONAL: ClassVar[str | None] = "name"

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=50)] | None = Field(
        None, description="lowercase letters, digits and `-`, with a letter or a digit first and last"
    )
    limit: Annotated[int, Field(ge=1)] = 1
    runs: Annotated[int, Field(ge=1)] | None = None
    policy: Literal["queue", "replace", "skip"] = "queue"

    def _specs(self, at: Origin, /) -> StepSpecs:
        if self.runs is not None or self.policy != "queue":
            at.error(
                "FC404", "`runs` and `policy` of `@concurrency` are about a flow's runs, not about a step", help=_HELP
            )
        elif self.name is None:
            at.error("FC404", "`@concurrency` names no lock", help=_HELP)
        else:
            return some_specs(locks=(LockSpec(span=at.span, name=self.name, limit=self.limit),))
        return NO_SPECS

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """A lock that a whole run holds, or the most runs of the deployment."""
        if (self.name is None) == (self.runs is None):
            what = "names no lock, and no number of runs" if self.name is None else "is about a lock, or about runs"
            at.error("FC404", f"`@concurrency` {what}", help=f"{_HELP}; or give `runs=1`, and both as two decorators")
            return {}
        if self.runs is not None:
            self._without_effect(at, ("limit",), "beside `runs`, which is the limit", "leave it out")
            return {"run_limits": (RunLimitSpec(span=at.span, runs=self.runs, policy=self.policy),)}
        self._without_effect(at, ("policy",), "on a lock, which is waited for", "leave it out")
        return {"locks": (LockSpec(span=at.span, name=str(self.name), limit=self.limit),)}
