"""Random edits of files in an editor: the language server answers whatever it is asked, in ranges that there are.

Each attempt opens a file, edits it some times, mostly into what is no valid Python, and asks for everything at random
positions; the last good state is older than the text then.
"""

from __future__ import annotations

import random
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lsprotocol import types

from flowc_cli.lsp.analysis import analyze
from flowc_cli.lsp.completion import complete
from flowc_cli.lsp.diagnostic_feed import shown_by_file
from flowc_cli.lsp.document_symbols import document_symbols
from flowc_cli.lsp.documents import Encoding
from flowc_cli.lsp.hover import hover
from flowc_cli.lsp.navigation import definition, references
from flowc_cli.lsp.quick_fixes import code_actions
from flowc_cli.lsp.session import OpenFile, Session
from flowc_cli.lsp.symbol_lookup import Lookup
from tests.trials.fuzz import seeds
from tests.trials.trial import Attempt, Choice

_ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
_PIECES = (
    "self.", "inputs.", "self.next(self.", "(", ")", "[", "]", "'", '"""', "\n", "    ", "@", "@retry(", "foreach='",
    "#", "\N{GRINNING FACE}", "x", "\\", "{", ":", "def ", "class ", "\x0c", "\r\n", "import ", ",", "=", "lambda: ",
)  # fmt: skip
_EDITS = 4
_POSITIONS = 5
_SECONDS = 1.0
"""Of the processor, for all answers at one position."""
_EVERYTHING = types.Range(types.Position(0, 0), types.Position(10**6, 0))


def trial(choice: Choice) -> Iterator[Attempt]:
    """One file a time."""
    texts = sorted(seeds().items())
    for number in range(choice.count):
        name = f"edit{number}"
        if choice.allows(name):
            yield _attempt(name, random.Random(f"{choice.seed}/{name}"), texts, choice.slowdown)


def _attempt(name: str, chance: random.Random, texts: list[tuple[str, str]], slowdown: float) -> Attempt:
    _, text = chance.choice(texts)
    session = Session()
    session.encoding = chance.choice(_ENCODINGS)
    file = session.open(Path("/nowhere/edited.py").as_uri(), 1, text.encode(errors="replace").decode())
    try:
        _check(file, session, chance)
        for _ in range(_EDITS):
            _edit(file, chance)
            for _ in range(_POSITIONS):
                began = time.process_time()
                _ask(file, chance)
                taken = time.process_time() - began
                assert taken < _SECONDS * slowdown, f"the answers took {taken:.1f} s"
            if chance.random() < 0.7:
                _check(file, session, chance)
    except Exception:
        problem = traceback.format_exc().strip().splitlines()[-1]
        return Attempt(name, problem, {"edited.py": file.document.text.encode(errors="replace")})
    return Attempt(name)


def _edit(file: OpenFile, chance: random.Random) -> None:
    document = file.document
    start = chance.randrange(len(document.text) + 1)
    end = start + chance.choice([0, 0, 0, 1, 5, 40, 400])
    new = "".join(chance.choice(_PIECES) for _ in range(chance.randrange(4)))
    text = f"{document.text[:start]}{new}{document.text[end:]}"
    file.document = replace(document, version=document.version + 1, text=text)


def _ask(file: OpenFile, chance: random.Random) -> None:
    position = types.Position(chance.randrange(len(file.document.lines) + 1), chance.randrange(80))
    lookup = Lookup(file, position)
    hover(lookup)
    complete(lookup)
    definition(lookup)
    references(lookup, with_definition=True)
    document_symbols(file)


def _check(file: OpenFile, session: Session, chance: random.Random) -> None:
    analysis = analyze(file.document, session.texts())
    file.accept(analysis)
    document = file.document
    shown = shown_by_file(analysis)
    for item in shown[document.uri]:
        found = item.sent.range
        assert found.start <= found.end, f"{item.item.code} ends before it begins"
        assert found.end.line < len(document.lines), f"{item.item.code} ends behind the file"
    if chance.random() < 0.1:
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(document.uri), _EVERYTHING, types.CodeActionContext([])
        )
        code_actions(document.uri, document.plain, shown[document.uri], params, document.encoding)
