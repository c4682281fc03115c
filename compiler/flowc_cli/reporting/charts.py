"""Charts of Vega-Lite as pictures, drawn by vl-convert-python in a process of its own, without a network.

A chart is a program: one that never ends, or takes all memory, ends with that process.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

SECONDS = 60.0
"""For all charts of a page."""
_LARGEST = 2 << 20
_MOST_KNOWN = 200
_known: dict[str, dict[str, str]] = {}
"""What became of charts, by their specification: a page that is live asks again and again."""


def chart_views(views: Sequence[dict[str, Any]]) -> None:
    """In place of each chart's `spec` put its picture, or a `note` that says why there is none, and the spec as text.

    They are changed as they are.
    """
    waiting: list[dict[str, Any]] = []
    for view in views:
        text = json.dumps(view["spec"], ensure_ascii=False, indent=1)
        view["text"] = text
        if _loads(view["spec"]):
            view["note"] = "The chart loads data from an address, which a report does not."
        elif not isinstance(view["spec"], dict) or len(text) > _LARGEST:
            view["note"] = "The chart is no specification of Vega-Lite, or too large."
        elif find_spec("vl_convert") is None:
            view["note"] = "Install flowc[charts] to have charts drawn here."
        else:
            waiting.append(view)
    new = [view for view in waiting if view["text"] not in _known]
    pictures = _drawn([view["spec"] for view in new]) if new else []
    if len(_known) > _MOST_KNOWN:
        _known.clear()
    for number, view in enumerate(new):
        late = {"error": "it takes too long, or too much memory"}
        _known[view["text"]] = pictures[number] if number < len(pictures) else late
    for view in waiting:
        found = _known.get(view["text"], {"error": "there are too many charts"})
        if "svg" in found:
            view["source"] = f"data:image/svg+xml;base64,{base64.b64encode(found['svg'].encode()).decode()}"
        else:
            view["note"] = f"The chart cannot be drawn: {found['error']}"
    for view in views:
        del view["spec"]
        view["text"] = view["text"][:100_000]


def _loads(spec: Any) -> bool:
    """Whether a specification has any address."""
    waiting = [spec]
    while waiting:
        part: Any = waiting.pop()
        whole: Any = part
        if isinstance(part, dict):
            if "url" in whole or "href" in whole:
                return True
            waiting += whole.values()
        elif isinstance(part, list):
            waiting += whole
    return False


def _drawn(specs: list[Any]) -> list[dict[str, str]]:
    """The pictures, or why there is none, as far as the process gets."""
    command = [sys.executable, "-I", "-m", "flowc_cli.reporting.chart_process"]
    try:
        output = subprocess.run(
            command, input=json.dumps(specs).encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
        ).stdout  # fmt: skip
    except subprocess.TimeoutExpired as end:
        output = end.stdout or b""
    except OSError as error:
        return [{"error": str(error)} for _ in specs]
    found: list[dict[str, str]] = []
    for line in output.splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found
