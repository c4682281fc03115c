"""The code package as ConfigMaps: what a pod finds is what the package has, and what changes is what was changed."""

from __future__ import annotations

import base64
import difflib
import io
import json
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowc.protocol import PLAN_FILE
from flowc.shim.loaded_plan import CodePackage
from flowc_targets.argo.argo_checks import APPLY_BYTES
from flowc_targets.kubernetes.objects import ObjectMeta, to_manifest
from flowc_targets.kubernetes.package_maps import LONGEST_TEXT, package_maps
from flowc_targets.kubernetes.yaml_printer import documents
from flowc_targets.package.code_package import runtime_zip
from tests.argo.manifests import NESTED, diamond, emit
from tests.support import flowc, write_files, write_package, yaml_documents

CONTENTS = {
    "text": b"a = 1\n",
    "no end of line": b"a = 1",
    "blank lines at the end": b"a\n\n\n",
    "blank lines only": b"\n\n",
    "empty": b"",
    "blank at the start": b"  a\nb\n",
    "blank line at the start": b"\n  a\n",
    "long blank line at the start": b"      \n a\n",
    "blank at the ends": b"a  \n\t\nb\t\n",
    "tabs": b"if a:\n\tb\n",
    "returns": b"a\r\nb\r\n",
    "one return": b"a\rb\n",
    "form feed": b"a\x0cb\n",
    "nul": b"a\x00b\n",
    "escapes": b"\x1b[31m\n",
    "mark": b"\xef\xbb\xbfa\n",
    "next line": "a\u0085b\u2028c\n".encode(),
    "letters": "Zoë — 数据 🎉\n".encode(),
    "latin": "ë\n".encode("latin-1"),
    "yaml": b"---\na: {b: |\n...\n# c\n",
    "templates": b"{{workflow.name}} {{=1+1}} $(HOME)\n",
    "json": b'{"a": "\\n"}\n',
    "long": b"a,b\n" * (LONGEST_TEXT // 4 + 1),
    "binary": bytes(range(256)) * 9,
}
NAMES = ("a b.txt", "a_b.txt", "a/b.py", "a.b.py", "plan.json", "..x", ".env", "ü.py", "x" * 300, "env-0", "d/..e/f")


def package_folder(files: dict[str, bytes], folder: Path) -> CodePackage:
    """What a pod has of these files, through the printed manifest."""
    maps = package_maps("code", {PLAN_FILE: b"{}\n", **files}, {"env-0": "v"}, ObjectMeta())
    workflow = {"spec": {"volumes": [{"name": "flowc", "projected": to_manifest(maps.delivery.volume)}]}}
    text = documents([to_manifest(item) for item in maps.objects])
    folder.mkdir()
    write_package([*yaml_documents(text), workflow], folder)
    return CodePackage(str(folder / "flowc.pyz"), str(folder))


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_arrives_as_it_is(kind: str, tmp_path: Path) -> None:
    assert package_folder({"files/f": CONTENTS[kind]}, tmp_path / "there").read("files/f") == CONTENTS[kind]


def test_files_keep_apart_whatever_their_names(tmp_path: Path) -> None:
    files = {f"files/{name}": name.encode() for name in NAMES if len(name) < 256}
    there = package_folder(files, tmp_path / "there")
    assert {name: there.read(name) for name in files} == files
    long = package_maps("code", {"files/" + "x" * 300: b""}, {}, ObjectMeta())
    assert long.code is not None
    assert max(map(len, long.code.data)) == 253


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["", "\n", "\n\n", " "]))
def test_any_text_of_several_lines_survives_the_printer(text: str, end: str) -> None:
    tree = {"data": {"key": f"{text}\n{text}{end}"}}
    assert yaml_documents(documents([tree])) == [tree]


def changed_lines(folder: Path, before: str, after: str, *options: str) -> list[str]:
    """The lines of `diff` between what two versions of a flow compile to."""
    old, new = (compiled_lines(folder, text, *options) for text in (before, after))
    diff = difflib.unified_diff(old, new, n=0, lineterm="")
    return [line for line in diff if not line.startswith(("---", "+++"))]


