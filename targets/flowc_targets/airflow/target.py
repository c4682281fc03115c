"""The Airflow target: check, lower, print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc_targets.airflow.airflow_checks import check
from flowc_targets.airflow.dag_lowering import check_code, config_map_file, dag_id, lower
from flowc_targets.airflow.dag_printer import print_file
from flowc_targets.airflow.options import AirflowOptions
from flowc_targets.base.target import Capabilities, EmittedFile, TargetOptions

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.base.engine import Address, EngineClient


_CAPABILITIES = Capabilities(
    step_kinds=frozenset({"linear", "branch", "foreach", "join", "parallel", "switch"}),
    unbounded_loops=False,  # a DAG has a task for each iteration
)


@dataclass(frozen=True, slots=True)
class AirflowTarget:
    """The target for Airflow 2.11 and 3.x: a DAG file, and a ConfigMap if its code does not fit into that."""

    name: str = "airflow"
    capabilities: Capabilities = _CAPABILITIES
    options_model: type[TargetOptions] = AirflowOptions

    def emit(
        self, flow: Flow, source: SourceFile, options: TargetOptions, sink: DiagnosticSink
    ) -> tuple[EmittedFile, ...]:
        """Return the DAG file, and the manifest of the ConfigMap with its code, if any; or diagnostics in the sink."""
        assert isinstance(options, AirflowOptions), "options come from options_model"
        check(flow, options, sink)
        if sink.failed:
            return ()
        file = lower(flow, source, options, sink)
        check_code(flow, file, options, sink)
        name = dag_id(flow, options)
        dag = EmittedFile(f"{name}.py", print_file(file))
        return (dag,) if file.config_map is None else (dag, config_map_file(flow, file, options, name))

    def client(self, address: Address) -> EngineClient:
        """Return a client of Airflow's REST API: see EngineClient."""
        from flowc_targets.airflow.server.client import AirflowClient

        return AirflowClient(address)


TARGET = AirflowTarget()
"""The entry point."""
