"""`[tool.flowc]` of the flowc.toml or pyproject.toml next to a flow or above it, with the chosen profile."""

from __future__ import annotations

import os
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from flowc import project_settings
from flowc.errors import StoreError
from flowc.project_settings import PROFILES, SettingsError, default_root
from flowc.store import DEFAULT_ROOT
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
from flowc_compiler.filesystem import found_once, read_text, record_content
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.import_root import is_readable, located, outside_help

CACHE_OPTION = "cache"
"""The key of [tool.flowc] by which every step has a cache, or none."""
ENV_OPTION = "env_at_compile"
"""The option of [tool.flowc] that names variables which compiling may read. It is no option of a target."""


PATHS = ("images", "dags_folder")
"""Options of targets that are paths of this machine, and start at the folder of the file that has them."""


class Layer(NamedTuple):
    """`[tool.flowc]`, or the profile on top of it."""

    profile: str | None
    table: dict[str, Any]

    def title(self, *keys: str) -> str:
        """A table of the layer as its file has it."""
        profile = ("profiles", self.profile) if self.profile is not None else ()
        return f"[{'.'.join(('tool.flowc', *profile, *keys))}]"

    def has(self, *keys: str) -> bool:
        """Whether the layer has a setting."""
        value: object = self.table
        for key in keys:
            value = typing.cast("dict[str, object]", value).get(key, _NOTHING) if isinstance(value, dict) else _NOTHING
        return value is not _NOTHING


@dataclass(frozen=True)
class ProjectSettings:
    """The settings that count in a folder, and where they come from."""

    table: dict[str, Any]
    """With the chosen profile, and with `_` in names."""
    folder: str = ""
    """The folder of the file, where there is one."""
    file: str = ""
    layers: tuple[Layer, ...] = ()
    """What `table` is made of, from the bottom."""
    unused: tuple[Layer, ...] = ()
    """The profiles that are not chosen."""
    profiles: object = None
    """What the file has as its profiles."""

    def of_layer(self, layer: Layer) -> ProjectSettings:
        """A profile alone, as if all that it has counted."""
        table = {key: value for key, value in layer.table.items() if key != project_settings.INHERITS}
        return ProjectSettings(table, self.folder, self.file, (layer,))

    @cached_property
    def source(self) -> SourceFile:
        """The text of the file, under the name that messages give it."""
        path = Path(self.file)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return SourceFile(path, read_text(path), shown.as_posix())

    def header(self, *keys: str) -> str:
        """The line of a table as this file has it: `[argo]` in a flowc.toml. Empty for the top of that."""
        is_own = os.path.basename(self.file) == project_settings.OWN_FILE  # noqa: PTH119 (as above)
        prefix = (
            () if is_own and not any(place[:2] == ("tool", "flowc") for place in self._places) else ("tool", "flowc")
        )
        whole = ".".join((*prefix, *keys))
        return f"[{whole}]" if whole else ""

    def layer_of(self, *keys: str) -> Layer | None:
        """The layer that a setting comes from; of a list that several add to, the upper one."""
        return next((layer for layer in reversed(self.layers) if layer.has(*keys)), None)

    def span(self, *keys: str, profile: str | None = None) -> Span | None:
        """The place of a key of `[tool.flowc]`, or of a profile, in the file."""
        if not self.file:
            return None
        whole = ("profiles", profile, *keys) if profile is not None else keys
        places = self._places
        for prefix in (("tool", "flowc"), ()):
            found = places.get((*prefix, *(key.replace("-", "_") for key in whole)))
            if found is not None:
                return self.source.span(*found)
        return None

    @cached_property
    def _places(self) -> dict[tuple[str, ...], tuple[int, int]]:
        from flowc_cli.toml_keys import key_places

        places: dict[tuple[str, ...], tuple[int, int]] = {}
        for keys, place in key_places(self.source.text).items():
            places.setdefault(tuple(key.replace("-", "_") for key in keys), place)
        return places

    def error(self, sink: DiagnosticSink, code: str, message: str, keys: Sequence[str], *, help: str) -> None:
        """Collect an error about a setting that counts, at its line."""
        layer = self.layer_of(*keys)
        self.report(sink, code, message, layer.profile if layer is not None else None, keys, help=help)

    def report(
        self, sink: DiagnosticSink, code: str, message: str, profile: str | None, keys: Sequence[str], *, help: str
    ) -> None:
        """Collect an error about a key of a layer, at its line."""
        span = self.span(*keys, profile=profile)
        if span is not None:
            sink.add_source(self.source)
        sink.error(code, message, span, help=help)

    def few(self, sink: DiagnosticSink, title: str, names: Sequence[str]) -> Sequence[str]:
        """The unknown names in a table that are reported one by one; FC504 is collected for how many more there are."""
        more = len(names) - MOST_REPORTED
        if more > 0:
            help_text = f"correct the first {MOST_REPORTED}, or look whether the file is one of flowc's"
            sink.error("FC504", f"{title} has {more:,} more unknown names in {self.file}", None, help=help_text)
        return names[:MOST_REPORTED]


