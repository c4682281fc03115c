"""The parameters of a pipeline's run, as the plan has them: the values that only go into steps."""

from __future__ import annotations

import os

from flowc.errors import ParameterError
from flowc.parameter_values import convert
from flowc.protocol.encodings import USE_DEFAULT, decode_value, received
from flowc.protocol.env_names import parameter_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

    from flowc.protocol.plan import Plan


class RunParameter:
    """An argument of the pipeline's function that may be chosen when a run starts."""

    kind = "Parameter"

    def __init__(self, entry: Dict[str, Any]) -> None:
        self.name: str = entry["name"]
        self._entry = entry

    def value(self, flow_name: str) -> Any:
        """The value for this run, from the environment or the default. Only the first task asks."""
        del flow_name
        raw = received(self.name, os.environ.get(parameter_variable(self.name), USE_DEFAULT))
        if raw != USE_DEFAULT:
            return convert(self.name, self._entry.get("type", "str"), decode_value(self.name, raw))
        if "default" not in self._entry:
            raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")
        from flowc.shim.pipeline_values import literal

        return literal(self._entry["default"])


def declared_parameters(plan: Plan) -> Dict[str, RunParameter]:
    """The parameters by the name of the argument, in the order of the file."""
    return {entry["attribute"]: RunParameter(entry) for entry in plan.parameters}
