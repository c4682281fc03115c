"""The options of commands that compile a flow: which flow, decorators for its steps, configs and parameters."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from flowc.protocol.scheduled import mentions_scheduled, parse_time, read_iso
from flowc_cli.check_settings import NO_SETTINGS, CheckSettings, severities_of
from flowc_cli.command_settings import report_problems, report_unknown_keys
from flowc_cli.metaflow_variables import default_branch, default_decorators
from flowc_cli.notice_options import NO_NOTICES, NoticeOptions
from flowc_cli.output import Form, report
from flowc_cli.project_config import cache_setting, included_patterns, variables_at_compile
from flowc_cli.python_call import current_call
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import NO_INPUTS, Compilation, GivenConfigs, ParameterInputs, compile_file, with_defaults
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE, VARIABLES_READ
from flowc_compiler.ir import Flow
from flowc_compiler.syntax.import_root import INCLUDED, located

if TYPE_CHECKING:
    from datetime import datetime

CONFIG_VARIABLES = {"files": "FLOW_CONFIG", "values": "FLOW_CONFIG_VALUE"}
"""The variables, without FLOWC_ or METAFLOW_ before them: JSON objects of names to paths, and to values."""


@dataclass(frozen=True)
class FlowOptions:
    """How a command compiles the file that it is called with."""

    flow_name: str | None = None
    decorators: tuple[str, ...] = ()
    """Decorators for every step, from `--with`."""
    config: tuple[str, ...] = ()
    """`NAME=PATH` of `--config`."""
    config_value: tuple[str, ...] = ()
    """`NAME=VALUE` of `--config-value`."""
    branch: str | None = None
    """The branch of a flow with `@project`."""
    production: bool = False
    origin_configs: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """The configs of the run that is resumed."""
    parameters: ParameterInputs = NO_INPUTS
    """Values of parameters."""
    include: tuple[str, ...] = ()
    """Patterns of `--include`."""
    cache: bool | None = None
    """`--cache` or `--no-cache`; the settings of the project decide where neither is given."""
    notices: NoticeOptions = NO_NOTICES
    """What a deployed flow tells people beside what it says itself."""
    checks: CheckSettings = NO_SETTINGS
    """What `flowc check` ignores, what it selects, and which warnings are errors."""
    note_unread: bool = True
    """Whether FC506 says that the file reads no variable of `--env-at-compile`."""

    def compile(self, file: Path, sink: DiagnosticSink) -> Compilation:
        """Compile a file. Raises FlowcError."""
        self._include(file)
        report_problems(sink)
        report_unknown_keys(located(file).parent, sink)
        sink.severities = severities_of(file, self.checks, sink)
        configs = replace(given_configs(self.config, self.config_value, sink), kept=self.origin_configs)
        read, outer = set[str](), VARIABLES_READ.get()
        token = VARIABLES_READ.set(read)
        try:
            found = compile_file(
                file, sink, flow_name=self.flow_name, attached=self.decorators, configs=configs, given=self.parameters,
                variables=variables_at_compile(file, sink),
            )  # fmt: skip
        finally:
            VARIABLES_READ.reset(token)
            if outer is not None:
                outer |= read
        for name in sorted(ENV_AT_COMPILE.get()() - read) if self.note_unread else ():
            message = f"--env-at-compile {name} has no effect: compiling {file.name} reads no such variable"
            sink.warning("FC506", message, None, help="leave it out; `--env` gives a variable to the tasks")
        cache = cache_setting(file, sink) if self.cache is None else self.cache
        if cache is not None:
            from flowc_compiler.passes.caching import apply_cache

            found = replace(found, flow=apply_cache(found.flow, cache, sink))
        found = replace(found, flow=self.notices.apply(found.flow, sink))
        branch, production = default_branch(os.environ, sink) if found.flow.specs.project is not None else (None, False)
        branch, production = self.branch or branch, self.production or production
        if branch is None and not production:
            sink.raise_if_failed()
            return found
        from flowc_targets.package.project_names import with_branch

        flow = with_branch(found.flow, branch, production, sink)
        sink.raise_if_failed()
        return replace(found, flow=flow)

    def _include(self, file: Path) -> None:
        """Let modules among the included files be found by name. What is wrong with patterns is reported later."""
        patterns = [*included_patterns(file, DiagnosticSink()), *self.include]
        files: tuple[Path, ...] = ()
        if patterns:
            from flowc_targets.package.included_files import included_files

            files = tuple(included_files(patterns, located(file).parent, DiagnosticSink()).values())
        INCLUDED.set(files)

    def compile_with_values(self, file: Path, sink: DiagnosticSink) -> Compilation:
        """Compile a file with the given values of parameters as their defaults. Raises FlowcError."""
        found = self.compile(file, sink)
        if replace(self.parameters, to_check=False) == NO_INPUTS:
            return found
        flow = with_defaults(found.flow, self.parameters.bind(found.flow, sink))
        sink.raise_if_failed()
        return replace(found, flow=flow)

    def compile_and_report(self, file: Path, form: Form) -> Compilation | None:
        """Compile a file and print its diagnostics; `None` when there are errors."""
        sink = DiagnosticSink()
        try:
            return self.compile_with_values(file, sink)
        except FlowcError:
            return None
        finally:
            report(sink.diagnostics, sink.sources, form if sink.failed else "text")


def flow_options(
    flow: str | None,
    decorators: list[str] | None,
    config: list[str] | None,
    config_value: list[str] | None,
    branch: str | None = None,
    production: bool = False,
    param: list[str] | None = None,
    include: list[str] | None = None,
    cache: bool | None = None,
) -> FlowOptions:
    """The options as the command line gives them, with the arguments of a Python call that runs the command."""
    call = current_call()
    parameters = ParameterInputs(tuple(param or ()), values=call.values if call is not None else {})
    attached = (*(decorators or ()), *default_decorators(os.environ))
    lists = (attached, tuple(config or ()), tuple(config_value or ()))
    return FlowOptions(
        flow, *lists, branch, production, parameters=parameters, include=tuple(include or ()), cache=cache
    )


def run_parameters(
    options: FlowOptions, assignments: Sequence[str], extra: Sequence[str], own_options: Sequence[str] = ()
) -> FlowOptions:
    """Options with the parameters of a run: `-p`, options that flowc does not have, and the environment.

    `--config x` without `=` gives the parameter `config`, which Metaflow's files may have. So may `branch` and
    `production`: their options count for parameters of that name. `own_options` are those of the command.
    """
    named = [f"--config={item}" for item in options.config if "=" not in item]
    named += [f"--config-value={item}" for item in options.config_value if "=" not in item]
    hidden = [("branch", options.branch)] if options.branch is not None else []
    hidden += [("production", "true")] if options.production else []
    parameters = replace(
        options.parameters,
        assignments=tuple(assignments),
        options=(*named, *extra),
        own_options=tuple(own_options),
        hidden=tuple(hidden),
        environment=os.environ,
        to_run=True,
    )
    return replace(
        options,
        config=tuple(item for item in options.config if "=" in item),
        config_value=tuple(item for item in options.config_value if "=" in item),
        parameters=parameters,
    )


def checked_time(text: str | None, flow: Flow, given: Mapping[str, object], sink: DiagnosticSink) -> str:
    """`--scheduled-time` in ISO 8601 with an offset, empty where it is not given.

    Collects FC505 for what is not a time, and FC304 for parameters that need one and are not in `given`.
    """
    if text is None:
        for parameter in flow.run_parameters:
            if mentions_scheduled(parameter.default) and parameter.name not in given:
                message = f"the default of parameter `{parameter.name}` is the time that the run is scheduled for"
                help_ = f"give --scheduled-time, such as 2026-01-31, or `-p {parameter.name}=...`"
                sink.error("FC304", message, parameter.span, help=help_)
        return ""
    schedule = flow.specs.schedule
    zone = schedule.timezone if schedule is not None else None
    return read_time(text, sink, partial(parse_time, timezone=zone))


def read_time(text: str, sink: DiagnosticSink, read: Callable[[str], datetime] = read_iso) -> str:
    """`--scheduled-time` in ISO 8601; without an offset, tasks take it for a time of the schedule's zone. FC505."""
    try:
        return read(text).isoformat()
    except ValueError:
        help_ = "write it in ISO 8601, such as 2026-01-31 or 2026-01-31T06:00:00+01:00"
        sink.error("FC505", f"--scheduled-time: {text!r} is not a time", None, help=help_)
        return ""