MOST_REPORTED = 100
"""Unknown names of a table that are reported: each is compared with all that are known."""
_MOST_PATTERNS = 1000
"""Patterns of files to include: each is searched for in the project."""
_NOTHING = object()
NO_PROJECT = ProjectSettings({})


def configuration(file: Path, sink: DiagnosticSink) -> dict[str, Any]:
    """The settings that count for a flow's file: of the nearest file that has some, from the flow's folder upwards.

    Patterns of files to include, which are written from that file's folder, come out from the flow's. Collects FC504
    for a profile that is nowhere, and FC505 for a file that cannot be read.
    """
    flow_folder = located(file).parent
    found = read_settings(flow_folder, sink)
    return _rebased(found.table, found, flow_folder, sink) if found.table else {}


def read_settings(folder: Path, sink: DiagnosticSink) -> ProjectSettings:
    """The settings that count in a folder; none where they cannot be used, which is collected."""
    try:
        return settings_of(folder)
    except StoreError as error:
        report_unusable(error, sink)
        return NO_PROJECT


def report_unusable(error: StoreError, sink: DiagnosticSink) -> None:
    """Collect why settings cannot be used."""
    if not isinstance(error, SettingsError):
        sink.error("FC505", str(error), None, help="correct the file")
        return
    span, help_text = None, error.help
    if error.keys and error.path:
        settings = ProjectSettings({}, str(Path(error.path).parent), error.path)
        span = settings.span(*error.keys)
        sink.add_source(settings.source)
    if error.name:
        help_text = suggest(error.name, error.known, error.help).help
    sink.error("FC504" if error.name else "FC505", str(error), span, help=help_text)


def settings_of(folder: Path) -> ProjectSettings:
    """The settings that count in a folder, with a record of the files that were read. Raises StoreError."""
    file = ""
    try:
        found = found_once("settings", f"{project_settings.chosen_profile()} {folder}", lambda: _find(str(folder)))
        file = found.file
    except SettingsError as error:
        file = error.path
        raise
    finally:
        for place in (folder, *folder.parents):
            for name in (project_settings.OWN_FILE, project_settings.FILE):
                record_content(str(place / name))
            if str(place) == os.path.dirname(file):  # noqa: PTH120 (it may be empty)
                break
    return found


def _find(folder: str) -> ProjectSettings:
    table, path = project_settings.find_table(folder)
    profiles = project_settings.chain(table, project_settings.chosen_profile(), path or folder)
    if not path:
        return NO_PROJECT
    base = {key: value for key, value in table.items() if key != project_settings.PROFILES}
    known: object = table.get(project_settings.PROFILES)
    others = typing.cast("dict[str, Any]", known) if isinstance(known, dict) else {}
    layers = [Layer(None, base), *(Layer(name, others[name]) for name in profiles)]
    unused = [Layer(name, layer) for name, layer in others.items() if name not in profiles and isinstance(layer, dict)]
    merged = project_settings.merged(table, profiles)
    return ProjectSettings(merged, str(Path(path).parent), path, tuple(layers), tuple(unused), table.get(PROFILES))


def local_root(file: Path, given: str | None, sink: DiagnosticSink) -> str:
    """The root of runs on this machine: the given one, else FLOWC_ROOT, else the project's, else `.flowc`."""
    try:
        return given if given is not None else default_root(str(located(file).parent))
    except StoreError as error:
        if not sink.failed:
            report_unusable(error, sink)
        return DEFAULT_ROOT


