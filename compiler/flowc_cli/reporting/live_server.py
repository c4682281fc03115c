"""`flowc ui`: the pages of all runs of a store, live, for the browser of this machine alone. It only reads.

A page of another site can reach a server on localhost: by its own host's name, which may resolve to it, and by elements
that load from it. So requests for another host are refused, and no other page may show or read what is answered.
"""

from __future__ import annotations

import hashlib
import json
import socket
import time
from collections import OrderedDict
from collections.abc import Mapping
from threading import Lock
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from flowc.client import Run
from flowc.errors import FlowError, NotFound, StoreError
from flowc_cli.drawing.svg_picture import draw, svg
from flowc_cli.reporting.report_page import SCRIPTS, list_page, policy, run_page, script_text
from flowc_cli.reporting.run_list import RunList
from flowc_cli.reporting.run_snapshot import Snapshot
from flowc_cli.reporting.run_view import RunView
from flowc_cli.reporting.state_marks import StepMarks
from flowc_cli.run_tasks import TaskRecord
from flowc_cli.stored_runs import find_run
from flowc_compiler.diagnostics.terminal_text import visible_json

HOSTS = ("localhost", "127.0.0.1")
DETAILED = 10
"""How many tasks of a step come with the page; others are asked for when they are looked at."""
_KEPT = 12
"""Runs that stay in memory."""
_PAUSE = 1.5
"""Seconds between two looks at a run, or four times as long as one takes."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class LiveRun:
    """A run that is looked at again and again."""

    def __init__(self, run: Run) -> None:
        self.snapshot = Snapshot(run)
        self._lock = Lock()
        self._view: RunView | None = None
        self._next = 0.0

    def view(self) -> tuple[RunView, str]:
        """The run, and its graph as SVG. Raises FlowError."""
        with self._lock:
            if self._view is None or time.monotonic() >= self._next:
                begun = time.monotonic()
                self._view = self.snapshot.whole(DETAILED, whole_elsewhere=True)
                taken = time.monotonic() - begun
                self._next = time.monotonic() + max(_PAUSE, 4 * taken)
            marks = StepMarks(self._view)
            assert self.snapshot.graph is not None
            return self._view, svg(draw(self.snapshot.graph, marks.notes), marks.marks)

    def task(self, key: str) -> Mapping[str, Any] | None:
        """The details of a task, and the values that they name; `None` where there is no such task."""
        self.view()
        with self._lock:
            record = self.snapshot.record
            found: TaskRecord | None = None
            if record is not None:
                found = next((item for item in record.tasks if item.id == key), None)
            if found is None:
                return None
            view = self.snapshot.task_view(found)
            values = self.snapshot.values(item.value for item in view.artifacts)
            return {"details": view.model_dump(mode="json", exclude_defaults=True), "values": values}


class LiveRuns:
    """The runs of a root."""

    def __init__(self, root: str | None) -> None:
        self.root = root
        self._list = RunList(root)
        self._lock, self._list_lock = Lock(), Lock()
        self._runs: OrderedDict[str, LiveRun] = OrderedDict()

    def listing(self) -> str:
        """All runs as JSON. Raises FlowError."""
        with self._list_lock:
            return visible_json(json.dumps(self._list.rows(), ensure_ascii=False))

    def run(self, request: Request) -> LiveRun:
        """The run that a request is for. Raises FlowError."""
        pathspec = f"{request.path_params['flow']}/{request.path_params['run']}"
        with self._lock:
            if pathspec not in self._runs:
                run, _ = find_run(pathspec, self.root, lenient=True)
                self._runs[pathspec] = LiveRun(run)
                if len(self._runs) > _KEPT:
                    self._runs.popitem(last=False)
            self._runs.move_to_end(pathspec)
            return self._runs[pathspec]


def application(root: str | None) -> Starlette:
    """The server's application."""
    runs = LiveRuns(root)
    list_script, run_script = (
        script_text(("elements.js", "theme.js", "runs_page.js")),
        script_text((*SCRIPTS, "live_page.js")),
    )

    def index(request: Request) -> Response:
        del request
        return _page(list_page(runs.listing(), list_script), list_script)

    def listing(request: Request) -> Response:
        return _json(runs.listing(), request)

    def show(request: Request) -> Response:
        view, graph = runs.run(request).view()
        return _page(run_page(view, graph, run_script, home="/"), run_script)

    def data(request: Request) -> Response:
        view, graph = runs.run(request).view()
        return _json(f'{{"run":{view.as_json()},"graph":{json.dumps(graph)}}}', request, view)

    def task(request: Request) -> Response:
        found = runs.run(request).task(request.query_params.get("key", ""))
        return PlainTextResponse("no such task", 404) if found is None else _json(json.dumps(found), request)

    routes = [
        Route("/", index),
        Route("/data/runs", listing),
        Route("/run/{flow}/{run}", show),
        Route("/data/run/{flow}/{run}", data),
        Route("/data/run/{flow}/{run}/task", task),
    ]
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=list(HOSTS), www_redirect=False)
    return Starlette(routes=routes, middleware=[hosts], exception_handlers={FlowError: _failed})


async def _failed(request: Request, error: Exception) -> Response:
    del request
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, StoreError) else 500
    return PlainTextResponse(str(error), status, headers=_HEADERS)


def _page(text: str, script: str) -> Response:
    rules = policy(script, "'self'") + "; frame-ancestors 'none'"
    return HTMLResponse(text, headers={**_HEADERS, "Content-Security-Policy": rules})


def _json(text: str, request: Request, view: RunView | None = None) -> Response:
    """JSON, or nothing where the page has it already: it says by `have` what it has."""
    same = text if view is None else view.model_copy(update={"now": 0.0}).as_json()
    tag = hashlib.sha256(same.encode()).hexdigest()[:16]
    if request.query_params.get("have") == tag:
        return Response(status_code=204, headers=_HEADERS)
    headers = {**_HEADERS, "X-Flowc-Have": tag}
    return Response(text, media_type="application/json", headers=headers)


def is_free(port: int) -> bool:
    """Whether the server can have a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def serve(root: str | None, port: int) -> None:
    """Serve until Ctrl-C."""
    import uvicorn

    uvicorn.run(
        application(root), host="127.0.0.1", port=port, log_level="warning", server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
