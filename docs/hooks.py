"""What mkdocs does for this site beside rendering pages.

- Diagrams are drawn when the site is built, by what draws `flowc graph`: fences with Mermaid, and pictures of flows.
  A page needs no script for them, and has them in the theme's light and dark colors.
- The addresses of the site and of the repository are those of `[project.urls]`.
- A page that would load anything from another host fails the build.
"""

from __future__ import annotations

import hashlib
import logging
import re
import tomllib
from graphlib import TopologicalSorter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File

from flowc_cli.drawing.graph_document import GraphDocument, GraphEdge, GraphNode, GraphScope, NodeKind
from flowc_cli.drawing.svg_picture import draw, stylesheet, svg

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

DOCS = Path(__file__).parent
PLACEHOLDER = "https://flowc.example/flowc"
"""The address of the repository as pages write it."""
STYLES = "assets/flow-graph.css"

_LOG = logging.getLogger("mkdocs.hooks")
_PICTURE = re.compile(r'<img alt="([^"]*)" src="(?:\.\./)*([\w-]+\.svg)" />')
_LOADED = re.compile(
    r'<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc="((?:https?:)?//[^"]+)'
    r'|<link\b(?=[^>]*\brel="(?:stylesheet|preload|preconnect|dns-prefetch|icon|modulepreload)")'
    r'[^>]*?\bhref="((?:https?:)?//[^"]+)'
)
_NODE = re.compile(r'(\w+)(?:(\(\[|\{\{|\[/|\[|\{)"?(.*?)"?(\]\)|\}\}|/\]|\]|\}))?')
_ARROW = re.compile(r'\s*(?:-- "(.*?)" )?-->\s*')
_KINDS: dict[str, NodeKind] = {"{{": "branch", "[/": "foreach", "{": "switch", "([": "join"}


def on_config(config: MkDocsConfig) -> None:
    """Take the addresses from `[project.urls]`, and draw fences with Mermaid."""
    settings: Any = config
    settings.site_url, settings.repo_url = addresses()
    fence = {"name": "mermaid", "class": "diagram", "format": draw_fence}
    settings.mdx_configs["pymdownx.superfences"] = {"custom_fences": [fence]}
    settings.extra_css = [*settings.extra_css, STYLES]


def on_files(files: Files, *, config: MkDocsConfig) -> None:
    """Add the stylesheet of diagrams."""
    files.append(File.generated(config, STYLES, content=diagram_styles()))


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Write the repository's address where pages have the placeholder."""
    return markdown.replace(PLACEHOLDER, addresses()[1])


def on_page_content(html: str, **_: Any) -> str:
    """Put pictures of flows into the page itself, where they have its colors."""
    return _PICTURE.sub(lambda found: inline((DOCS / found[2]).read_text(encoding="utf-8"), found[1]), html)


def on_post_page(output: str, *, page: Page, **_: Any) -> str:
    """Report what a page would load from another host. The theme would also ask the repository's host for its stars."""
    for found in _LOADED.finditer(output):
        _LOG.warning("%s would load %s", page.file.src_uri, found[1] or found[2])
    return output.replace(' data-md-component="source"', "")


def addresses() -> tuple[str, str]:
    """The addresses of the documentation, and of the repository."""
    urls = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    return urls["Documentation"].rstrip("/") + "/", urls["Repository"]


def diagram_styles() -> str:
    """The styles of `flowc graph`, by the theme's colors instead of the system's."""
    light, _, rest = stylesheet().partition("@media (prefers-color-scheme: dark) {\n")
    dark, _, rest = rest.partition("\n}\n")
    return f"{light}{dark.replace('.flow-graph', '[data-md-color-scheme=slate] .flow-graph')}\n{rest}"


def draw_fence(source: str, *_: Any, **__: Any) -> str:
    """The picture of a fence; a formatter of pymdownx.superfences."""
    document = read_mermaid(source)
    return inline(svg(draw(document)), "Diagram")


def inline(text: str, title: str) -> str:
    """A drawing as a part of a page, which has the styles; ids of its own keep several drawings apart."""
    text = re.sub(r"<style>.*?</style>\n", "", text, flags=re.DOTALL)
    text = re.sub(r"(<title[^>]*>)Flow .*?</title>", rf"\g<1>{title}</title>", text, count=1)
    mark = f"{hash_of(text)}-"
    return '<div class="diagram">' + re.sub(r"\bgraph-(title|desc|arrow)\b", rf"{mark}\g<1>", text).strip() + "</div>"


def hash_of(text: str) -> str:
    """A short name for a text, the same whenever the site is built."""
    return f"d{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def read_mermaid(source: str) -> GraphDocument:
    """The graph of a flowchart in Mermaid, as `flowc graph` prints it. Raises ValueError for any other line."""
    first, *lines = source.strip().splitlines()
    if first != "flowchart TD":
        raise ValueError(f"a diagram begins with `flowchart TD`, not with {first!r}")
    reader = _MermaidReader()
    for line in lines:
        reader.read(line.strip())
    return reader.document()


class _MermaidReader:
    """What the lines of a flowchart have said so far."""

    def __init__(self) -> None:
        self.nodes: dict[str, GraphNode] = {}
        self.edges: list[GraphEdge] = []
        self.scopes: list[GraphScope] = []
        self.open: list[str] = []

    def read(self, line: str) -> None:
        """Read a line: a box, its end, a node, or nodes with arrows between them."""
        if box := re.fullmatch(r'subgraph (\w+)\["(.*)"\]', line):
            parent = self.open[-1] if self.open else None
            kind = "parallel" if box[1].startswith("parallel") else "foreach"
            self.scopes.append(GraphScope(id=box[1], kind=kind, parent=parent, title=box[2]))
            self.open.append(box[1])
        elif line == "end":
            self.open.pop()
        elif line:
            self._chain(line)

    def _chain(self, line: str) -> None:
        names: list[str] = []
        labels: list[str] = []
        at = 0
        while found := _NODE.match(line, at):
            names.append(self._node(found))
            if (arrow := _ARROW.match(line, found.end())) is None:
                at = found.end()
                break
            labels.append(arrow[1] or "")
            at = arrow.end()
        if at != len(line) or len(labels) != len(names) - 1:
            raise ValueError(f"the drawing of diagrams does not know this line: {line}")
        for (source, target), text in zip(pairwise(names), labels, strict=True):
            cases = (text.replace("&quot;", '"'),) if text else ()
            self.edges.append(GraphEdge(source=source, target=target, cases=cases, loop=source == target))

    def _node(self, found: re.Match[str]) -> str:
        key, bracket, text = found[1], found[2], found[3]
        if key not in self.nodes:
            scope = self.open[-1] if self.open else None
            self.nodes[key] = GraphNode(id=text or key, kind=_KINDS.get(bracket, "linear"), scope=scope)
        return self.nodes[key].id

    def document(self) -> GraphDocument:
        """The graph, its nodes in topological order."""
        nodes = {node.id: node for node in self.nodes.values()}
        after: dict[str, set[str]] = {name: set() for name in nodes}
        for edge in self.edges:
            if not edge.loop:
                after[edge.target].add(edge.source)
        ordered = list(TopologicalSorter(after).static_order())
        scopes = [
            scope.model_copy(update={"nodes": tuple(name for name in ordered if nodes[name].scope == scope.id)})
            for scope in self.scopes
        ]
        return GraphDocument(
            flow="diagram", file="", frontend="class", start=ordered[0], end=ordered[-1],
            nodes=tuple(nodes[name] for name in ordered), edges=tuple(self.edges), scopes=tuple(scopes),
        )  # fmt: skip