def given_configs(config: Sequence[str], config_value: Sequence[str], sink: DiagnosticSink) -> GivenConfigs:
    """Configs from `NAME=PATH` and `NAME=VALUE`, or else from the environment. Collects FC306."""
    given: dict[str, dict[str, str]] = {}
    for key, option, items in (("files", "--config", config), ("values", "--config-value", config_value)):
        given[key] = _pairs(option, items, sink) if items else _from_environment(CONFIG_VARIABLES[key], sink)
    return GivenConfigs(given["files"], given["values"], lenient=not config and not config_value)


def _pairs(option: str, items: Sequence[str], sink: DiagnosticSink) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            sink.error("FC306", f"`{option} {item}` has no value", None, help=f"write `{option} NAME=...`")
        elif name in pairs:
            sink.error("FC306", f"`{option} {name}` is given twice", None, help="keep one of them")
        pairs[name] = value
    return pairs


def _from_environment(suffix: str, sink: DiagnosticSink) -> dict[str, str]:
    """The pairs in a variable; values other than text become JSON."""
    variable = next((name for prefix in ("FLOWC_", "METAFLOW_") if os.environ.get(name := prefix + suffix)), None)
    if variable is None:
        return {}
    try:
        value: Any = json.loads(os.environ[variable])
    except ValueError:
        value = None
    if not isinstance(value, dict):
        sink.error("FC306", f"{variable} is not a JSON object", None, help='write {"config": "path"}')
        return {}
    items = cast("dict[str, object]", value)
    return {name: item if isinstance(item, str) else json.dumps(item) for name, item in items.items()}
