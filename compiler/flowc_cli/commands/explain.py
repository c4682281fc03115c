"""`flowc explain`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from flowc_cli import shared_options as shared
from flowc_cli.output import INPUT_ERROR, report, write, write_error
from flowc_compiler.diagnostics import CODES, Diagnostic
from flowc_compiler.diagnostics.codes import suggest_code
from flowc_compiler.diagnostics.pages import page_address, page_text

app = shared.command_app()


@app.command("explain")
def explain(
    codes: Annotated[list[str] | None, typer.Argument(metavar="[CODE]...", help="such as FC317")] = None,
) -> None:
    """Print the page of a diagnostic.

    Without a code, list all of them.
    """
    if not codes:
        write("".join(f"{code}  {entry.title}\n" for code, entry in CODES.items()))
        return
    raise typer.Exit(_explain(codes))


def _explain(codes: Sequence[str]) -> int:
    """Print pages, one after the other. Returns the exit code."""
    unknown = [code for code in codes if code.upper() not in CODES]
    if unknown:
        listed = "`flowc explain` lists all codes"
        report([_unknown(code, suggest_code(code) or listed) for code in unknown])
        return INPUT_ERROR
    texts: list[str] = []
    for code in dict.fromkeys(code.upper() for code in codes):
        text, address = page_text(code), page_address(code)
        if text is None:
            write_error(f"flowc explain: the pages are not installed: {code} is {CODES[code].title}\n")
            return INPUT_ERROR
        texts.append(f"{text}\n{address}\n" if address else text)
    write("\n".join(texts))
    return 0


def _unknown(code: str, help_text: str) -> Diagnostic:
    return Diagnostic("FC504", "error", f"there is no diagnostic `{code}`", None, help=help_text)
