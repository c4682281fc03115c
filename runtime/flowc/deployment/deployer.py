"""`Deployer`, `DeployedFlow` and `TriggeredRun`: flows on Argo and Airflow from Python, with Metaflow's names.

`flowc deploy`, `submit --from`, `status` and `undeploy` do the work.
"""

from __future__ import annotations

import os
import time
import warnings
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Iterator, List, Mapping, Union

from flowc.deployment.command_process import (
    CommandProcess,
    answer,
    existing,
    option_words,
    parameter_words,
    top_level_words,
)
from flowc.deployment.command_process import variables as command_variables
from flowc.errors import NotFound

if TYPE_CHECKING:
    from flowc.client.run_object import Run

_TARGETS = {"argo-workflows": "argo", "airflow": "airflow"}
"""Metaflow's names of engines, and those of flowc's targets."""
DEFAULT_IMPL = "argo-workflows"
_PHASES = {
    "pending": "Pending",
    "running": "Running",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "skipped": "Skipped",
}
"""Argo's names of the states of a run."""
_IDLE = frozenset({
    "authorize", "auto_emit_argo_events", "deployer_attribute_file", "enable_error_msg_capture",
    "enable_heartbeat_daemon", "generate_new_token", "given_token", "user_namespace",
})  # fmt: skip
"""Keywords of Metaflow's `create` that have no effect: there are neither tokens nor services here."""
_CONNECTION = ("namespace", "server", "user")


def target_of(impl: str) -> str:
    """The target of one of Metaflow's names. Raises ValueError."""
    found = _TARGETS.get(impl.replace("_", "-"))
    if found is None:
        raise ValueError(f"No deployer '{impl}' exists; valid deployers are: {list(_TARGETS)}")
    return found


class DeployerTypes:
    """The engines that a deployer deploys to."""

    def argo_workflows(self, name: Union[str, None] = None, **kwargs: Any) -> DeployerImpl:
        """For Argo; `name` is that of the deployment, by default made of the flow's."""
        return self._impl("argo-workflows", {**({"name": name} if name else {}), **kwargs})

    def airflow(self, **kwargs: Any) -> DeployerImpl:
        """For Airflow; `dags_folder` is where its DAG files are."""
        return self._impl("airflow", kwargs)

    def step_functions(self, **kwargs: Any) -> DeployerImpl:
        """Raises NotImplementedError: flowc has no target for AWS Step Functions."""
        del kwargs
        raise NotImplementedError("flowc has no target for AWS Step Functions: use argo_workflows() or airflow()")

    def _impl(self, kind: str, kwargs: Dict[str, Any]) -> DeployerImpl:
        raise NotImplementedError


