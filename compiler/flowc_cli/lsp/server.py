"""The language server: what editors ask and tell, over standard input and output."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from lsprotocol import types
from pygls.exceptions import FeatureRequestError, JsonRpcException, JsonRpcInvalidParams
from pygls.lsp.server import LanguageServer
from pygls.protocol.language_server import LanguageServerProtocol, lsp_method

from flowc._version import __version__
from flowc_cli.lsp import completion, navigation
from flowc_cli.lsp.check_scheduler import CheckScheduler
from flowc_cli.lsp.diagnostic_feed import DiagnosticFeed
from flowc_cli.lsp.document_symbols import document_symbols
from flowc_cli.lsp.documents import Encoding, path_of
from flowc_cli.lsp.hover import hover
from flowc_cli.lsp.quick_fixes import KINDS, code_actions
from flowc_cli.lsp.session import OpenFile, Session
from flowc_cli.lsp.symbol_lookup import Lookup

if TYPE_CHECKING:
    from pygls.server import ServerErrors

_Answer = TypeVar("_Answer")
_AtPosition = types.HoverParams | types.DefinitionParams | types.ReferenceParams | types.CompletionParams
_FIRST_CHECK = 2.0
"""Seconds that a request waits for the first check of a document."""
_WATCHED = ("**/*.py", "**/pyproject.toml", "**/*.{json,yaml,yml,toml}")
"""The files whose changes on the disk may change a check: modules, settings and configs."""


class _Server(LanguageServer):
    """Writes what goes wrong to the editor's log, where pygls opens a window."""

    def report_server_error(self, error: Exception, source: ServerErrors) -> None:
        """Log what is no answer to a request, such as a message that cannot be read."""
        if source is not FeatureRequestError:
            self.window_log_message(types.LogMessageParams(types.MessageType.Error, f"flowc lsp: {error}"))


