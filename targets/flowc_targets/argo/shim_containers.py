"""The container that runs the shim: its command, the code, and the variables that say which run it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc.protocol import env_names
from flowc.protocol.encodings import join_tags
from flowc.protocol.env_names import parameter_variable
from flowc_compiler.ir.manifest_schema import CODE_FOLDER, CODE_VOLUME
from flowc_targets.argo.argo_expressions import InputParameter
from flowc_targets.argo.manifest_text import (
    SCHEDULED_TIME,
    TRIGGER,
    env_value,
    may_be_literal,
    sent_argument,
    value_key,
)
from flowc_targets.base.engine import ORIGIN
from flowc_targets.kubernetes.objects import ConfigMapKeySelector, Container, EnvVar, EnvVarSource, VolumeMount
from flowc_targets.kubernetes.pod import StepPod, env_from, pod_variables
from flowc_targets.kubernetes.pod_security import container_security

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.kubernetes.package_maps import Delivery


ANSWER = "answer"
"""The output of a pause, and the input of the step behind it: what a person has chosen."""


class ShimContainers:
    """Makes the containers of one flow's pods."""

    def __init__(self, flow: Flow, options: ArgoOptions, code: str, delivery: Delivery) -> None:
        """`code` is the ConfigMap with values that may not stand in a template, and with the code by default."""
        self._flow = flow
        self._options = options
        self._code = code
        self._delivery = delivery
        self.run_variables = self._run_env()
        """Variables that say to the shim which run it is in."""

    def container(
        self,
        pod: StepPod,
        command: str,
        args: tuple[str, ...],
        *,
        takes_parameters: bool = False,
        answered: bool = False,
    ) -> Container:
        """The container of a pod: it calls a command of the shim with its arguments."""
        options = self._options
        code = (VolumeMount(name=CODE_VOLUME, mount_path=CODE_FOLDER, read_only=True),)
        return Container(
            image=pod.image or options.image,
            image_pull_policy=pod.image_pull_policy or options.image_pull_policy,
            command=(pod.python or options.python, *self._delivery.program, command),
            args=args,
            env=self._env(pod, takes_parameters=takes_parameters, answered=answered),
            env_from=pod.env_from or env_from(options.env_from_secrets),
            ports=pod.ports,
            resources=pod.resources,
            security_context=pod.security_context or container_security(options),
            volume_mounts=(*(code if self._delivery.volume is not None else ()), *pod.volume_mounts),
        )

    def _env(self, pod: StepPod, *, takes_parameters: bool, answered: bool) -> tuple[EnvVar, ...]:
        """The user's variables first, so that flowc's own win and cannot be shadowed."""
        variables = {name: self._variable(name, value) for name, value in {**self._options.env, **pod.env}.items()}
        own = dict(self.run_variables)
        if takes_parameters:
            own |= {parameter_variable(item.name): sent_argument(item.name) for item in self._flow.run_parameters}
        if answered:
            own[env_names.ANSWER] = str(InputParameter(ANSWER))
        variables |= {name: EnvVar(name=name, value=value) for name, value in own.items()}
        return tuple(variables.values())

    def _run_env(self) -> dict[str, str]:
        """Variables that say to the shim which run it is in."""
        options = self._options
        assert options.root is not None, "check_flow has reported a missing root"
        # The uid, and not the name: a Workflow that is deleted and applied again keeps its name, and is another run.
        own = {env_names.ROOT: env_value(options.root), env_names.RUN_ID: "argo-{{workflow.uid}}"}
        own |= {name: env_value(value) for name, value in {**options.store_env, **self._delivery.env}.items()}
        if options.kind != "workflow":
            own[env_names.ORIGIN_RUN_ID] = f"{{{{workflow.parameters.{ORIGIN}}}}}"
        elif options.origin_run:
            own[env_names.ORIGIN_RUN_ID] = options.origin_run
        if options.starts_on_events(self._flow.specs):
            own[env_names.TRIGGER] = f"{{{{workflow.parameters.{TRIGGER}}}}}"
        own |= self._schedule_variables()
        if options.tags:
            own[env_names.TAGS] = env_value(join_tags(options.tags))
        return own

    def _schedule_variables(self) -> dict[str, str]:
        """The time that the run is scheduled for: Argo knows it of a CronWorkflow's, and of `argo submit`."""
        options = self._options
        timezone = options.timezone_of(self._flow.specs)
        zone = {env_names.TIMEZONE: timezone} if timezone is not None else {}
        if options.scheduled_time and options.kind == "workflow":
            return {env_names.SCHEDULED: options.scheduled_time, **zone}
        return {env_names.SCHEDULED: SCHEDULED_TIME, **zone} if options.takes_scheduled_time(self._flow) else {}

    def _variable(self, name: str, value: str) -> EnvVar:
        if may_be_literal(value):
            return EnvVar(name=name, value=env_value(value))
        key = ConfigMapKeySelector(name=self._code, key=value_key(value))
        return EnvVar(name=name, value_from=EnvVarSource(config_map_key_ref=key))


def configmap_env(flow: Flow, options: ArgoOptions) -> dict[str, str]:
    """The values of variables that may not stand in a template, by their key in the ConfigMap."""
    values = (value for step in flow.steps for value in pod_variables(step.specs, options).values())
    return {value_key(value): value for value in (*options.env.values(), *values) if not may_be_literal(value)}
