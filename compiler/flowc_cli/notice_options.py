"""Metaflow's options for what a deployed flow tells people, and how long it may run: `--notify-on-error` and others.

They add to what the flow's own `@notify` and `@deadline` say, with which they share names, limits and messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, FlowSpecs

_FLAGS = {
    "slack": "--notify-slack-webhook-url",
    "pagerduty": "--notify-pager-duty-integration-key",
    "incident_io": "--notify-incident-io-api-key",
    "alert_source": "--incident-io-alert-source-config-id",
}
"""The options by the argument of `@notify` that each stands for."""


@dataclass(frozen=True)
class NoticeOptions:
    """What the command line says of them."""

    on_error: bool = False
    on_success: bool = False
    slack: str | None = None
    pagerduty: str | None = None
    incident_io: str | None = None
    alert_source: str | None = None
    metadata: tuple[str, ...] = ()
    """`NAME=VALUE` of `--incident-io-metadata`."""
    workflow_timeout: int | None = None
    """In seconds; it replaces the flow's own deadline."""

    def apply(self, flow: Flow, sink: DiagnosticSink) -> Flow:
        """The flow with a deadline and a notification more. Collects FC505 for a wrong value, FC506 for a useless one.

        The file says `--notify-on-error` of all channels together, as Metaflow does.
        """
        if self == NO_NOTICES:
            return flow
        specs = flow.specs
        if self.workflow_timeout is not None:
            from flowc_compiler.ir import DeadlineSpec

            specs = specs.model_copy(update={"deadline": DeadlineSpec(seconds=self.workflow_timeout)})
        return flow.model_copy(update={"specs": self._notifying(specs, sink)})

    def _notifying(self, specs: FlowSpecs, sink: DiagnosticSink) -> FlowSpecs:
        channels = {name: value for name in _FLAGS if (value := getattr(self, name))}
        events = [name for name, wanted in (("error", self.on_error), ("success", self.on_success)) if wanted]
        if not channels and not events and not self.metadata:
            return specs
        if not events:
            given = _FLAGS[next(iter(channels))] if channels else "--incident-io-metadata"
            sink.warning("FC506", f"{given} has no effect without an event", None, help="add --notify-on-error")
            return specs
        if not channels:
            help_ = f"add {_FLAGS['slack']}, or another one: `flowc compile --help` lists them"
            sink.error("FC505", f"--notify-on-{events[0]} tells nobody", None, help=help_)
            return specs
        from flowc_compiler.frontend.decorators.argument_reader import validated
        from flowc_compiler.frontend.decorators.arguments.notice_arguments import NotifyArguments
        from flowc_compiler.frontend.spec_builder import Origin

        pairs = [item.partition("=") for item in self.metadata]
        for name, separator, _ in pairs:
            if not separator:
                message = f"`--incident-io-metadata {name}` is not NAME=VALUE"
                sink.error("FC505", message, None, help=f"write `--incident-io-metadata {name}=...`")
        own = sink.nested()
        flag = f"--notify-on-{events[0]}"
        arguments = validated(
            NotifyArguments, {"on": events, **channels}, f"`{flag}`", lambda _: None, "notifications", own
        )
        found = arguments.told(Origin(None, own)) if arguments is not None else None
        for item in own.diagnostics:
            message = item.message
            for name, option in _FLAGS.items():
                message = message.replace(f"`{name}` of `{flag}`:", f"`{option}`:")
            report = sink.error if item.severity == "error" else sink.warning
            report("FC505", message.replace("`@notify`", f"`{flag}`"), None, help=item.help)
        if found is None:
            return specs
        found = found.model_copy(update={"alert_metadata": {name: value for name, _, value in pairs}})
        return specs.model_copy(update={"notifications": (*specs.notifications, found)})


NO_NOTICES = NoticeOptions()
"""None of them."""