def included_patterns(file: Path, sink: DiagnosticSink) -> list[str]:
    """The `include` of [tool.flowc]: what every target and local runs ship, from the flow's folder."""
    include: object = configuration(file, sink).get("include", [])
    patterns = typing.cast("list[object]", include) if isinstance(include, list) else []
    return [item for item in patterns if isinstance(item, str)]


def cache_setting(file: Path, sink: DiagnosticSink) -> bool | None:
    """The `cache` of [tool.flowc]: whether every step has a cache, or none; `None` where nothing says it.

    Collects FC505.
    """
    value: object = configuration(file, sink).get(CACHE_OPTION)
    if value is None or isinstance(value, bool):
        return value
    sink.error("FC505", f"[tool.flowc] {CACHE_OPTION} is not true or false", None, help=f"write {CACHE_OPTION} = true")
    return None


def variables_at_compile(file: Path, sink: DiagnosticSink) -> Callable[[], frozenset[str]]:
    """What gives the variables that compiling may read: those of `--env-at-compile`, and of `env_at_compile` in
    [tool.flowc], which is read when the flow's file needs one. Collects FC505 for those that no project may name.
    """
    given = ENV_AT_COMPILE.get()
    return cache(lambda: given() | _project_variables(file, given(), sink))


def _project_variables(file: Path, given: frozenset[str], sink: DiagnosticSink) -> frozenset[str]:
    from flowc_compiler.evaluate.environment_reads import INSTEAD_OF_SECRETS, looks_secret

    value: object = configuration(file, sink).get(ENV_OPTION, [])
    names = typing.cast("list[object]", value) if isinstance(value, list) else [None]
    allowed = set[str]()
    for name in names:
        if not isinstance(name, str) or not name:
            message = f"[tool.flowc] {ENV_OPTION} is a list of names of variables"
            sink.error("FC505", message, None, help=f'write {ENV_OPTION} = ["NAME"]')
        elif looks_secret(name) and name not in given:  # whoever may write to a checkout gets no secrets of its users
            message = f"[tool.flowc] {ENV_OPTION} names {name}, which looks like a secret: its value would be compiled"
            sink.error("FC505", message, None, help=INSTEAD_OF_SECRETS)
        else:
            allowed.add(name)
    return frozenset(allowed)


def _rebased(
    table: dict[str, Any], settings: ProjectSettings, flow_folder: Path, sink: DiagnosticSink
) -> dict[str, Any]:
    """A table and the tables of targets in it, with `include` relative to the flow's folder, and paths that are whole.

    Collects FC605 for patterns that lead out of the project.
    """
    from flowc_targets.base.options import TargetOptions

    rebased: dict[str, Any] = {}
    for key, value in table.items():
        if key == "include" and isinstance(value, list):
            rebased[key] = included_from(_as_list(value), settings, flow_folder, sink)
        elif key in PATHS and isinstance(value, str):
            rebased[key] = str(Path(settings.folder) / Path(value).expanduser())
        elif isinstance(value, dict) and key not in TargetOptions.model_fields:
            rebased[key] = _rebased(typing.cast("dict[str, Any]", value), settings, flow_folder, sink)
        else:
            rebased[key] = value
    return rebased


def _as_list(value: Any) -> list[Any]:
    return typing.cast("list[Any]", value)


def included_from(patterns: list[Any], settings: ProjectSettings, flow_folder: Path, sink: DiagnosticSink) -> list[Any]:
    """Patterns of files that start at the folder of the settings, from the flow's. Collects FC605."""
    folder = Path(settings.folder)
    above = Path(os.path.relpath(folder, flow_folder))
    if len(patterns) > _MOST_PATTERNS:
        message = f"include of {settings.file} has {len(patterns):,} patterns, which is more than {_MOST_PATTERNS:,}"
        sink.error("FC605", message, None, help="name folders, or write patterns with `*` that match more")
        return []
    for pattern in patterns:
        start = takewhile(
            lambda part: not set("*?[") & set(part), Path(pattern).parts if isinstance(pattern, str) else ()
        )
        if not is_readable(folder.joinpath(*start), flow_folder):
            message = f"include of {settings.file}: {pattern!r} is not in the flow's project"
            sink.error("FC605", message, None, help=outside_help(pattern))
    return [(above / item).as_posix() if isinstance(item, str) else item for item in patterns]
