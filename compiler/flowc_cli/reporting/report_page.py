"""A run as one HTML file, which loads nothing.

Its policy allows no script but its own, whatever the run's values are.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template

from flowc_cli.drawing.graph_document import GraphDocument
from flowc_cli.drawing.svg_picture import draw, svg
from flowc_cli.reporting.run_view import RunView
from flowc_cli.reporting.state_marks import StepMarks
from flowc_compiler.diagnostics.terminal_text import visible, visible_line

SCRIPTS = (
    "elements.js", "theme.js", "run_model.js", "value_views.js", "card_views.js", "timeline.js", "task_table.js",
    "task_panel.js", "source_code.js", "run_page.js",
)  # fmt: skip


def report_page(view: RunView, graph: GraphDocument) -> str:
    """The HTML of a run, as a file."""
    marks = StepMarks(view)
    return run_page(view, svg(draw(graph, marks.notes), marks.marks), script_text((*SCRIPTS, "start.js")))


def run_page(view: RunView, graph: str, script: str, home: str = "") -> str:
    """The HTML of a run: `graph` is the SVG of its graph, `home` the address of the list of runs."""
    return page(
        "run.html",
        script,
        title=escape(visible_line(f"{view.flow}/{view.run}")),
        graph=graph,
        data=json_element(view.as_json()),
        home=f'<a class="home" href="{home}">all runs</a>' if home else "",
        connect="'self'" if home else "",
    )


def list_page(listing: str, script: str) -> str:
    """The HTML of the list of runs, from its JSON."""
    return page("runs.html", script, data=json_element(listing), connect="'self'")


def page(name: str, script: str, connect: str = "", **parts: str) -> str:
    """A page of the folder `page`, with its policy."""
    return Template(resource(name)).substitute(
        policy=escape(policy(script, connect)), style=resource("report.css"), script=script, **parts
    )


def policy(script: str, connect: str = "") -> str:
    """What the page may do: nothing but show itself, and run this script. `connect` is where it may ask for more."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    rules = [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        f"script-src 'sha256-{digest}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join([*rules, *([f"connect-src {connect}"] if connect else [])])


def script_text(names: Sequence[str]) -> str:
    """Scripts of the folder `page`, one after the other."""
    return '"use strict";\n' + "\n".join(resource(name) for name in names)


def json_element(text: str) -> str:
    """JSON for an element of HTML: nothing in it ends the element, and nothing in it is invisible."""
    json.loads(text)
    return visible(text).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def resource(name: str) -> str:
    """A file of the folder `page`."""
    return files("flowc_cli.reporting").joinpath("page", name).read_text(encoding="utf-8")
