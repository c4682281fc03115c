"""An editor for tests: pygls' own client, which starts `flowc lsp` and speaks to it over its standard streams."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

_T = TypeVar("_T")
WAIT_SECONDS = 30.0
"""Seconds to wait for the server, on a machine that is busy."""
SERVER = (sys.executable, "-m", "flowc_cli", "lsp", "--stdio")


class Editor:
    """Documents by their paths. Positions are lines and units from 0, as the protocol has them."""

    def __init__(
        self, folder: Path, command: Sequence[str] = SERVER, encodings: Sequence[types.PositionEncodingKind] = ()
    ) -> None:
        self._folder = folder
        self._command = command
        self._encodings = list(encodings) or None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.client = LanguageClient("flowc-tests", "1")
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.count: dict[str, int] = {}
        """How often diagnostics of each document were published."""
        self.messages: list[str] = []
        """What the server has logged."""
        self.watched: list[str] = []
        """The patterns of files that it watches."""
        self.versions: dict[Path, int] = {}
        self._arrived = threading.Condition()

    def __enter__(self) -> Self:
        self._thread.start()
        self.capabilities = self._await(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _published(self, found: types.PublishDiagnosticsParams) -> None:
        with self._arrived:
            self.published[found.uri] = found
            self.count[found.uri] = self.count.get(found.uri, 0) + 1
            self._arrived.notify_all()

    def _logged(self, found: types.LogMessageParams) -> None:
        with self._arrived:
            self.messages.append(found.message)
            self._arrived.notify_all()

    def _registered(self, found: types.RegistrationParams) -> None:
        with self._arrived:
            for item in found.registrations:
                options: Any = item.register_options
                self.watched += [watcher["globPattern"] for watcher in options["watchers"]]
            self._arrived.notify_all()

    async def _start(self) -> types.ServerCapabilities:
        client: Any = self.client  # some of its methods have no types
        client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(partial(self._published))
        client.feature(types.WINDOW_LOG_MESSAGE)(partial(self._logged))
        client.feature(types.CLIENT_REGISTER_CAPABILITY)(partial(self._registered))
        command, *arguments = self._command
        await client.start_io(command, *arguments, cwd=self._folder)
        watching = types.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True)
        capabilities = types.ClientCapabilities(
            workspace=types.WorkspaceClientCapabilities(did_change_watched_files=watching),
            general=types.GeneralClientCapabilities(position_encodings=self._encodings),
        )
        folder = types.WorkspaceFolder(self._folder.as_uri(), "tests")
        result = await self.client.initialize_async(
            types.InitializeParams(capabilities, root_uri=self._folder.as_uri(), workspace_folders=[folder])
        )
        self.client.initialized(types.InitializedParams())
        return result.capabilities

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        client: Any = self.client
        return int(client._server.pid)

    async def _end(self) -> None:
        await self.client.shutdown_async(None)
        self.client.exit(None)
        client: Any = self.client
        await client.stop()

    def _await(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WAIT_SECONDS)

    def tell(self, send: Callable[[], None]) -> None:
        """Send something, and wait until it is sent."""

        async def run() -> None:
            send()

        self._await(run())

    # Documents.

    def open(self, path: Path, text: str | None = None) -> None:
        """Open a document, with a text that is not saved."""
        self.versions[path] = 1
        shown = path.read_text(encoding="utf-8") if text is None else text
        item = types.TextDocumentItem(path.as_uri(), "python", 1, shown)
        self.tell(lambda: self.client.text_document_did_open(types.DidOpenTextDocumentParams(item)))

    def replace(self, path: Path, text: str) -> None:
        """Give a document another text as a whole."""
        self._change(path, types.TextDocumentContentChangeWholeDocument(text))

    def type(self, path: Path, line: int, column: int, text: str, *, delete: int = 0) -> None:
        """Type at a place, after deleting so many units."""
        found = types.Range(types.Position(line, column), types.Position(line, column + delete))
        self._change(path, types.TextDocumentContentChangePartial(found, text))

    def _change(self, path: Path, change: types.TextDocumentContentChangeEvent) -> None:
        self.versions[path] += 1
        document = types.VersionedTextDocumentIdentifier(self.versions[path], path.as_uri())
        self.tell(lambda: self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [change])))

    def close(self, path: Path) -> None:
        """Close a document without saving it."""
        item = types.TextDocumentIdentifier(path.as_uri())
        self.tell(lambda: self.client.text_document_did_close(types.DidCloseTextDocumentParams(item)))

    def touch(self, *paths: Path) -> None:
        """Say that files on the disk have changed."""
        changes = [types.FileEvent(path.as_uri(), types.FileChangeType.Changed) for path in paths]
        self.tell(lambda: self.client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams(changes)))

    # What the server says.

    def wait(self, found: Callable[[], bool]) -> None:
        """Wait for what the server publishes or logs. Raises AssertionError when that takes too long."""
        deadline = time.monotonic() + WAIT_SECONDS
        with self._arrived:
            while not found():
                left = deadline - time.monotonic()
                assert left > 0, "the server does not say it"
                self._arrived.wait(left)

    def diagnostics(self, path: Path) -> list[types.Diagnostic]:
        """The diagnostics of a document as it is now."""
        uri = path.as_uri()
        self.wait(lambda: uri in self.published and self.published[uri].version == self.versions[path])
        return list(self.published[uri].diagnostics)

    def codes(self, path: Path) -> list[str]:
        """Their codes."""
        return [str(item.code) for item in self.diagnostics(path)]

    def wait_for_codes(self, path: Path, codes: Sequence[str]) -> list[types.Diagnostic]:
        """The diagnostics of a file, which need not be open, once they have these codes."""
        uri = path.as_uri()

        def arrived() -> bool:
            shown = self.published.get(uri)
            return [str(item.code) for item in shown.diagnostics] == list(codes) if shown is not None else not codes

        self.wait(arrived)
        return list(self.published[uri].diagnostics) if uri in self.published else []

    # What it is asked.

    def hover(self, path: Path, line: int, column: int) -> str:
        """The text shown of a name; empty for none."""
        params = types.HoverParams(*_at(path, line, column))
        found = self._await(self.client.text_document_hover_async(params))
        assert found is None or isinstance(found.contents, types.MarkupContent)
        return "" if found is None else found.contents.value  # type: ignore[union-attr]

    def definition(self, path: Path, line: int, column: int) -> list[types.Location]:
        """Where a name is defined."""
        params = types.DefinitionParams(*_at(path, line, column))
        found: Any = self._await(self.client.text_document_definition_async(params))
        return list(found or ())

    def references(self, path: Path, line: int, column: int, *, declaration: bool = True) -> list[types.Location]:
        """Where a name is used."""
        context = types.ReferenceContext(declaration)
        params = types.ReferenceParams(context, *_at(path, line, column))
        found = self._await(self.client.text_document_references_async(params))
        return list(found or ())

    def completions(self, path: Path, line: int, column: int) -> list[types.CompletionItem]:
        """What may be written at a place, best first."""
        params = types.CompletionParams(*_at(path, line, column))
        found: Any = self._await(self.client.text_document_completion_async(params))
        items: list[types.CompletionItem] = list(found or ())
        return sorted(items, key=lambda item: item.sort_text or "")

    def symbols(self, path: Path) -> list[types.DocumentSymbol]:
        """The outline."""
        params = types.DocumentSymbolParams(types.TextDocumentIdentifier(path.as_uri()))
        found: Any = self._await(self.client.text_document_document_symbol_async(params))
        return list(found or ())

    def actions(self, path: Path, found: types.Range, only: Sequence[str] | None = None) -> list[types.CodeAction]:
        """What may be done at a range."""
        context = types.CodeActionContext([], only=only)
        params = types.CodeActionParams(types.TextDocumentIdentifier(path.as_uri()), found, context)
        answer: Any = self._await(self.client.text_document_code_action_async(params))
        return list(answer or ())


def _at(path: Path, line: int, column: int) -> tuple[types.TextDocumentIdentifier, types.Position]:
    return types.TextDocumentIdentifier(path.as_uri()), types.Position(line, column)


def place_of(text: str, wanted: str, *, end: bool = False) -> tuple[int, int]:
    """Line and column where a part of a text begins, or ends."""
    offset = text.index(wanted) + (len(wanted) if end else 0)
    return text.count("\n", 0, offset), offset - (text.rfind("\n", 0, offset) + 1)


def edited(text: str, edits: Sequence[types.TextEdit]) -> str:
    """A text of ASCII with edits made, as editors make them: all positions are of the text before."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    places = [(edit.range.start.line, edit.range.start.character, number) for number, edit in enumerate(edits)]
    for _, _, number in sorted(places, reverse=True):
        edit = edits[number]
        first = starts[edit.range.start.line] + edit.range.start.character
        last = starts[edit.range.end.line] + edit.range.end.character
        text = f"{text[:first]}{edit.new_text}{text[last:]}"
    return text
