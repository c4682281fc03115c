"""A graph as one HTML file: the drawing, which can be moved and enlarged, and beside it what is known of a step.

The page loads nothing, and its policy allows no script but its own, whatever names and texts a flow has.
"""

from __future__ import annotations

import base64
import hashlib
import json
from html import escape
from importlib.resources import files

from flowc_cli.drawing.graph_document import GraphDocument
from flowc_cli.drawing.svg_picture import Drawing, svg
from flowc_compiler.diagnostics.terminal_text import visible, visible_line


def page(drawing: Drawing) -> str:
    """The HTML of a drawing."""
    document = drawing.document
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    summary = visible_line(document.doc.partition("\n")[0])
    title = escape(visible_line(f"Flow {document.flow}"))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{title}</title>",
            f"<style>\n{_resource('page.css')}</style>",
            "</head>",
            "<body>",
            f'<header><h1>{title}</h1><p title="{escape(summary)}">{escape(summary)}</p>',
            _resource("page_tools.html").strip(),
            "</header>",
            "<main>",
            f'<div id="graph" tabindex="-1">{svg(drawing)}</div>',
            '<aside id="details" aria-live="polite" hidden></aside>',
            "</main>",
            f'<script type="application/json" id="graph-data">{_data(document)}</script>',
            f"<script>{script}</script>",
            "</body>",
            "</html>",
            "",
        ]
    )


def _data(document: GraphDocument) -> str:
    """The JSON of a graph, for an element of HTML: nothing in it ends the element."""
    text = json.dumps(document.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False)
    return visible(text).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _resource(name: str) -> str:
    return files("flowc_cli.drawing").joinpath(name).read_text(encoding="utf-8")
