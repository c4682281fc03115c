"""Which diagnostics are reported: `select`, `ignore` and `error` of `[tool.flowc.check]`, and of `flowc check`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import cast

from flowc_cli.project_config import MOST_REPORTED, ProjectSettings, read_settings
from flowc_compiler.diagnostics import CODES, DiagnosticSink, Severities
from flowc_compiler.diagnostics.codes import suggest_code
from flowc_compiler.syntax.import_root import located

SECTION = "check"
"""The table of [tool.flowc]."""


@dataclass(frozen=True)
class CheckSettings:
    """Codes and prefixes of codes; `None` for what is not said."""

    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    error: tuple[str, ...] | None = None

    @classmethod
    def given(
        cls, *, select: Sequence[str] | None, ignore: Sequence[str] | None, error: Sequence[str] | None
    ) -> CheckSettings:
        """The options of the command line: each may be repeated, or have several codes with commas between them."""
        return cls(*(None if items is None else _split(items) for items in (select, ignore, error)))

    def over(self, project: CheckSettings) -> CheckSettings:
        """What counts beside the settings of a project: each of these in the place of its own.

        What is selected is not ignored because the project ignores it.
        """
        ignore = project.ignore if self.ignore is None and self.select is None else self.ignore
        return CheckSettings(
            project.select if self.select is None else self.select,
            ignore,
            project.error if self.error is None else self.error,
        )


NO_SETTINGS = CheckSettings()
_LISTED = "`flowc explain` lists all codes"
_NAMES = tuple(item.name for item in fields(CheckSettings))


def severities_of(file: Path, given: CheckSettings, sink: DiagnosticSink) -> Severities:
    """What is reported of a flow's file. Collects FC504 and FC505 for settings and options that are wrong."""
    for name in _NAMES:
        _known(f"--{name}", getattr(given, name), sink)
    settings = given.over(_of_project(file, sink))
    return Severities(
        select=("",) if settings.select is None else tuple(settings.select),
        ignore=settings.ignore or (),
        error=settings.error or (),
    )


def _of_project(file: Path, sink: DiagnosticSink) -> CheckSettings:
    """`[tool.flowc.check]`. What else is wrong with the settings is reported where that is read."""
    return codes_of(read_settings(located(file).parent, DiagnosticSink()), sink)


def codes_of(settings: ProjectSettings, sink: DiagnosticSink) -> CheckSettings:
    """The codes that settings select, ignore and make errors. Collects FC505."""
    table: object = settings.table.get(SECTION)
    if not isinstance(table, dict):
        return NO_SETTINGS
    found: dict[str, tuple[str, ...]] = {}
    for key, value in cast("dict[str, object]", table).items():
        where = f"[tool.flowc.{SECTION}] {key}"
        if key not in _NAMES:
            continue
        if not isinstance(value, list) or not all(isinstance(item, str) for item in cast("list[object]", value)):
            help_text = f'write {key} = ["FC319", "FC4"]'
            settings.error(sink, "FC505", f"{where} is not a list of codes", (SECTION, key), help=help_text)
        else:
            found[key] = tuple(cast("list[str]", value))
            own = sink.nested()
            _known(where, found[key], own)
            for item in own.diagnostics:
                settings.error(sink, item.code, item.message, (SECTION, key), help=item.help)
    return CheckSettings(**found)


def _known(where: str, codes: Sequence[str] | None, sink: DiagnosticSink) -> None:
    """Collect FC505 for what no code begins with."""
    wrong = [code for code in codes or () if not _begins_code(code)]
    for code in wrong[:MOST_REPORTED]:
        help_text = f"write {upper}" if _begins_code(upper := code.upper()) else suggest_code(code) or _LISTED
        sink.error("FC505", f"{where}: no diagnostic's code begins with `{code}`", None, help=help_text)
    if len(wrong) > MOST_REPORTED:
        message = f"{where}: {len(wrong) - MOST_REPORTED:,} more begin no diagnostic's code"
        sink.error("FC505", message, None, help=_LISTED)


def _begins_code(text: str) -> bool:
    return len(text) >= len("FC") and any(known.startswith(text) for known in CODES)


def _split(items: Sequence[str]) -> tuple[str, ...]:
    return tuple(code for item in items for code in item.replace(",", " ").split())
