"""As much of Airflow as a DAG file for local processes needs, whose tasks are executed here one after the other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

RUN_ID = "manual__2024-01-01T00:00:00+00:00"


class SkipError(Exception):
    """Airflow's exception that skips a task."""


class WithDefaults(type):
    """Gives operators the DAG's `default_args`, as Airflow does."""

    dag: Dag

    def __call__(cls, **arguments: Any) -> Any:
        """Make an operator."""
        given: dict[str, Any] = {**cls.dag.default_args, **arguments}
        return super().__call__(**given)


class Operator(metaclass=WithDefaults):
    """A task, with those before it."""

    dag: Dag

    def __init__(
        self, *, task_id: str, retries: int | None = None, trigger_rule: str = "all_success", **_: Any
    ) -> None:
        self.task_id, self.retries, self.trigger_rule = task_id, retries, trigger_rule
        self.before: list[Operator] = []
        self.lines: list[str] = []
        self.log = SimpleNamespace(info=self._log)
        self.dag.operators.append(self)

    def _log(self, form: str, *values: object) -> None:
        self.lines.append(form % values)

    def __rshift__(self, other: Operator | list[Operator]) -> Operator | list[Operator]:
        for operator in other if isinstance(other, list) else [other]:
            operator.before.append(self)
        return other

    def __rrshift__(self, others: list[Operator]) -> Operator:
        self.before += others
        return self

    def pre_execute(self, context: Any) -> None:
        """Airflow's method."""

    def execute(self, context: Any) -> None:
        """Airflow's method, of a task that does nothing."""


class Dag:
    """What a DAG file declares."""

    def __init__(self) -> None:
        self.operators: list[Operator] = []
        self.params: dict[str, Any] = {}
        self.default_args: Mapping[str, Any] = {}
        self.module: ModuleType | None = None
        """The file as a module, whose names its functions read."""
        self._xcoms: dict[tuple[str, str], object] = {}

    def decorator(
        self, *, params: Mapping[str, Any], default_args: Mapping[str, Any], **_: Any
    ) -> Callable[[object], object]:
        """Airflow's `dag`."""

        def decorate(function: object) -> object:
            return function

        self.params, self.default_args = dict(params), default_args
        return decorate

    def run(self, conf: Mapping[str, Any]) -> str:
        """Run all tasks, each after those before it, and return what they logged. Raises what a task raises."""
        skipped: set[str] = set()
        waiting, done = list(self.operators), set[str]()
        while waiting:
            operator = next(item for item in waiting if all(other.task_id in done for other in item.before))
            waiting.remove(operator)
            done.add(operator.task_id)
            missing = operator.trigger_rule == "all_success" and any(
                item.task_id in skipped for item in operator.before
            )
            if missing or not self._executed(operator, conf):
                skipped.add(operator.task_id)
        return "\n".join(line for operator in self.operators for line in operator.lines)

    def _executed(self, operator: Operator, conf: Mapping[str, Any]) -> bool:
        def pull(*, task_ids: str, key: str, map_indexes: int) -> object:
            return self._xcoms.get((task_ids, key))

        def push(*, key: str, value: object) -> None:
            self._xcoms[operator.task_id, key] = value

        ti = SimpleNamespace(map_index=-1, try_number=1, max_tries=0, task=operator, xcom_pull=pull, xcom_push=push)
        run = SimpleNamespace(conf=conf, run_type="manual")
        params = {name: conf.get(name, param.default) for name, param in self.params.items()}
        context = {"ti": ti, "run_id": RUN_ID, "params": params, "dag_run": run}
        try:
            operator.pre_execute(context)
        except SkipError:
            return False
        operator.execute(context)
        return True


def load_dag(text: str) -> Dag:
    """Execute a DAG file, which must be for local processes and map nothing."""
    dag = Dag()
    operator = WithDefaults("Operator", (Operator,), {"dag": dag})
    param = type("Param", (SimpleNamespace,), {"__init__": _param})
    with _modules(
        {
            "airflow.sdk": {"Asset": str, "BaseOperator": operator, "dag": dag.decorator},
            "airflow.sdk.exceptions": {"AirflowFailException": RuntimeError, "AirflowSkipException": SkipError},
            "airflow.sdk.definitions.param": {"Param": param},
            "airflow.providers.standard.operators.empty": {"EmptyOperator": operator},
        }
    ):
        dag.module = sys.modules["dag"] = ModuleType("dag")
        exec(compile(text, "dag.py", "exec", dont_inherit=True), vars(dag.module))
    return dag


def _param(self: SimpleNamespace, default: object = None, **_: object) -> None:
    self.default = default


@contextmanager
def _modules(modules: dict[str, dict[str, object]]) -> Generator[None]:
    before = dict(sys.modules)
    try:
        for name, members in modules.items():
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                parent = ".".join(parts[:length])
                if parent not in modules or parent == name:
                    sys.modules[parent] = ModuleType(parent)
            vars(sys.modules[name]).update(members)
        yield
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]
        sys.modules.update(before)