class Deployer(DeployerTypes):
    """Deploys the flow of a file.

    deployed = Deployer("flow.py").argo_workflows().create(root="s3://bucket/flows")
    run = deployed.trigger(alpha=5).wait_for_run()
    """

    def __init__(
        self,
        flow_file: str,
        show_output: bool = True,
        profile: Union[str, None] = None,
        env: Union[Dict[str, str], None] = None,
        cwd: Union[str, None] = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        """As in Metaflow. `kwargs` are options before `argo-workflows`: `datastore_root`, `decospecs`, `branch`, ..."""
        self.flow_file = os.path.abspath(flow_file)
        self.show_output = show_output
        self.profile = profile
        self.env = env
        self.cwd = cwd
        self.file_read_timeout = file_read_timeout
        self.top_level_kwargs = kwargs

    def _impl(self, kind: str, kwargs: Dict[str, Any]) -> DeployerImpl:
        return DeployerImpl(
            kind, kwargs, existing(self.flow_file), self.show_output, self.profile, self.env, self.cwd,
            self.file_read_timeout, **self.top_level_kwargs,
        )  # fmt: skip


class DeployerImpl:
    """A file and an engine."""

    def __init__(
        self,
        type_: str,
        deployer_kwargs: Dict[str, Any],
        flow_file: str = "",
        show_output: bool = True,
        profile: Union[str, None] = None,
        env: Union[Dict[str, str], None] = None,
        cwd: Union[str, None] = None,
        file_read_timeout: int = 3600,
        **kwargs: Any,
    ) -> None:
        """Metaflow's arguments, behind the name of the engine."""
        del file_read_timeout
        self.TYPE = type_
        self.target = target_of(type_)
        self.deployer_kwargs = deployer_kwargs
        self.flow_file = flow_file
        self.show_output = show_output
        self.env_vars = command_variables(profile, env)
        self.cwd = os.path.abspath(cwd or os.getcwd())
        self.top_level_kwargs = kwargs
        self.name = self.flow_name = ""
        self.metadata = ""
        self.connection = {name: value for name, value in deployer_kwargs.items() if name in _CONNECTION}

    def __enter__(self) -> DeployerImpl:
        return self

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        self.cleanup()

    def cleanup(self) -> None:
        """Nothing is left to clean up."""

    def create(self, **kwargs: Any) -> DeployedFlow:
        """Deploy the flow, in the place of the version before.

        Keywords are the options of `flowc deploy`: `root`, `image`, `namespace`, `env={...}`, `settings=[...]`, ... and
        Metaflow's `max_workers`. Those of Metaflow's that have no effect are warnings.
        Raises ValueError for an unknown option, TypeError for a value that it does not take, and RuntimeError.
        """
        given = {**self.deployer_kwargs, **kwargs}
        for name in [name for name in given if name in _IDLE]:
            if given.pop(name):
                warnings.warn(f"create({name}=...) has no effect: flowc has no such thing", stacklevel=2)
        settings: List[str] = [*(given.pop("settings", None) or ())]
        if given.get("max_workers") is not None and self.target == "argo":
            settings.append(f"parallelism={given.pop('max_workers')}")
        if self.target == "argo" and given.get("name"):
            settings.append(f"name={given.pop('name')}")
        self.connection.update({name: given[name] for name in _CONNECTION if name in given})
        words = ["deploy", self.flow_file, f"--target={self.target}", "--json"]
        words += [*top_level_words(self.top_level_kwargs), *top_level_words(given), *option_words({"set": settings})]
        return self.opened(self.ask(words))

    def opened(self, found: Mapping[str, Any]) -> DeployedFlow:
        """What is deployed, as the command prints it."""
        self.name, self.flow_name = str(found["name"]), str(found["flow"])
        if found.get("namespace"):
            self.connection.setdefault("namespace", found["namespace"])
        return DeployedFlow(self)

    def ask(self, words: List[str]) -> Any:
        """The answer of a command. Raises as `create`."""
        return answer(words, env=self.env_vars, cwd=self.cwd, show=self.show_output)

    def call(self, command: str, name: str, **options: Any) -> bool:
        """Whether a command succeeds."""
        words = [command, name, *self.where(), *option_words(options)]
        done = CommandProcess(words, env=self.env_vars, cwd=self.cwd, show=self.show_output)
        try:
            return done.sync_wait() == 0
        finally:
            done.cleanup()

    def where(self) -> List[str]:
        """The options for the engine."""
        return [f"--target={self.target}", *option_words(self.connection)]


class DeployedFlow:
    """A flow that is deployed: `Deployer(...).argo_workflows().create()`, or found by its name."""

    TYPE: ClassVar[Union[str, None]] = None

    def __init__(self, deployer: DeployerImpl) -> None:
        """Of `create` and `from_deployment`."""
        self.deployer = deployer
        self.name = deployer.name
        self.flow_name = deployer.flow_name
        self.metadata = deployer.metadata

    @classmethod
    def from_deployment(
        cls, identifier: str, metadata: Union[str, None] = None, impl: str = DEFAULT_IMPL, **connection: Any
    ) -> DeployedFlow:
        """A deployment by its name. Raises NotFound.

        `connection` has `namespace`, `server` and `user` where the environment does not say them.
        """
        for item in cls.list_deployed_flows(impl=impl, **connection):
            if item.name == identifier:
                item.metadata = metadata or item.metadata
                return item
        raise NotFound(f"No deployed flow found for: {identifier}")

    @classmethod
    def list_deployed_flows(
        cls, flow_name: Union[str, None] = None, impl: str = DEFAULT_IMPL, **connection: Any
    ) -> Iterator[DeployedFlow]:
        """The deployments, or those of one flow."""
        target = target_of(impl)
        words = ["deployments", *([flow_name] if flow_name else []), f"--target={target}", "--json"]
        found = answer(
            [*words, *option_words(connection)], env=command_variables(None, None), cwd=os.getcwd(), show=False
        )
        for item in found:
            deployer = DeployerImpl(impl.replace("_", "-"), dict(connection))
            yield deployer.opened(item)

    @classmethod
    def get_triggered_run(
        cls,
        identifier: str,
        run_id: str,
        metadata: Union[str, None] = None,
        impl: str = DEFAULT_IMPL,
        **connection: Any,
    ) -> TriggeredRun:
        """A run of a deployment by its id."""
        found = cls.from_deployment(identifier, metadata, impl, **connection)
        content = {"run": f"{found.flow_name}/{run_id}", "name": run_id}
        return TriggeredRun(found.deployer, content)

    @classmethod
    def from_argo_workflows(cls, identifier: str, metadata: Union[str, None] = None) -> DeployedFlow:
        """`from_deployment` on Argo."""
        return cls.from_deployment(identifier, metadata)

    @classmethod
    def from_airflow(cls, identifier: str, metadata: Union[str, None] = None) -> DeployedFlow:
        """`from_deployment` on Airflow."""
        return cls.from_deployment(identifier, metadata, "airflow")

    @classmethod
    def list_argo_workflows(cls, flow_name: Union[str, None] = None) -> Iterator[DeployedFlow]:
        """`list_deployed_flows` on Argo."""
        return cls.list_deployed_flows(flow_name)

    @classmethod
    def list_airflow(cls, flow_name: Union[str, None] = None) -> Iterator[DeployedFlow]:
        """`list_deployed_flows` on Airflow."""
        return cls.list_deployed_flows(flow_name, "airflow")

    @classmethod
    def get_triggered_argo_workflows_run(
        cls, identifier: str, run_id: str, metadata: Union[str, None] = None
    ) -> TriggeredRun:
        """`get_triggered_run` on Argo."""
        return cls.get_triggered_run(identifier, run_id, metadata)

    @classmethod
    def get_triggered_airflow_run(cls, identifier: str, run_id: str, metadata: Union[str, None] = None) -> TriggeredRun:
        """`get_triggered_run` on Airflow."""
        return cls.get_triggered_run(identifier, run_id, metadata, "airflow")

    @property
    def production_token(self) -> None:
        """`None`: flowc has no production tokens."""
        return

    @property
    def workflow_template(self) -> None:
        """`None`: `flowc compile` prints what is deployed."""
        return

    def trigger(self, **kwargs: Any) -> TriggeredRun:
        """Start a run; parameters are keywords, `scheduled_time` is the time that it is for. Raises as `create`."""
        time = kwargs.pop("scheduled_time", None)
        words = ["submit", f"--from={self.name}", "--json", *self.deployer.where(), *parameter_words(kwargs)]
        if time is not None:
            words.append(f"--scheduled-time={time if isinstance(time, str) else time.isoformat()}")
        return TriggeredRun(self.deployer, self.deployer.ask(words))

    def resume(self, origin_run_id: str, step_to_rerun: Union[str, None] = None) -> TriggeredRun:
        """Start a run that continues another one, with its parameters, and runs a step again. Raises as `create`.

        The other run may be of any engine, or of this machine, if it is in the same store.
        """
        origin = f"{origin_run_id}/{step_to_rerun}" if step_to_rerun else origin_run_id
        words = ["submit", f"--from={self.name}", "--json", *self.deployer.where(), f"--resume={origin}"]
        return TriggeredRun(self.deployer, self.deployer.ask(words))

    def delete(self, **kwargs: Any) -> bool:
        """Remove the deployment: whether that has worked. `dags_folder` is for Airflow; `authorize` has no effect."""
        kwargs.pop("authorize", None)
        return self.deployer.call("undeploy", self.name, **kwargs)

    def suspend(self) -> bool:
        """Let its schedule start no more runs."""
        return self.deployer.call("suspend", self.name)

    def unsuspend(self) -> bool:
        """Let its schedule start runs again."""
        return self.deployer.call("unsuspend", self.name)


class TriggeredRun:
    """A run on an engine."""

    def __init__(self, deployer: DeployerImpl, content: Mapping[str, Any]) -> None:
        """`content` is what `flowc submit --json` prints of it."""
        self.deployer = deployer
        self.pathspec = str(content["run"])
        self.name = str(content["name"])
        self.metadata_for_flow = deployer.metadata
        self._root: Union[str, None] = content.get("root")

    @property
    def run(self) -> Union[Run, None]:
        """The run; `None` until its first task has begun."""
        from flowc.client.run_object import Run

        try:
            return Run(self.pathspec, root=self._root, _namespace_check=False)
        except NotFound:
            return None

    def wait_for_run(self, check_interval: int = 5, timeout: Union[int, None] = None) -> Run:
        """Wait until the first task has begun, and return the run. Raises TimeoutError."""
        begun = time.time()
        while True:
            found = self.run
            if found is not None:
                return found
            if timeout is not None and time.time() - begun > timeout:
                raise TimeoutError("Timed out waiting for the run object to become available.")
            time.sleep(check_interval)

    @property
    def status(self) -> Union[str, None]:
        """`Pending`, `Running`, `Succeeded`, `Failed` or `Skipped`; `None` where the engine does not know it."""
        try:
            state = self.deployer.ask(["status", self._place(), "--json", *self.deployer.where()])
        except RuntimeError:
            return None
        self._root = self._root or state.get("root")
        return _PHASES[state["phase"]]

    @property
    def is_running(self) -> bool:
        """Whether it is `Pending` or `Running`."""
        return self.status in ("Pending", "Running")

    def wait_for_completion(self, check_interval: int = 5, timeout: Union[int, None] = None) -> None:
        """Wait for its end. Raises TimeoutError."""
        begun = time.time()
        while self.is_running:
            if timeout is not None and time.time() - begun > timeout:
                raise TimeoutError("Workflow did not complete within specified timeout.")
            time.sleep(check_interval)

    def suspend(self, **kwargs: Any) -> bool:
        """Let it begin no more pods: whether that has worked. Airflow cannot."""
        del kwargs
        return self.deployer.call("suspend", self.pathspec)

    def unsuspend(self, **kwargs: Any) -> bool:
        """Let it go on."""
        del kwargs
        return self.deployer.call("unsuspend", self.pathspec)

    def terminate(self, **kwargs: Any) -> bool:
        """End it at once: whether that has worked."""
        del kwargs
        return self.deployer.call("stop", self._place(), terminate=True)

    def _place(self) -> str:
        """What the engine finds it by, at no cost where it has a name."""
        return self.name if self.deployer.target == "argo" and not self.name.startswith("argo-") else self.pathspec