def compiled_lines(folder: Path, text: str, *options: str) -> list[str]:
    (folder / "flow.py").write_text(text)
    done = flowc(folder, "compile", "flow.py", "--root", "s3://b/p", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


DECORATORS = {
    "cron": "from flowc import schedule\n@schedule(daily=True)\n",
    "sensor": 'from flowc import trigger\n@trigger(event="sold")\n',
    "cron and sensor": 'from flowc import schedule, trigger\n@schedule(daily=True)\n@trigger(event="sold")\n',
    "finished": 'from flowc import trigger_on_finish\n@trigger_on_finish(flow="Other")\n',
}
KINDS = {"workflow": "workflow", "template": "template", "cron": "cron", "sensor": "template", "finished": "template"}


@pytest.mark.parametrize("case", [*KINDS, "cron and sensor"])
def test_a_changed_comment_changes_its_line_and_the_names_that_hash_it(case: str, tmp_path: Path) -> None:
    before = diamond().replace("class Diamond", f"{DECORATORS.get(case, '')}class Diamond")
    kind = KINDS.get(case, "cron")
    source = ("--set", "event_source=shops") if "sensor" in case else ("-n", "flows")
    after = before.replace("    @step\n    def right", "    # the other arm\n    @step\n    def right")
    assert after != before
    lines = changed_lines(tmp_path, before, after, "--kind", kind, *source)
    changed = [line for line in lines if line.startswith(("+", "-"))]
    assert "# the other arm" in [line[1:].strip() for line in changed]
    assert len(changed) <= 10
    assert sum(len(line) + 1 for line in lines) <= 2000


def test_flows_of_a_release_share_the_runtime(tmp_path: Path) -> None:
    runtimes = [yaml_documents(emit(tmp_path, text) or "")[:2] for text in (diamond(), NESTED)]
    for item in (*runtimes[0], *runtimes[1]):
        del item["metadata"]["labels"]
    assert runtimes[0] == runtimes[1]
    for item in runtimes[0]:
        assert len(json.dumps(item)) < APPLY_BYTES - 20_000  # as `kubectl apply` keeps it
    halves = [base64.b64decode(*item["binaryData"].values()) for item in runtimes[0]]
    with zipfile.ZipFile(io.BytesIO(halves[0])) as program:
        assert program.read("flowc.zip.1") + zlib.decompress(halves[1]) == runtime_zip()


def test_the_plan_has_a_line_for_each_step(tmp_path: Path) -> None:
    plan = yaml_documents(emit(tmp_path, diamond()) or "")[2]["data"]["plan.json"].splitlines()
    assert [line.split(":")[0] for line in plan if line.startswith(" ")] == [
        ' "start"', ' "left"', ' "right"', ' "join"', ' "end"',
    ]  # fmt: skip


def test_a_user_reads_the_code_in_the_manifest(tmp_path: Path) -> None:
    write_files(tmp_path, {"flows/flow.py": diamond() + "import shop.util\n", "shop/util.py": "X = 1\n", ".git/x": ""})
    done = flowc(tmp_path, "compile", "flows/flow.py", "--root", "s3://b/p")
    assert done.returncode == 0, done.stderr
    assert "  shop.util.py: |\n    X = 1\n" in done.stdout


MARKS = """
from pathlib import Path

from flowc import FlowSpec, step


class Marks(FlowSpec):
    @step
    def start(self):
        self.items = list(range(6))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        mark = Path(__file__).with_name("mark")
        self.seen = mark.exists()
        mark.write_text("")
        self.next(self.join)

    @step
    def join(self, inputs):
        assert not any(task.seen for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.process
@pytest.mark.parametrize("padding", [0, LONGEST_TEXT], ids=["text", "compressed"])
def test_each_task_has_files_of_its_own(padding: int, tmp_path: Path) -> None:
    """Also where the simulator forks tasks from one process; and nothing is left over."""
    (tmp_path / "flow.py").write_text(MARKS + f"# {'x' * padding}\n")
    (tmp_path / "temporary").mkdir()
    temporary = {"TMPDIR": str(tmp_path / "temporary")}
    assert flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "-o", "flow.yaml").returncode == 0
    done = flowc(tmp_path, "simulate", "flow.yaml", "--root", "store", **temporary)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