class _Protocol(LanguageServerProtocol):
    """Keeps no texts: pygls ends lines where `str.splitlines` does, and Python and the protocol do not."""

    def structure_message(self, data: dict[str, Any]) -> Any:
        """A message by its content. A request that cannot be read is answered: pygls leaves the editor waiting."""
        try:
            return super().structure_message(data)
        except JsonRpcException:
            if "method" in data and isinstance(data.get("id"), int | str):
                error = JsonRpcInvalidParams(f"wrong parameters of {data['method']}")
                self._send_response(data["id"], error=error.to_response_error())
            raise

    def _ours(self, method: str, params: Any) -> Generator[Any, Any, None]:
        features = cast("dict[str, Any]", self.fm.features)  # pyright: ignore[reportUnknownMemberType]
        yield features[method], (params,), None

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> Generator[Any, Any, None]:
        """A document was opened."""
        yield from self._ours(types.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> Generator[Any, Any, None]:
        """A document has changed."""
        yield from self._ours(types.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> Generator[Any, Any, None]:
        """A document was closed."""
        yield from self._ours(types.TEXT_DOCUMENT_DID_CLOSE, params)


class FlowServer:
    """One editor's server."""

    def __init__(self) -> None:
        self.editor = _Server("flowc", __version__, protocol_cls=_Protocol)
        self.session = Session()
        self._feed = DiagnosticFeed(self.editor.text_document_publish_diagnostics, self.session.uri_for)
        self._checks = CheckScheduler(self.session, self._show, self._log)
        for method, handler, options in self._features():
            self.editor.feature(method, options)(partial(handler))  # pygls sets attributes of it

    def _features(self) -> Sequence[tuple[str, Callable[..., Any], Any]]:
        return (
            (types.INITIALIZE, self._initialize, None),
            (types.INITIALIZED, self._initialized, None),
            (types.TEXT_DOCUMENT_DID_OPEN, self._opened, None),
            (types.TEXT_DOCUMENT_DID_CHANGE, self._changed, None),
            (types.TEXT_DOCUMENT_DID_SAVE, self._saved, None),
            (types.TEXT_DOCUMENT_DID_CLOSE, self._closed, None),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self._watched_changed, None),
            (types.TEXT_DOCUMENT_HOVER, self._hover, None),
            (types.TEXT_DOCUMENT_DEFINITION, self._definition, None),
            (types.TEXT_DOCUMENT_REFERENCES, self._references, None),
            (types.TEXT_DOCUMENT_DOCUMENT_SYMBOL, self._symbols, None),
            (types.TEXT_DOCUMENT_CODE_ACTION, self._actions, types.CodeActionOptions(code_action_kinds=KINDS)),
            (
                types.TEXT_DOCUMENT_COMPLETION,
                self._complete,
                types.CompletionOptions(trigger_characters=completion.TRIGGERS),
            ),
        )

    # What editors tell.

    def _initialize(self, params: types.InitializeParams) -> None:
        self.session.encoding = cast("Encoding", str(_text(self.editor.workspace.position_encoding)))
        folders = [folder.uri for folder in params.workspace_folders or ()] or [params.root_uri or ""]
        self.session.root = path_of(folders[0]) or Path.cwd()

    async def _initialized(self, _params: types.InitializedParams) -> None:
        """Ask for notifications of changes on the disk, if the editor can send them."""
        workspace = self.editor.client_capabilities.workspace
        watching = workspace.did_change_watched_files if workspace is not None else None
        if watching is None or not watching.dynamic_registration:
            return
        options = types.DidChangeWatchedFilesRegistrationOptions([types.FileSystemWatcher(item) for item in _WATCHED])
        method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
        await self.editor.client_register_capability_async(
            types.RegistrationParams([types.Registration("flowc-files", method, options)])
        )

    def _opened(self, params: types.DidOpenTextDocumentParams) -> None:
        found = params.text_document
        if found.language_id != "python" and not found.uri.endswith(".py"):
            return  # such as settings, which count when they are saved
        file = self.session.open(found.uri, found.version, found.text)
        self._checks.request(file, at_once=True)
        self._check_readers(file)

    def _changed(self, params: types.DidChangeTextDocumentParams) -> None:
        file = self.session.files.get(params.text_document.uri)
        if file is None:
            return
        file.document = file.document.changed(params.text_document.version, params.content_changes)
        self._checks.request(file)
        self._check_readers(file)

    def _saved(self, params: types.DidSaveTextDocumentParams) -> None:
        file = self.session.files.get(params.text_document.uri)
        if file is not None:
            self._check_readers(file)
        else:
            self._check_all()  # settings or a config

    def _closed(self, params: types.DidCloseTextDocumentParams) -> None:
        file = self.session.files.pop(params.text_document.uri, None)
        self._checks.forget(params.text_document.uri)
        self._feed.remove(params.text_document.uri)
        if file is not None:
            self._check_readers(file)

    def _watched_changed(self, params: types.DidChangeWatchedFilesParams) -> None:
        """Check everything anew but where all that changed is open: then the editor's text counts."""
        if any(change.uri not in self.session.files for change in params.changes):
            self._check_all()

    def _check_all(self) -> None:
        for file in self.session.files.values():
            self._checks.request(file)

    def _check_readers(self, changed: OpenFile) -> None:
        """Check the other open documents that read one."""
        for file in self.session.readers_of(changed.document.path):
            if file is not changed:
                self._checks.request(file)

    # What editors ask.

    async def _hover(self, params: types.HoverParams) -> types.Hover | None:
        return await self._answered(params, hover, None)

    async def _definition(self, params: types.DefinitionParams) -> list[types.Location]:
        return await self._answered(params, navigation.definition, [])

    async def _references(self, params: types.ReferenceParams) -> list[types.Location]:
        def find(lookup: Lookup) -> list[types.Location]:
            return navigation.references(lookup, with_definition=params.context.include_declaration)

        return await self._answered(params, find, [])

    async def _complete(self, params: types.CompletionParams) -> list[types.CompletionItem]:
        return await self._answered(params, completion.complete, [])

    async def _symbols(self, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
        file = await self._checked(params.text_document.uri)
        return document_symbols(file) if file is not None else []

    async def _actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        uri = params.text_document.uri
        file = await self._checked(uri)
        if file is None:
            return []
        return code_actions(uri, file.document.plain, self._feed.of(uri), params, file.document.encoding)

    async def _answered(self, params: _AtPosition, find: Callable[[Lookup], _Answer], nothing: _Answer) -> _Answer:
        file = await self._checked(params.text_document.uri)
        return find(Lookup(file, params.position)) if file is not None else nothing

    async def _checked(self, uri: str) -> OpenFile | None:
        """An open document, once it was checked."""
        file = self.session.files.get(uri)
        if file is not None and not file.checked.is_set():
            try:
                await asyncio.wait_for(file.checked.wait(), _FIRST_CHECK)
            except TimeoutError:
                return file
        return file

    # What it tells.

    def _show(self, file: OpenFile, analysis: Any) -> None:
        file.accept(analysis)
        try:
            self._feed.update(file.document.uri, analysis)
        except Exception:
            self._log(f"the diagnostics of {file.document.path} cannot be shown:\n{traceback.format_exc()}")

    def _log(self, text: str) -> None:
        self.editor.window_log_message(types.LogMessageParams(types.MessageType.Error, text))


def _text(encoding: object) -> str:
    return str(getattr(encoding, "value", encoding))


def serve() -> None:
    """Serve one editor until it goes. Whatever else is printed goes to standard error."""
    out, sys.stdout = sys.stdout, sys.stderr
    FlowServer().editor.start_io(sys.stdin.buffer, out.buffer)
