"""`flowc graph`: its formats, what they show of steps and edges, and that nothing of a flow's text becomes markup."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from flowc_cli.app import app
from flowc_cli.drawing.document_builder import graph_document
from flowc_cli.drawing.graph_document import GraphDocument, GraphEdge
from tests.conftest import REPOSITORY
from tests.support import compiled

SVG = "{http://www.w3.org/2000/svg}"
FLOW = """
from flowc import FlowSpec, exit_hook, kubernetes, parallel, resources, retry, step, timeout

def tell(run):
    print(run)

@exit_hook(on_error=[tell])
class Shown(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.kind = "a"
        self.next(self.work, foreach="items")

    @kubernetes(image="registry.example/team/ml:1", gpu=2, gpu_type="a100", node_selector={"pool": "gpu"})
    @resources(cpu=4, memory=8192)
    @retry(times=4)
    @timeout(hours=2)
    @step
    def work(self):
        self.part = self.input
        self.next(self.collect)

    @step
    def collect(self, inputs):
        self.total = sum(item.part for item in inputs)
        self.kind = inputs[0].kind
        self.next(self.choose)

    @step
    def choose(self):
        self.next({"a": self.gang, "b": self.again}, condition="kind")

    @step
    def gang(self):
        self.next(self.member, num_parallel=3)

    @parallel
    @step
    def member(self):
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.total = 0
        self.next(self.end)

    @step
    def again(self):
        self.more = False
        self.next({True: self.again, False: self.end}, condition="more")

    @step
    def end(self):
        print(self.total)
"""


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["graph", *map(str, arguments)])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture
def flow(tmp_path: Path) -> Path:
    path = tmp_path / "shown.py"
    path.write_text(FLOW)
    return path


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]


def document(folder: Path, text: str) -> GraphDocument:
    found = compiled(folder, text)
    effects = found.effects() if found.effects is not None else None
    return graph_document(found.flow, effects, artifacts=True)


ENDINGS = {
    "x.svg": "<svg ", "x.html": "<!doctype html>", "x.HTM": "<!doctype html>", "x.json": "{\n", "x.dot": "digraph",
    "x.gv": "digraph", "x.mmd": "flowchart", "x.txt": "Flow Shown",
}  # fmt: skip


@pytest.mark.parametrize("name", ENDINGS)
def test_format_of_the_ending(flow: Path, name: str) -> None:
    output = flow.parent / "out" / name
    assert run(flow, "-o", output) == ""
    assert output.read_text().startswith(ENDINGS[name])


def test_format_and_output(flow: Path) -> None:
    assert run(flow, "--format", "json", "-o", flow.parent / "x.svg") == ""
    assert (
        (flow.parent / "x.svg").read_text() == run(flow, "--format", "json") == run(flow, "--format", "json", "-o", "-")
    )


@pytest.mark.parametrize(("name", "code"), [("x.png", "FC505"), ("x", "FC505"), ("shown.py/x.svg", "FC603")])
def test_output_that_cannot_be(flow: Path, name: str, code: str) -> None:
    result = CliRunner().invoke(app, ["graph", str(flow), "-o", str(flow.parent / name)])
    assert result.exit_code == 2
    assert f"error[{code}]" in result.stderr
    assert list(flow.parent.iterdir()) == [flow]


def test_no_file_for_a_flow_that_does_not_compile(flow: Path) -> None:
    flow.write_text(FLOW.replace("self.gather)", "self.gone)"))
    result = CliRunner().invoke(app, ["graph", str(flow), "-o", str(flow.parent / "x.svg")])
    assert result.exit_code == 2
    assert not (flow.parent / "x.svg").exists()


def test_text_has_no_artifacts(flow: Path) -> None:
    result = CliRunner().invoke(app, ["graph", str(flow), "--format", "text", "--artifacts"])
    assert result.exit_code == 0
    assert "warning[FC506]" in result.stderr


def test_json(flow: Path) -> None:
    """The form that docs/graph.md describes."""
    found = GraphDocument.model_validate_json(run(flow, "--format", "json", "--artifacts"))
    nodes = {node.id: node for node in found.nodes}
    scopes = {scope.id: scope for scope in found.scopes}
    assert (found.version, found.flow, found.start, found.end) == (1, "Shown", "start", "end")
    assert {scope.id: (scope.kind, scope.parent) for scope in found.scopes} == {
        "start": ("foreach", None), "choose/gang": ("switch", None), "gang": ("parallel", "choose/gang"),
        "choose/again": ("switch", None),
    }  # fmt: skip
    assert all(node.id in scopes[node.scope].nodes for node in found.nodes if node.scope)
    assert nodes["work"].line == 20
    assert {fact.name: fact.text for fact in nodes["work"].facts} == {
        "GPU": "2 × a100", "CPU": "4", "memory": "8 GiB", "image": "registry.example/team/ml:1",
        "retries": "4, 2 min apart", "timeout": "2 h", "nodes": "pool=gpu",
    }  # fmt: skip
    assert nodes["work"].specs["accelerator"] == {"count": 2, "type": "a100"}
    assert (nodes["member"].gang, nodes["member"].members) == (True, 3)
    assert nodes["work"].sets == ("part",)
    assert found.exit_hooks.on_error == ("tell",)
    assert {(edge.source, edge.target): edge.cases for edge in found.edges if edge.cases} == {
        ("choose", "gang"): ('"a"',), ("choose", "again"): ('"b"',), ("again", "again"): ("true",),
        ("again", "end"): ("false",),
    }  # fmt: skip
    assert [edge.target for edge in found.edges if edge.loop] == ["again"]


def test_svg(flow: Path) -> None:
    svg = run(flow, "--format", "svg")
    root = ET.fromstring(svg)
    shown = texts(svg)
    assert root.find(f"{SVG}title") is not None
    desc = root.find(f"{SVG}desc")
    assert desc is not None
    assert desc.text is not None
    assert 'choose leads to gang ("a"), again ("b").' in desc.text
    for text in (
        "start", "foreach items", "GPU 2 × a100 · CPU 4 · memory 8 GiB", "ml:1",
        "up to 4 retries · timeout 2 h", "pool=gpu",
        "switch on kind", '"a"', "gang of 3", "true", "Exit hooks, when the run has ended", "on error: tell",
    ):  # fmt: skip
        assert text in shown, text
    assert "prefers-color-scheme: dark" in svg
    assert re.findall(r"https?://[^\"]*", svg) == ["http://www.w3.org/2000/svg"]
    assert svg == run(flow, "--format", "svg")


class Page(HTMLParser):
    """The elements of a page, and the text of those named in `kept`."""

    kept = ("script", "title", "h1")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in self.kept and data.strip():
            self.texts.append(data)


def test_html(flow: Path) -> None:
    text = run(flow, "--format", "html", "--artifacts")
    page = Page(text)
    names = [name for name, _ in page.elements]
    assert names.count("svg") == 1
    assert names.count("script") == 2
    assert not [
        attributes for _, attributes in page.elements if {"src", "href", "onload", "onclick"} & attributes.keys()
    ]
    policy = next(
        found["content"] for _, found in page.elements if found.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    data = next(item for item in page.texts if item.startswith("{"))
    printed = GraphDocument.model_validate_json(run(flow, "--format", "json", "--artifacts"))
    assert GraphDocument.model_validate_json(data) == printed


HOSTILE = [
    "</script><script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "]]><x>", "<!--", "&lt;&#0;&amp;",
    "\\x00\\x07\\x1b[31m", "\\u202ereversed", "' onload='alert(1)", "line\\nline", "x" * 3000, "漢字" * 40,
]  # fmt: skip


HOSTILE_FLOW = """
from flowc import FlowSpec, kubernetes, step

class Shown(FlowSpec):
    TEXT

    @step
    def start(self):
        TEXT
        self.kind = "b"
        setattr(self, TEXT, 1)
        self.next({TEXT: self.a, "b": self.b}, condition="kind")

    @kubernetes(image=TEXT)
    @step
    def a(self):
        self.next(self.end)

    @step
    def b(self):
        self.next(self.end)

    @step
    def end(self):
        print(getattr(self, TEXT))
"""


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text(tmp_path: Path, text: str) -> None:
    """In a docstring, a value of a switch, an artifact's name, a label of nodes and an image."""
    path = tmp_path / "flow.py"
    quoted = '"' + text.replace('"', '\\"') + '"'
    path.write_text(HOSTILE_FLOW.replace("TEXT", quoted), encoding="utf-8")
    arguments = [path, "--artifacts"]
    result = CliRunner().invoke(app, ["graph", str(path), "--format", "svg", "--artifacts"])
    if result.exit_code == 2:  # such as an image that Kubernetes would not take
        assert "error[" in result.stderr
        path.write_text(re.sub(r"    @kubernetes.*\n", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    root = ET.fromstring(run(*arguments, "--format", "svg"))
    assert not {element.tag.rpartition("}")[2] for element in root.iter()} & {"script", "img", "x"}
    page = Page(run(*arguments, "--format", "html"))
    names = [name for name, _ in page.elements]
    assert (names.count("script"), names.count("img"), names.count("x")) == (2, 0, 0)
    assert not [found for _, found in page.elements if {"onerror", "onload"} & found.keys()]
    GraphDocument.model_validate_json(next(item for item in page.texts if item.startswith("{")))
    json.loads(run(*arguments, "--format", "json"))
    for form in ("mermaid", "dot"):
        assert "\x1b" not in run(*arguments, "--format", form)


# Artifacts on edges: the body of each step, and what crosses each edge.
CROSSING = {
    "what is read at once": (
        {"start": "self.a = 1", "middle": "print(self.a)", "end": ""},
        {"start>middle": "a", "middle>end": ""},
    ),
    "what is read behind": (
        {"start": "self.a = 1; self.b = 2", "middle": "print(self.b)", "end": "print(self.a)"},
        {"start>middle": "a b", "middle>end": "a"},
    ),
    "what nobody reads": (
        {"start": "self.a = 1", "middle": "self.b = 1", "end": ""},
        {"start>middle": "", "middle>end": ""},
    ),
    "what is set anew": (
        {"start": "self.a = 1", "middle": "self.a = 2", "end": "print(self.a)"},
        {"start>middle": "", "middle>end": "a"},
    ),
    "what is perhaps set anew": (
        {"start": "self.a = 1", "middle": "if len('x') > 1:\n            self.a = 2", "end": "print(self.a)"},
        {"start>middle": "a", "middle>end": "a"},
    ),
    "what is changed": (
        {"start": "self.a = [1]", "middle": "self.a += [2]", "end": "print(self.a)"},
        {"start>middle": "a", "middle>end": "a"},
    ),
    "a parameter": (
        {"start": "", "middle": "print(self.size)", "end": "print(self.size)"},
        {"start>middle": "", "middle>end": ""},
    ),
    "what cannot be followed": (
        {"start": "vars(self).update(x=1)", "middle": "", "end": "print(self.x)"},
        {"start>middle": "x ?", "middle>end": "x ?"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSSING)
def test_artifacts_of_a_chain(tmp_path: Path, name: str) -> None:
    bodies, expected = CROSSING[name]
    lines = [
        "from flowc import FlowSpec, Parameter, step",
        "class Chain(FlowSpec):",
        "    size = Parameter('size', default=1)",
    ]
    order = list(bodies)
    for step, body in bodies.items():
        lines += ["    @step", f"    def {step}(self):", f"        {body or 'pass'}"]
        following = order[order.index(step) + 1 :][:1]
        lines += [f"        self.next(self.{target})" for target in following]
    assert crossing(document(tmp_path, "\n".join(lines))) == expected


def crossing(found: GraphDocument) -> dict[str, str]:
    return {f"{edge.source}>{edge.target}": shown(edge) for edge in found.edges}


def shown(edge: GraphEdge) -> str:
    return " ".join([*(edge.artifacts or ()), *(["?"] if edge.unknown else [])])


def test_artifacts_of_joins(tmp_path: Path) -> None:
    """What a join takes of each input, what it merges, and what the steps behind it need of that."""
    found = document(
        tmp_path,
        """
        from flowc import FlowSpec, step

        class Joined(FlowSpec):
            @step
            def start(self):
                self.common = 1
                self.lost = 2
                self.next(self.a, self.b)

            @step
            def a(self):
                self.x = 1
                self.y = 2
                self.next(self.join)

            @step
            def b(self):
                self.x = 2
                self.z = 3
                self.next(self.join)

            @step
            def join(self, inputs):
                self.x = inputs.a.x
                self.both = [item.x for item in inputs]
                self.merge_artifacts(inputs, exclude=["lost", "both"])
                self.next(self.end)

            @step
            def end(self):
                print(self.x, self.common, self.z)
        """,
    )
    assert crossing(found) == {
        "start>a": "common", "start>b": "common", "a>join": "common x", "b>join": "common x z",
        "join>end": "common x z",
    }  # fmt: skip


def test_artifacts_of_a_foreach_and_a_loop(flow: Path) -> None:
    found = GraphDocument.model_validate_json(run(flow, "--format", "json", "--artifacts"))
    assert crossing(found) == {
        "start>work": "kind", "work>collect": "kind part", "collect>choose": "kind total", "choose>gang": "",
        "choose>again": "total",
        "gang>member": "", "member>gather": "", "gather>end": "total", "again>again": "total", "again>end": "total",
    }  # fmt: skip


PIPELINE = """
from flowc import pipeline, step

@step
def load() -> list[int]:
    return [1, 2]

@step
def work(x: int) -> int:
    return x

@step
def two(x: int) -> tuple[int, int]:
    return x, x

@step
def tell(values: list[int]) -> None:
    print(values)

@step
def total(values: list[int]) -> int:
    return sum(values)

@pipeline
def flow():
    BODY

if __name__ == "__main__":
    flow()
"""
# The body of the pipeline, and the steps whose results nothing uses.
UNUSED = {
    "tell(load())": "",
    "load()": "load",
    "items = load()\n    tell(items)\n    total(items)": "total",
    "return total(load())": "",
    "tell(work.map(load()))": "",
    "work.map(load())": "work",
    "first, second = two(1)\n    tell([second])": "",
    "items = load()\n    if work(1) > 1:\n        total(items)": "total",
    "found = work(1)\n    if found > 1:\n        found = work(2)\n    tell([found])": "",
    "return {'all': [total(load())]}": "",
    "for x in load():\n        work(x)": "work",
    "results = []\n    for x in load():\n        results.append(work(x))\n    return results": "",
    "load()\n    load()\n    tell(load(after=['load']))": "load load_2",
}


@pytest.mark.parametrize("body", UNUSED)
def test_results_that_nothing_uses(tmp_path: Path, body: str) -> None:
    found = document(tmp_path, PIPELINE.replace("BODY", body))
    assert " ".join(node.id for node in found.nodes if node.unused) == UNUSED[body]


MARKED = {
    "svg": ">result unused<", "mermaid": 's_load["load<br><i>result unused</i>"]', "text": "nothing uses its result",
    "dot": '"load" [label="load\\nresult unused", style=dashed];', "html": ">result unused<", "json": '"unused": true',
}  # fmt: skip


@pytest.mark.parametrize("form", MARKED)
def test_unused_results_are_marked(tmp_path: Path, form: str) -> None:
    for body, marked in (("load()", True), ("tell(load())", False)):
        (tmp_path / "flow.py").write_text(PIPELINE.replace("BODY", body))
        result = CliRunner().invoke(app, ["graph", str(tmp_path / "flow.py"), "--format", form])
        assert (MARKED[form] in result.stdout) is marked
        assert result.stderr == ""


def test_types_of_artifacts(flow: Path) -> None:
    found = GraphDocument.model_validate_json(run(flow, "--format", "json", "--artifacts"))
    nodes = {node.id: node for node in found.nodes}
    edges = {(edge.source, edge.target): edge for edge in found.edges}
    assert nodes["start"].types == {"items": "list[int]", "kind": "str"}
    assert edges["start", "work"].types == {"kind": "str"}
    assert "work: kind: str" in run(flow, "--format", "svg", "--artifacts")


def test_results_that_code_looks_for(tmp_path: Path) -> None:
    text = PIPELINE.replace("print(values)", "from zenml.client import Client")
    found = document(tmp_path, text.replace("BODY", "load()\n    tell([1])"))
    assert not [node.id for node in found.nodes if node.unused]


def test_results_on_edges(tmp_path: Path) -> None:
    """By the edge from the step that they are of; what is older crosses an edge from a step behind that one."""
    body = "one = work(1)\n    first, second = two(one)\n    tell([first, second, one])"
    found = document(tmp_path, PIPELINE.replace("BODY", body))
    assert crossing(found) == {"work>two": "output", "two>tell": "output_0 output_1 work"}


def test_cases_of_a_pipeline(tmp_path: Path) -> None:
    body = "found = work(1)\n    if found > 1:\n        found = work(2)\n    tell([found])"
    found = document(tmp_path, PIPELINE.replace("BODY", body))
    cases = {(edge.source, edge.target): edge.cases for edge in found.edges if edge.cases}
    assert cases == {("work", "work_2"): ("if work > 1",), ("work", "tell"): ("else",)}


def test_values_of_secrets_are_not_shown(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        """
        from flowc import FlowSpec, environment, secrets, step

        class Secret(FlowSpec):
            @secrets(sources=[{"type": "inline", "id": "x", "options": {"env_vars": {"TOKEN": "hidden-1"}}}])
            @environment(vars={"NAME": "hidden-2"})
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    printed = found.model_dump_json()
    assert "hidden" not in printed
    assert "NAME" in printed


@pytest.mark.process
def test_bytes_do_not_depend_on_the_process() -> None:
    command = [
        sys.executable,
        "-m",
        "flowc_cli",
        "graph",
        "examples/choose_model.py",
        "--artifacts",
        "--format",
        "html",
    ]
    outputs = {
        subprocess.run(command, cwd=REPOSITORY, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


IMPORTED = {"mermaid": "graph_document", "json": "layered_layout", "svg": "html_page"}


@pytest.mark.process
@pytest.mark.parametrize("form", IMPORTED)
def test_what_is_imported(form: str) -> None:
    """Only what draws the format that is asked for."""
    code = f"""
        import sys
        from flowc_cli.app import app

        try:
            app(["graph", "examples/two_models.py", "--format", "{form}"])
        finally:
            print([name for name in sys.modules if "drawing" in name], file=sys.stderr)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert "flowc_cli.drawing" in result.stderr
    assert IMPORTED[form] not in result.stderr


PODS = """
from flowc import FlowSpec, foreach_options, fuse, resources, step

class Pods(FlowSpec):
    @step
    def start(self):
        self.next(self.list)

    @foreach_options(items_per_task=20, workers=2)
    @step
    def list(self):
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @step
    def each(self):
        self.next(self.join)

    @resources(cpu=2)
    @step
    def join(self, inputs):
        self.next(self.split)

    @step
    def split(self):
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.both)

    @step
    def right(self):
        self.next(self.both)

    @fuse
    @step
    def both(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def pods_file(tmp_path: Path) -> str:
    (tmp_path / "pods.py").write_text(PODS)
    return str(tmp_path / "pods.py")


def pods_graph(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["graph", *arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


def test_pods_as_boxes(pods_file: str) -> None:
    drawn = pods_graph(pods_file, "--pods")
    assert drawn.index('subgraph pod_split["one pod, 2 tasks at a time"]') < drawn.index("s_left[left]")
    assert 'subgraph foreach_list["foreach items, pods of 20 items, 2 tasks at a time"]' in drawn
    assert "pod_start" not in drawn
    assert drawn.count("s_left[left]") == 1
    fused = pods_graph(pods_file, "--pods", "--fuse")
    assert 'subgraph pod_start["one pod"]\n    s_start[start]\n    s_list[/list/]\n  end\n' in fused
    assert 'subgraph "cluster_pod_split" {' in pods_graph(pods_file, "--pods", "--format", "dot")
    assert "pod" not in pods_graph(pods_file)


def test_pods_as_data_and_in_words(pods_file: str) -> None:
    document = GraphDocument.model_validate_json(pods_graph(pods_file, "--pods", "--fuse", "--format", "json"))
    assert document.pods is not None
    assert [(pod.kind, pod.steps, pod.workers, pod.items_per_task) for pod in document.pods] == [
        ("fused", ("start", "list"), 1, None),
        ("batch", ("each",), 2, 20),
        ("fused", ("join", "split", "left", "right", "both", "end"), 2, None),
    ]
    assert [(fact.name, fact.text) for fact in document.pods[2].facts] == [("CPU", "2")]
    assert "pods" not in json.loads(pods_graph(pods_file, "--format", "json"))
    words = pods_graph(pods_file, "--pods", "--fuse", "--format", "text")
    assert words.endswith(
        "Pods\n    start, list: one pod\n    each: pods of 20 items, 2 tasks at a time of list\n"
        "    join, split, left, right, both, end: one pod, 2 tasks at a time (CPU 2)\n"
    )


def test_pods_on_cards(pods_file: str) -> None:
    picture = pods_graph(pods_file, "--pods", "--fuse", "--format", "svg")
    assert "one pod with list" in picture
    assert "one pod" not in pods_graph(pods_file, "--format", "svg")


def test_what_shapes_pods_needs_pods(pods_file: str) -> None:
    result = CliRunner().invoke(app, ["graph", pods_file, "--fuse", "--batch", "list=3"])
    assert "--fuse has no effect without --pods" in result.stderr
    assert "--batch has no effect without --pods" in result.stderr
    batched = pods_graph(pods_file, "--pods", "--batch", "list=3")
    assert "pods of 3 items" in batched
