"""What shells complete beside commands and options: targets, kinds, names for `--set`, flows, parameters and runs."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

Completer = Callable[[Any, str], Iterable[str]]
_MOST_RUNS = 50
_BREAK = re.compile(r"[=:]+")
"""What ends a word in bash, and is a word itself."""
_BEFORE: ContextVar[str] = ContextVar("_BEFORE", default="")
"""What stands before the word that bash completes, in what is one word for everybody else."""
_OF_FIELDS = ("kind", "argo_version", "operator", "code", "runtime")


def complete(ctx: Any, parameter: Any, incomplete: str) -> list[str]:
    """What an option or argument may be, as far as it is written. Nothing where it is not known, whatever fails."""
    from flowc_cli.help_groups import option_name

    is_option = parameter.param_type_name == "option"
    name = option_name(parameter) if is_option else f"<{parameter.name}>"
    completer = _COMPLETERS.get(name)
    if completer is None and is_option and name in _OF_FIELDS:
        return _matching(_values_of(ctx, name), incomplete)
    if completer is None:
        return []
    with suppress(Exception):
        return _matching(completer(ctx, incomplete), incomplete)
    return []


def join_bash_words(variables: MutableMapping[str, str]) -> None:
    """Let `kind`, `=` and `te`, as bash splits `kind=te`, be one word again: what completes it has the rest only."""
    if not variables.get("_FLOWC_COMPLETE", "").endswith("_bash") or "COMP_CWORD" not in variables:
        return
    words, current = variables["COMP_WORDS"].split("\n"), int(variables["COMP_CWORD"])
    joined: list[str] = []
    place, before = current, ""
    for number, word in enumerate(words):
        is_break = _BREAK.fullmatch(word) is not None
        follows = number > 1 and _BREAK.fullmatch(words[number - 1]) is not None and not word.startswith("-")
        if joined[1:] and word and (is_break or follows):
            before = joined[-1] + word if is_break else joined[-1]
            joined[-1] += word
        else:
            joined, before = [*joined, word], ""
        if number == current:
            place = len(joined) - 1
            _BEFORE.set(before)
    variables.update(COMP_WORDS="\n".join(joined), COMP_CWORD=str(place))


def _rest(item: str) -> str:
    """What bash has to put in the place of the word that it completes."""
    ends = (end for end in range(len(item), 0, -1) if item[end - 1] in "=:" and _BEFORE.get().endswith(item[:end]))
    return item[next(ends, 0) :]


def completes(parameter: Any) -> bool:
    """Whether there is something to complete."""
    from flowc_cli.help_groups import option_name

    if parameter.param_type_name == "option":
        return option_name(parameter) in {*_COMPLETERS, *_OF_FIELDS}
    return f"<{parameter.name}>" in _COMPLETERS


def parameters_of_flow(ctx: Any) -> list[str]:
    """The options of the parameters of the flow in the file that the command line names."""
    with suppress(Exception):
        return [f"--{name}" for name in _parameter_names(ctx)]
    return []


def _matching(items: Iterable[str], incomplete: str) -> list[str]:
    return [_rest(item) for item in dict.fromkeys(items) if item.startswith(incomplete)]


def _file(ctx: Any) -> Path:
    written = [item for item in ctx.meta.get("flowc.given", ()) if item.endswith(".py")]
    given = ctx.params.get("file") or ctx.params.get("files") or written
    return Path(_first(given))


def _first(given: Any) -> str:
    """A value, or the first one of several."""
    return str(given if isinstance(given, str | Path) else next(iter(given)))


def _model(ctx: Any) -> Any:
    from flowc_targets.base.target import load_target

    given: Any = ctx.params.get("target") or "argo"
    return load_target(_first(given)).options_model


def _targets(ctx: Any, incomplete: str) -> Iterable[str]:
    from flowc_targets.base.target import target_names

    del ctx, incomplete
    return target_names()


def _values_of(ctx: Any, field: str) -> Iterable[str]:
    """The values that an option of the target may have, where these are few."""
    with suppress(Exception):
        return list(_literals(_model(ctx).model_fields[field].annotation))
    return ()


def _literals(annotation: Any) -> Iterator[str]:
    if annotation is bool:
        yield from ("true", "false")
    for item in typing.get_args(annotation):
        if isinstance(item, str):
            yield item
        else:
            yield from _literals(item)


def _settings(ctx: Any, incomplete: str) -> Iterable[str]:
    fields = _model(ctx).model_fields
    name, separator, _ = incomplete.partition("=")
    if not separator:
        return [f"{item}=" for item in fields]
    return [f"{name}={value}" for value in _literals(fields[name.replace("-", "_")].annotation)]


def _flows(ctx: Any, incomplete: str) -> Iterable[str]:
    from flowc_compiler.driver import flow_names

    del incomplete
    return flow_names(_file(ctx))


def _parameter_names(ctx: Any) -> list[str]:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.driver import compile_file

    flow = compile_file(_file(ctx), DiagnosticSink(), flow_name=ctx.params.get("flow")).flow
    return [parameter.name for parameter in flow.parameters if not parameter.hidden]


def _steps(ctx: Any, incomplete: str) -> Iterable[str]:
    """The steps of the flow in the file, which `flowc try` runs one of."""
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.driver import compile_file

    del incomplete
    flow = compile_file(_file(ctx), DiagnosticSink(), flow_name=ctx.params.get("flow")).flow
    return [step.name for step in flow.steps if not step.virtual]


def _decorators(ctx: Any, incomplete: str) -> Iterable[str]:
    """The decorators of `--with`, and behind the name of one its arguments."""
    from flowc_compiler.frontend.decorators.arguments import ARGUMENTS

    del ctx
    name, separator, rest = incomplete.partition(":")
    if not separator:
        return sorted(ARGUMENTS)
    before = "".join(f"{item}," for item in rest.split(",")[:-1])
    return [f"{name}:{before}{item}=" for item in ARGUMENTS[name].model_fields]


def _versions(ctx: Any, incomplete: str) -> Iterable[str]:
    """What `flowc diff --against` takes beside a folder."""
    del ctx, incomplete
    return ("cluster", "HEAD")


def _parameters(ctx: Any, incomplete: str) -> Iterable[str]:
    del incomplete
    return [f"{name}=" for name in _parameter_names(ctx)]


def _runs(ctx: Any, incomplete: str) -> Iterable[str]:
    """Flows of the store; behind the name of one its latest runs, and behind that of a run its steps."""
    from flowc.client.namespaces import chosen_store
    from flowc.store.run_layout import flow_names as stored_flows
    from flowc.store.run_layout import run_names

    store = chosen_store(ctx.params.get("root"))
    flow, separator, rest = incomplete.partition("/")
    if not separator:
        return [f"{item}/" for item in stored_flows(store)]
    run, separator, _ = rest.partition("/")
    if not separator:
        runs = sorted(run_names(store, flow), reverse=True)
        return [f"{flow}/{item}" for item in runs[:_MOST_RUNS]]
    steps = (item for item in store.children(f"{flow}/{run}") if "." not in item)
    return [f"{flow}/{run}/{item}" for item in sorted(steps)]


def _stored_flows(ctx: Any, incomplete: str) -> Iterable[str]:
    from flowc.client.namespaces import chosen_store
    from flowc.store.run_layout import flow_names as stored_flows

    del incomplete
    return stored_flows(chosen_store(ctx.params.get("root")))


def _profiles(ctx: Any, incomplete: str) -> Iterable[str]:
    from flowc.project_settings import PROFILES, find_table

    del ctx, incomplete
    return list(find_table(".")[0].get(PROFILES, {}))


def _codes(ctx: Any, incomplete: str) -> Iterable[str]:
    from flowc_compiler.diagnostics import CODES

    del ctx, incomplete
    return CODES


_COMPLETERS: dict[str, Completer] = {
    "target": _targets,
    "set": _settings,
    "flow": _flows,
    "param": _parameters,
    "with": _decorators,
    "against": _versions,
    "<step>": _steps,
    "profile": _profiles,
    "ignore": _codes,
    "select": _codes,
    "error": _codes,
    "<codes>": _codes,
    "<run>": _runs,
    "<runs>": _runs,
    "<flow>": _stored_flows,
}
